"""The parts that acceptance tests share with the service's."""

from tests.service.conftest import postgres

__all__ = ["postgres"]

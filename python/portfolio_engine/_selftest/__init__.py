"""The self-test: every kernel on every device of this machine, against independent computations."""

from portfolio_engine._selftest.report import Row, SelfTest
from portfolio_engine._selftest.run import selftest

__all__ = ["Row", "SelfTest", "selftest"]

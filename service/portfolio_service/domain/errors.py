"""Domain errors: what went wrong, as a code of the documented table; HTTP statuses live in api/errors.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One wrong field of a request."""

    field: str
    message: str


class DomainError(Exception):
    """`code` is from the documented table, `detail` one sentence that says what to do."""

    def __init__(self, code: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)


class NotFound(DomainError):
    """No such portfolio (404)."""


class Conflict(DomainError):
    """The state does not allow it (409)."""


class Unacceptable(DomainError):
    """Understood but wrong (422)."""


class PreconditionFailed(DomainError):
    """A stale version (412)."""


class Unavailable(DomainError):
    """Overload, storage or market data away (503, with Retry-After)."""

    def __init__(self, code: str, detail: str, retry_after_s: int = 5) -> None:
        super().__init__(code, detail)
        self.retry_after_s = retry_after_s


class OutcomeUnknown(Unavailable):
    """The connection broke in the middle of a commit: the change may be done or not (503)."""

    def __init__(self, detail: str) -> None:
        super().__init__("storage_unavailable", detail)


class TimedOut(DomainError):
    """An optimisation over its time limit (504)."""

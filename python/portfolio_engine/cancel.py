"""Ending a computation early: a time limit, or a token that another thread cancels."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from portfolio_engine.errors import CancelledError
from portfolio_engine.kernels import CancelToken

__all__ = ["CancelToken", "Limit"]


@dataclass(frozen=True)
class Limit:
    """A deadline and a token for work of several steps; `arguments` hands what is left of them to one kernel.

    Attributes:
        function: the public function, for its errors.
        deadline: of time.monotonic(), infinity for none.
        cancel: the caller's token, or None.
    """

    function: str
    deadline: float = math.inf
    cancel: CancelToken | None = None

    @classmethod
    def of(cls, function: str, time_limit: float | None, cancel: CancelToken | None) -> Limit:
        """The caller's arguments, checked; the clock starts now."""
        if cancel is not None and not isinstance(cancel, CancelToken):
            raise ValueError(f"[{function}] cancel: expected a CancelToken or None, got {type(cancel).__name__}")
        if time_limit is None:
            return cls(function, cancel=cancel)
        if isinstance(time_limit, (bool, str)) or not float(time_limit) >= 0:
            raise ValueError(f"[{function}] time_limit: expected seconds >= 0 or None, got {time_limit!r}")
        return cls(function, time.monotonic() + float(time_limit), cancel)

    @property
    def arguments(self) -> dict[str, Any]:
        """`time_limit` (seconds left, or None) and `cancel` for a kernel."""
        left = None if self.deadline == math.inf else max(0.0, self.deadline - time.monotonic())
        return {"time_limit": left, "cancel": self.cancel}

    def check(self) -> None:
        """Raise CancelledError or TimeoutError when the caller has ended the work."""
        if self.cancel is not None and self.cancel.cancelled:
            raise CancelledError(f"[{self.function}] cancel: the caller cancelled the computation")
        if time.monotonic() >= self.deadline:
            raise TimeoutError(f"[{self.function}] time_limit: the computation was not finished in time")

    def check_status(self, status: str) -> None:
        """Raise for a solver's status "cancelled" or "time_limit"."""
        if status == "cancelled":
            raise CancelledError(f"[{self.function}] cancel: the caller cancelled the computation")
        if status == "time_limit":
            raise TimeoutError(f"[{self.function}] time_limit: the computation was not finished in time")

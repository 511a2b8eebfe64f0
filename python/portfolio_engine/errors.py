"""Errors of the optimiser that a caller may want to tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portfolio_engine.allocation import Violation


@dataclass(frozen=True)
class FeasibleRange:
    """What the constraints allow: annual expected returns and the lowest annual volatility.

    min_return and min_volatility are those of the hard constraints alone; max_return too, except where target_return is
    the only target out of reach: then it is the highest return within max_volatility and turnover.
    """

    min_return: float
    max_return: float
    min_volatility: float

    def __str__(self) -> str:
        return (
            f"expected return from {self.min_return:.6g} to {self.max_return:.6g}, "
            f"volatility from {self.min_volatility:.6g}"
        )


class InfeasibleError(ValueError):
    """No portfolio meets the constraints; proven by a certificate, never concluded from a failed solve.

    Attributes:
        conflict: names of constraints that cannot hold together; without any one of them the others can.
        explanation: the arithmetic of the conflict in words.
        feasible: the attainable range when only targets are out of reach (`strict=True`), else None.
        violations: the targets out of reach with what could be reached (`strict=True`), else empty.
    """

    def __init__(
        self,
        conflict: Sequence[str],
        explanation: str,
        feasible: FeasibleRange | None = None,
        violations: Sequence[Violation] = (),
    ) -> None:
        self.conflict = tuple(conflict)
        self.explanation = explanation
        self.feasible = feasible
        self.violations = tuple(violations)
        super().__init__(f"[optimize] constraints: {' and '.join(self.conflict)} cannot be met: {explanation}")


class SolverError(RuntimeError):
    """The solver gave no answer that could be verified; `status` is its own word for it."""

    def __init__(self, status: str, message: str) -> None:
        self.status = status
        super().__init__(f"[optimize] {status}: {message}")


class CancelledError(RuntimeError):
    """A `CancelToken` ended the computation; there is no answer. A time limit raises Python's TimeoutError instead.

    Functions whose result has a status (`solve_qp`) do not raise: they return "cancelled" or "time_limit" with the best
    point so far.
    """

"""What quadratic programs answer: one solution, or the solutions of a batch field by field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from portfolio_engine._labels import Array


@dataclass(frozen=True, eq=False)
class QPSolution:
    """Outcome of a quadratic program; what x, y, z and z_box mean depends on `status`.

    status
        "optimal": x minimises; y (p), z (m, >= 0) and z_box (n, < 0 at a lower, > 0 at an upper bound) are duals with
        ``P x + q + A'y + G'z + z_box = 0``.
        Where something is held, z_trade (n) joins that sum: at x_j a slope of ``(trading_cost_j + turnover_dual) *
        |x_j - held_j|``. d/d(turnover) of the optimal value is -turnover_dual.
        "primal_infeasible": no x satisfies the constraints; (y, z, z_box) is the Farkas certificate
        ``A'y + G'z + z_box = 0`` with ``b'y + h'z + sum(ub * max(z_box, 0)) + sum(lb * min(z_box, 0)) = -1``; x is 0.
        "dual_infeasible": the objective falls without limit along the ray x, if any point is feasible:
        ``P x = 0, A x = 0, G x <= 0, q'x = -1`` and x leaves no bound; duals are 0.
        "max_iterations", "numerical_error", "time_limit", "cancelled": the best point found; the residuals say how
        good it is.
    objective
        1/2 x'Px + q'x, and the trading cost where there is one.
    primal_residual, dual_residual, gap
        Relative, infinity norm, on the given data; gap is the larger of duality gap and complementarity.
    polished
        True when x and the duals come from the active set solved exactly, with exact zeros and bounds.
    method
        "active_set" or "interior_point": the one that gave this answer. `iterations` counts its steps.
    """

    x: Array
    y: Array
    z: Array
    z_box: Array
    status: str
    objective: float
    primal_residual: float
    dual_residual: float
    gap: float
    iterations: int
    polished: bool
    seconds: float
    device: str
    device_reason: str
    method: str = "interior_point"
    z_trade: Array | None = None
    turnover_dual: float = 0.0

    @property
    def is_optimal(self) -> bool:
        """Whether x solves the problem to the tolerance."""
        return self.status == "optimal"

    @property
    def found(self) -> bool:
        """The same as `is_optimal`, under the name qpsolvers gives it."""
        return self.is_optimal


def solution(result: dict[str, Any]) -> QPSolution:
    """The kernel's fields as they are: the __init__ of a frozen dataclass sets them one by one, in 5 microseconds."""
    out = object.__new__(QPSolution)
    object.__setattr__(out, "__dict__", result)
    return out


@dataclass(frozen=True, eq=False)
class QPSolutions(Sequence[QPSolution]):
    """The solutions of B problems of one shape: a sequence of `QPSolution`, made when they are asked for, and each of
    its fields for all of them, such as x (B, n), objective (B,) and status, a list of B.
    """

    x: Array
    y: Array
    z: Array
    z_box: Array
    status: list[str]
    objective: Array
    primal_residual: Array
    dual_residual: Array
    gap: Array
    iterations: npt.NDArray[np.int32]
    polished: npt.NDArray[np.bool_]
    seconds: Array
    turnover_dual: Array
    method: list[str]
    device: list[str]
    device_reason: list[str]
    z_trade: Array | None = None

    def __len__(self) -> int:
        return len(self.status)

    @overload
    def __getitem__(self, k: int) -> QPSolution: ...
    @overload
    def __getitem__(self, k: slice) -> list[QPSolution]: ...
    def __getitem__(self, k: int | slice) -> QPSolution | list[QPSolution]:
        if isinstance(k, slice):
            return list(self._some(k))
        k = range(len(self))[k]  # an IndexError beyond the end, which ends loops too
        return next(self._some(slice(k, k + 1)))

    def __iter__(self) -> Iterator[QPSolution]:
        return self._some(slice(None))

    def _some(self, rows: slice) -> Iterator[QPSolution]:
        fields = {name: column[rows] for name, column in vars(self).items() if column is not None}
        items = [column.tolist() if _numbers(column) else column for column in fields.values()]
        return (solution(dict(zip(fields, row, strict=True))) for row in zip(*items, strict=True))


def _numbers(column: Any) -> bool:
    return isinstance(column, np.ndarray) and column.ndim == 1

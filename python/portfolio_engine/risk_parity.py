"""Risk budgeting: weights whose risk contributions are proportional to given budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from portfolio_engine import kernels
from portfolio_engine._labels import (
    Array,
    aligned_array,
    as_array,
    asset_names,
    check_finite,
    label_vector,
    stacked,
)
from portfolio_engine.cancel import CancelToken, Limit

VECTORS = ("weights", "risk_contributions", "bound_duals")


@dataclass(frozen=True, eq=False)
class RiskParity:
    """A risk-budgeted portfolio.

    With bounds, risk_contributions + weights x bound_duals = budget_scale x budgets (which sum to one), and that
    defines it: names off their bounds contribute in proportion to the budgets, a name at its upper bound at most that
    much, one at its lower bound at least.

    Attributes:
        weights: (n,), positive, sum to one, exactly at the bounds that hold them; a Series when the covariance was a
            DataFrame.
        risk_contributions: (n,), w_i (Sigma w)_i / volatility: they sum to `volatility`.
        bound_duals: (n,), zero off the bounds, > 0 at an upper and < 0 at a lower one: how much more of `volatility` a
            unit of weight beyond the bound may cost than it does.
        budget_scale: what a budget of one may contribute; the volatility where no bound holds.
        volatility: sqrt(w' Sigma w), in the units of the covariance.
        max_error: largest |risk contribution - budget_scale x budget| / volatility among the names off their bounds;
            NaN where there is no risk to share.
        iterations: coordinate sweeps and Newton steps.
        status: "optimal"; "zero_risk" (a long-only combination has no risk, so no portfolio has these budgets; the
            weights are that combination); "not_psd" (the matrix has a negative eigenvalue and no answer was found, see
            `nearest_psd`); "rounding_limit" (so nearly singular that float64 cannot express the tolerance);
            "infeasible" (no weights within the bounds sum to one, or none of those have the budgets; the weights are
            not within them then); "max_iterations".
        converged: whether the status is "optimal".
        device, device_reason: where it was computed, and why there.
    """

    weights: Any
    risk_contributions: Any
    bound_duals: Any
    budget_scale: float
    volatility: float
    max_error: float
    iterations: int
    status: str
    device: str
    device_reason: str

    @property
    def converged(self) -> bool:
        return self.status == "optimal"


def risk_parity(
    covariance: npt.ArrayLike | Any,
    budgets: npt.ArrayLike | Any | None = None,
    *,
    lower: npt.ArrayLike | Any | None = None,
    upper: npt.ArrayLike | Any | None = None,
    tolerance: float = 1e-10,
    max_iterations: int = 1000,
    device: str = "auto",
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
) -> RiskParity:
    """Long-only portfolio in which asset i contributes the share `budgets[i]` of the risk, within bounds if given.

    Solves min 1/2 y'Cy - sum b_i log y_i on the correlation matrix C (Spinu 2013, "An algorithm for computing risk
    parity weights"): cyclical coordinate descent (Griveau-Billion, Richard and Roncalli 2013), then Newton steps with
    a damping that provably descends. The solution is unique whenever it exists, also for a singular covariance.

    With bounds it is the constrained risk budgeting of Richard and Roncalli (2019, section 3): the weights that
    minimise volatility - budget_scale x sum b_i log w_i within them, at the budget_scale for which they sum to one;
    without bounds in force that is the portfolio above. `RiskParity` states what holds then.

    Args:
        covariance: (n, n), symmetric positive semidefinite with positive variances, of any units.
        budgets: (n,), > 0, of any sum; equal when not given. A Series is matched to a DataFrame by its labels.
        lower, upper: one number for all or (n,), bounds of the weights, lower >= 0 and upper > 0; default none.
            A Series is matched by its labels.
        tolerance: on the relative error of each contribution; where rounding forbids that, on `max_error`.
        max_iterations: limit on `iterations`.
        device: "auto", "cpu" or "metal".
        time_limit: seconds, None for none; looked at before each iteration.
        cancel: a CancelToken with which another thread can end it.

    Raises:
        TimeoutError, CancelledError: ended by `time_limit` or `cancel`.
        ValueError: a matrix that is not square, symmetric and finite, an asset without variance (it is named),
            budgets of another length or not positive, bounds of another length or negative, an absent device.
    """
    function = "risk_parity"
    limit = Limit.of(function, time_limit, cancel)
    matrix, shares = _arguments(covariance, budgets, function, "covariance", "budgets")
    raw = kernels.risk_parity(
        matrix,
        shares,
        lower=_bound(lower, covariance, matrix, function, "lower"),
        upper=_bound(upper, covariance, matrix, function, "upper"),
        tolerance=float(tolerance),
        max_iterations=int(max_iterations),
        device=device,
        **limit.arguments,
    )
    return _result(raw, covariance)


def risk_parity_batch(
    covariances: Sequence[Any] | npt.NDArray[Any],
    budgets: Sequence[Any] | npt.NDArray[Any] | None = None,
    *,
    tolerance: float = 1e-10,
    max_iterations: int = 1000,
    device: str = "auto",
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
) -> list[RiskParity]:
    """Solve many risk budgeting problems in one native, parallel call.

    Args:
        covariances: (B, n, n), or a list of (n_k, n_k) matrices (arrays or DataFrames) whose sizes may differ, each as
            in `risk_parity`. A matrix that is the same object in several places is shared.
        budgets: None: equal for every problem; else one entry for each covariance, each as in `risk_parity` or None.
        tolerance, max_iterations, device, time_limit, cancel: as in `risk_parity`.

    Returns:
        One RiskParity for each problem, in their order. A problem without an answer says so in its own status. On the
        CPU the numbers are those of `risk_parity`, bit for bit, whatever the number of threads. On a Metal GPU problems
        descend in float32 and every answer is brought to the same tolerance in float64; one that does not get there is
        solved by the CPU, and `device` of each says which it was.

    Raises:
        ValueError: as `risk_parity`, naming the problem by its place; budgets of another number than the covariances.
    """
    function = "risk_parity_batch"
    limit = Limit.of(function, time_limit, cancel)
    tables = stacked(covariances, function, "covariances")
    given = [None] * len(tables) if budgets is None else list(budgets)
    if len(given) != len(tables):
        raise ValueError(
            f"[{function}] budgets: expected one entry for each of the {len(tables)} covariances, got {len(given)}"
        )
    known: dict[int, Array] = {}  # the same object stays the same memory, which the kernel recognises
    arguments = []
    for k, (table, own) in enumerate(zip(tables, given, strict=True)):
        matrix, shares = _arguments(table, own, function, f"covariances[{k}]", f"budgets[{k}]")
        arguments.append((known.setdefault(id(table), matrix), shares))
    results = kernels.risk_parity_batch(
        [matrix for matrix, _ in arguments],
        [shares for _, shares in arguments],
        tolerance=float(tolerance),
        max_iterations=int(max_iterations),
        device=device,
        **limit.arguments,
    )
    return [_result(raw, table) for raw, table in zip(results, tables, strict=True)]


def _arguments(
    covariance: Any, budgets: Any, function: str, covariance_name: str, budgets_name: str
) -> tuple[Array, Array | None]:
    """The arrays of a problem; what is wrong with a labelled one is said by its labels."""
    names = asset_names(covariance)
    matrix = as_array(covariance, function, covariance_name)
    check_finite(matrix, covariance, function, covariance_name)
    if names is not None and matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]:
        flat = np.flatnonzero(~(np.diagonal(matrix) > 0.0))
        if flat.size:
            bad = int(flat[0])
            raise ValueError(
                f"[{function}] {covariance_name}: expected positive variances (an asset without risk can hold no share "
                f"of it), got {matrix[bad, bad]:g} for asset {names[bad]}"
            )
    return matrix, None if budgets is None else aligned_array(budgets, names, function, budgets_name)


def _bound(value: Any, covariance: Any, matrix: Array, function: str, argument: str) -> Array | None:
    if value is None:
        return None
    bound = aligned_array(value, asset_names(covariance), function, argument)
    return np.full(len(matrix), bound[0]) if np.ndim(value) == 0 else bound


def _result(raw: dict[str, Any], covariance: Any) -> RiskParity:
    names = asset_names(covariance)
    labelled = {key: label_vector(raw.pop(key), names) for key in VECTORS}
    return RiskParity(**labelled, **raw)

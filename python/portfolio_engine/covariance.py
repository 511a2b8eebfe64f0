"""Covariance estimators of a table of returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from portfolio_engine import kernels
from portfolio_engine._labels import as_array, as_floats, asset_names, check_finite, label_matrix, label_vector, stacked

CovarianceMethod = Literal["sample", "exponential", "ledoit_wolf", "oas"]


@dataclass(frozen=True, eq=False)
class Covariance:
    """A covariance matrix and what it was estimated from; `numpy.asarray(result)` is the matrix.

    Attributes:
        matrix: (n, n), exactly symmetric, in squared units of the returns; a DataFrame when labels were given.
        mean: (n,), mean return of each asset under the same weights; a Series when labels were given.
        shrinkage: share of the identity-scaled target in the matrix, 0 to 1; 0 for sample and exponential.
        observations: number of rows.
        effective_observations: 1 / sum of the squared normalised weights; equals `observations` without weights.
        method: the estimator.
        device, device_reason: where it was computed, and why there.
    """

    matrix: Any
    mean: Any
    shrinkage: float
    observations: int
    effective_observations: float
    method: str
    device: str
    device_reason: str

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.matrix, dtype=dtype, copy=copy)


def covariance(
    returns: npt.ArrayLike | Any,
    *,
    method: CovarianceMethod = "sample",
    ddof: float | None = None,
    halflife: float | None = None,
    weights: npt.ArrayLike | Any | None = None,
    device: str = "auto",
) -> Covariance:
    """Estimate the covariance matrix of asset returns.

    Args:
        returns: (T, n) with T >= 2: a row for each observation, oldest first, a column for each asset. An array
            or a DataFrame; float32 is read as it is and computed in float64. NaN is refused.
        method: "sample"; "exponential" (weights halve every `halflife` rows); "ledoit_wolf" (Ledoit and Wolf 2004,
            J. Multivariate Analysis 88, section 3.2); "oas" (Chen, Wiesel, Eldar and Hero 2010, IEEE Trans. Signal
            Processing 58, eq. 23 without its two 2/n terms). Both shrink to the mean variance times the identity and
            agree with scikit-learn.
        ddof: delta degrees of freedom of "sample" and "exponential", default 1: the divisor is T - ddof, with
            weights T_eff - ddof. The shrinkage estimators are defined with 0 and refuse anything else.
        halflife: rows until a weight has halved, > 0; required by "exponential", refused elsewhere.
        weights: (T,), >= 0, of any sum: importance of each row, on top of the exponential decay. The estimators then
            use p = weights / sum(weights) in place of 1/T, and T_eff = 1 / sum(p^2) in place of T: as
            `numpy.cov(aweights=weights)` for "sample" and `pandas` ewm(halflife).cov() for "exponential".
        device: "auto", "cpu" or "metal".

    Returns:
        Covariance. The units are those of the returns: multiply by periods a year to annualise.

    Raises:
        ValueError: fewer than 2 rows, NaN or infinity (its row and column are named), weights of another length or
            negative, ddof not below T_eff, an unknown method, an absent device.
    """
    function = "covariance"
    values = as_floats(returns, function, "returns")
    check_finite(values, returns, function, "returns")
    raw = kernels.covariance(values, **_options(function, method, ddof, halflife, weights), device=device)
    return _result(raw, returns, values.shape[0], method)


def covariance_batch(
    returns: Sequence[Any] | npt.NDArray[Any],
    *,
    method: CovarianceMethod = "sample",
    ddof: float | None = None,
    halflife: float | None = None,
    weights: npt.ArrayLike | Any | None = None,
    device: str = "auto",
) -> list[Covariance]:
    """Estimate the covariance matrices of many universes in one native, parallel call.

    Args:
        returns: (B, T, n), or a list of (T_k, n_k) tables (arrays or DataFrames) whose shapes may differ, each as in
            `covariance`.
        method, ddof, halflife: as in `covariance`, the same for every universe.
        weights: (T,), the same for every universe, which then all have T rows.
        device: "auto", "cpu" or "metal".

    Returns:
        One Covariance for each universe, in their order; on the CPU the numbers of `covariance`, bit for bit, whatever
        the number of threads.

    Raises:
        ValueError: as `covariance`, naming the universe by its place.
    """
    function = "covariance_batch"
    tables = stacked(returns, function, "returns")
    arrays = []
    for k, table in enumerate(tables):
        arrays.append(as_array(table, function, f"returns[{k}]"))
        check_finite(arrays[k], table, function, f"returns[{k}]")
    results = kernels.covariance_batch(arrays, **_options(function, method, ddof, halflife, weights), device=device)
    return [
        _result(raw, table, array.shape[0], method) for raw, table, array in zip(results, tables, arrays, strict=True)
    ]


def _options(function: str, method: str, ddof: float | None, halflife: float | None, weights: Any) -> dict[str, Any]:
    """Arguments of the kernels, which know no defaults."""
    if method not in get_args(CovarianceMethod):
        expected = ", ".join(get_args(CovarianceMethod))
        raise ValueError(f"[{function}] method: expected one of {expected}, got {method!r}")
    shrinks = method in ("ledoit_wolf", "oas")
    if shrinks and ddof:
        raise ValueError(f"[{function}] ddof: expected none or 0 with method={method!r}, got {ddof}")
    if (halflife is None) == (method == "exponential"):
        expected = "a number of rows" if halflife is None else 'none unless method="exponential"'
        raise ValueError(f"[{function}] halflife: expected {expected}, got {halflife} with method={method!r}")
    return {
        "method": method,
        "ddof": 0.0 if shrinks else 1.0 if ddof is None else float(ddof),
        "halflife": 0.0 if halflife is None else float(halflife),
        "weights": None if weights is None else as_array(weights, function, "weights"),
    }


def _result(raw: dict[str, Any], returns: Any, observations: int, method: str) -> Covariance:
    names = asset_names(returns)
    return Covariance(
        matrix=label_matrix(raw["covariance"], names),
        mean=label_vector(raw["mean"], names),
        shrinkage=raw["shrinkage"],
        observations=observations,
        effective_observations=raw["effective_observations"],
        method=method,
        device=raw["device"],
        device_reason=raw["device_reason"],
    )

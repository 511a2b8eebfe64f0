"""The documented measures of a growing record: after each period, of everything up to it, in one linear pass."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from portfolio_engine._labels import Array, as_array, check_finite

_FUNCTION = "expanding_performance"


@dataclass(frozen=True)
class ExpandingPerformance:
    """Element k of each vector (T,) is what `performance` says of the first k + 1 returns; NaN where it says NaN.

    Attributes:
        total_return, annualized_return, volatility, sharpe_ratio, max_drawdown, alpha, beta, value_at_risk: as in
            `Performance`. Without a benchmark, and from a NaN of the benchmark on, alpha and beta are NaN.
    """

    total_return: Array
    annualized_return: Array
    volatility: Array
    sharpe_ratio: Array
    max_drawdown: Array
    alpha: Array
    beta: Array
    value_at_risk: Array


def expanding_performance(
    returns: npt.ArrayLike | Any,
    benchmark: npt.ArrayLike | Any | None = None,
    *,
    risk_free_rate: float = 0.0,
    periods_per_year: float = 252,
    confidence: float = 0.95,
) -> ExpandingPerformance:
    """Measure every beginning of a series of simple returns, for a record that gains a row a day.

    Args:
        returns: (T,), T >= 1, oldest first, none below -1.
        benchmark: (T,), returns of the same periods; NaN where there is none.
        risk_free_rate: annual, > -1.
        periods_per_year: 252 for daily returns.
        confidence: of value_at_risk.

    Raises:
        ValueError: no returns, NaN or infinity in them, one below -1, a benchmark of another length, an option out of
            range.
    """
    values = as_array(returns, _FUNCTION, "returns")
    check_finite(values, returns, _FUNCTION, "returns")
    market = np.full(values.shape, np.nan) if benchmark is None else as_array(benchmark, _FUNCTION, "benchmark")
    _check(values, market, risk_free_rate, periods_per_year, confidence)
    free = float((1 + risk_free_rate) ** (1 / periods_per_year) - 1)
    count = np.arange(1, len(values) + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _means(values, count)
        variance = _covariances(values, values, count)
        volatility = np.sqrt(variance * periods_per_year)
        market_variance = _covariances(market, market, count)
        beta = np.where(market_variance > 0, _covariances(values, market, count) / market_variance, np.nan)
        level: Array = np.cumprod(1 + values, dtype=np.float64)
        peak = np.maximum(np.maximum.accumulate(level), 1)
        return ExpandingPerformance(
            total_return=np.asarray(level - 1, dtype=np.float64),
            annualized_return=mean * periods_per_year,
            volatility=volatility,
            sharpe_ratio=(mean - free) * periods_per_year / volatility,
            max_drawdown=np.minimum(np.minimum.accumulate(level / peak - 1), 0),
            alpha=(mean - free - beta * (_means(market, count) - free)) * periods_per_year,
            beta=beta,
            value_at_risk=_quantiles(values, 1 - confidence),
        )


def _means(values: Array, count: npt.NDArray[np.int_]) -> Array:
    return np.asarray(values[0] + np.cumsum(values - values[0]) / count)


def _covariances(x: Array, y: Array, count: npt.NDArray[np.int_]) -> Array:
    """ddof 1; updated by each value's distance from the mean before and after it (Welford 1962), so that nothing
    cancels; NaN for one value."""
    before = np.concatenate([x[:1], _means(x, count)[:-1]])
    steps = (x - before) * (y - _means(y, count))
    return np.asarray(np.cumsum(steps) / np.where(count > 1, count - 1, np.nan))


def _quantiles(values: Array, share: float) -> Array:
    """Linear between order statistics (Hyndman and Fan 1996, definition 7)."""
    ordered: list[float] = []
    found = np.empty(len(values))
    for k, value in enumerate(values.tolist()):
        insort(ordered, value)
        place = share * k
        low = int(place)
        high = min(low + 1, k)
        found[k] = ordered[low] + (place - low) * (ordered[high] - ordered[low])
    return found


def _check(values: Array, market: Array, risk_free_rate: float, periods: float, confidence: float) -> None:
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"[{_FUNCTION}] returns: expected a vector of at least one, got shape {values.shape}")
    if not np.isfinite(values).all():
        k = int(np.argmin(np.isfinite(values)))
        raise ValueError(f"[{_FUNCTION}] returns: expected finite numbers, got {values[k]} at {k}")
    if (values < -1).any():
        k = int(np.argmax(values < -1))
        raise ValueError(f"[{_FUNCTION}] returns: expected none below -1, got {values[k]} at {k}")
    if market.shape != values.shape:
        raise ValueError(f"[{_FUNCTION}] benchmark: expected {len(values)} returns, got shape {market.shape}")
    if np.isinf(market).any():
        raise ValueError(f"[{_FUNCTION}] benchmark: expected finite numbers or NaN, got infinity")
    for name, number, low, high in (
        ("risk_free_rate", risk_free_rate, -1.0, np.inf),
        ("periods_per_year", periods, 0.0, np.inf),
        ("confidence", confidence, 0.0, 1.0),
    ):
        if not low < number < high:
            raise ValueError(f"[{_FUNCTION}] {name}: expected a number in ({low:g}, {high:g}), got {number}")

"""Measures of the window that ends with each period of a series of simple returns."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from typing import Any

import numpy.typing as npt

from portfolio_engine import kernels
from portfolio_engine._labels import row_index
from portfolio_engine.performance import _series


@dataclass(frozen=True, eq=False)
class RollingPerformance:
    """Element t of each vector (T,) is what `performance` says of the `window` returns that end with return t; NaN
    before the first whole window. Vectors are Series with the index of the returns when they had one;
    `pandas.DataFrame(result.to_dict())` is a table.

    Attributes:
        total_return, annualized_return, volatility, downside_deviation, sharpe_ratio, sortino_ratio, max_drawdown,
        value_at_risk, conditional_value_at_risk: as in `Performance`; the value path of a window starts with it.
        alpha, beta, correlation, tracking_error, information_ratio: the same; NaN without a benchmark.
        device, device_reason: where it was computed, and why there.
    """

    total_return: Any
    annualized_return: Any
    volatility: Any
    downside_deviation: Any
    sharpe_ratio: Any
    sortino_ratio: Any
    max_drawdown: Any
    value_at_risk: Any
    conditional_value_at_risk: Any
    alpha: Any
    beta: Any
    correlation: Any
    tracking_error: Any
    information_ratio: Any
    device: str
    device_reason: str

    def to_dict(self) -> dict[str, Any]:
        """The measures by name."""
        return {name: getattr(self, name) for name in _MEASURES}


_MEASURES = tuple(one.name for one in fields(RollingPerformance))[:-2]


def rolling_performance(
    returns: npt.ArrayLike | Any,
    benchmark: npt.ArrayLike | Any | None = None,
    *,
    window: int,
    risk_free_rate: float = 0.0,
    periods_per_year: float = 252,
    confidence: float = 0.95,
    device: str = "auto",
) -> RollingPerformance:
    """Measure every window of a series of simple returns in one native pass.

    Nothing is subtracted when a return leaves the window, so that a large one leaves no trace: windows are merged from
    two parts (Chan, Golub and LeVeque 1983, The American Statistician 37, eq. 2.1).

    Args:
        returns: (T,), T >= 1, oldest first, none below -1.
        benchmark: (T,), returns of the same periods; a Series must have the same index when `returns` has one.
        window: returns in a window, at least 2; a series shorter than that has NaN only.
        risk_free_rate: annual, > -1.
        periods_per_year: 252 for daily, 52 weekly, 12 monthly returns.
        confidence: of value_at_risk and conditional_value_at_risk.
        device: "auto", "cpu" or "metal".

    Raises:
        ValueError: no returns, NaN or infinity (its label is named), a return below -1, a benchmark of another length
            or index, an option out of range, an absent device.
    """
    function = "rolling_performance"
    values, market = _series(returns, benchmark, function)
    if int(window) != window or window < 2:
        raise ValueError(f"[{function}] window: expected a whole number of returns, at least 2, got {window}")
    raw = kernels.rolling_performance(
        values,
        market,
        window=int(window),
        risk_free_rate=float(risk_free_rate),
        periods_per_year=float(periods_per_year),
        confidence=float(confidence),
        device=device,
    )
    index = row_index(returns)
    if index is not None:
        raw |= {name: sys.modules["pandas"].Series(raw[name], index=index, name=name) for name in _MEASURES}
    return RollingPerformance(**raw)

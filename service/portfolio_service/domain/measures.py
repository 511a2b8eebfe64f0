"""The contract's eight performance numbers from a series of returns; the library computes, this names and guards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import portfolio_engine as pe
from portfolio_service.domain.models import PerformanceMetrics
from portfolio_service.domain.valuation import Floats

MIN_RETURNS = 20  # under it the numbers would be noise: they are shown as 0.0 with "insufficient_data"


def measure(
    portfolio_id: str,
    returns: Floats,
    benchmark: Floats | None,
    risk_free_rate: float,
    total_value: float,
    now: datetime,
) -> PerformanceMetrics:
    """Metrics of simple daily returns; `benchmark` has the same dates. A number that needs more returns is 0.0."""
    if len(returns) == 0:
        return nothing(portfolio_id, now)
    found = pe.performance(returns, benchmark, risk_free_rate=risk_free_rate)
    return PerformanceMetrics(
        portfolio_id=portfolio_id,
        total_return=_finite(found.total_return),
        annualized_return=_finite(found.annualized_return),
        volatility=_finite(found.volatility),
        sharpe_ratio=_finite(found.sharpe_ratio),
        max_drawdown=_finite(found.max_drawdown),
        alpha=_finite(found.alpha),
        beta=_finite(found.beta),
        var_95=_finite(found.value_at_risk) * total_value,
        calculated_at=now,
    )


def measure_each(
    portfolio_id: str,
    returns: Floats,
    benchmark: Floats,
    risk_free_rate: float,
    total_values: Sequence[float],
    now: datetime,
) -> list[PerformanceMetrics]:
    """Metrics after each of the last `len(total_values)` returns, of everything up to it; `benchmark` has the same
    dates and NaN where there is none."""
    found = pe.expanding_performance(returns, benchmark, risk_free_rate=risk_free_rate)
    first = len(returns) - len(total_values)
    return [
        PerformanceMetrics(
            portfolio_id=portfolio_id,
            total_return=_finite(found.total_return[k]),
            annualized_return=_finite(found.annualized_return[k]),
            volatility=_finite(found.volatility[k]),
            sharpe_ratio=_finite(found.sharpe_ratio[k]),
            max_drawdown=_finite(found.max_drawdown[k]),
            alpha=_finite(found.alpha[k]),
            beta=_finite(found.beta[k]),
            var_95=_finite(found.value_at_risk[k]) * total_value,
            calculated_at=now,
        )
        for k, total_value in enumerate(total_values, start=first)
    ]


def nothing(portfolio_id: str, now: datetime) -> PerformanceMetrics:
    """All zeros: too little data to say anything."""
    return PerformanceMetrics(portfolio_id, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, now)


def _finite(number: float) -> float:
    return float(number) if math.isfinite(number) else 0.0

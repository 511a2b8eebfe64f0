"""What the risk limits watch, of every portfolio: concentration, leverage, volatility, VaR and CVaR, drawdown, cash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from prometheus_client.core import GaugeMetricFamily, Metric

from portfolio_service.domain.limits import Measures
from portfolio_service.domain.models import Portfolio
from portfolio_service.domain.risk_watch import RiskNumbers
from portfolio_service.domain.valuation import LiveValues


def risk(
    live: LiveValues,
    portfolios: Sequence[Portfolio],
    numbers: Mapping[str, RiskNumbers],
    measures: Mapping[str, Measures],
) -> Metric:
    """As last looked at: every few seconds, volatility, VaR and CVaR when the books or the close have changed."""
    family = GaugeMetricFamily(
        "portfolio_risk_metrics",
        "Concentration, leverage, volatility, VaR and CVaR (money, a loss is negative), drawdown",
        labels=["portfolio_id", "metric"],
    )
    largest, invested, squares = (np.zeros(len(live.totals)) for _ in range(3))
    np.maximum.at(largest, live.owners, live.weights)
    np.add.at(invested, live.owners, np.abs(live.weights))
    np.add.at(squares, live.owners, live.weights**2)
    cash = {portfolio.portfolio_id: float(portfolio.book.cash) for portfolio in portfolios}
    for row, portfolio_id in enumerate(live.portfolio_ids):
        total, share = float(live.totals[row]), float(invested[row])
        found = {
            "max_position_weight": float(largest[row]),
            "leverage": share,
            "concentration": float(squares[row]) / share**2 if share else 0.0,
            "cash_weight": cash.get(portfolio_id, 0.0) / total if total else 0.0,
        }
        if (own := numbers.get(portfolio_id)) is not None:
            found |= {"volatility": own.volatility, "var_95": own.var_95 * total, "cvar_95": own.cvar_95 * total}
        if (high := measures[portfolio_id].high if portfolio_id in measures else None) is not None:
            found["drawdown"] = max(1 - total / high, 0.0) if high > 0 else 0.0
        for name, value in found.items():
            family.add_metric([portfolio_id, name], value)
    return family

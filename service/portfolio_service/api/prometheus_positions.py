"""Weight and profit of positions, bounded: the largest few of each portfolio by name, the rest together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from prometheus_client.core import GaugeMetricFamily, Metric

from portfolio_service.domain.valuation import LiveValues

LARGEST = 5
OTHER = "other"


def positions(live: LiveValues) -> Iterable[Metric]:
    """At most LARGEST + 1 series of each for a portfolio; over them both add up to the portfolio's own."""
    labels = ["portfolio_id", "symbol"]
    weight = GaugeMetricFamily(
        "portfolio_position_weight", "Share of the portfolio, the five largest by name", labels=labels
    )
    profit = GaugeMetricFamily(
        "portfolio_position_unrealized_pnl",
        "Value less cost of the same positions: what each contributed",
        labels=labels,
    )
    pnl = live.market_values - live.basis
    order = np.lexsort((-live.weights, live.owners))  # by owner, the largest first
    starts = np.searchsorted(live.owners[order], np.arange(len(live.portfolio_ids) + 1))
    for row, portfolio_id in enumerate(live.portfolio_ids):
        mine = order[starts[row] : starts[row + 1]]
        named, rest = mine[:LARGEST], mine[LARGEST:]
        for position in named:
            key = [portfolio_id, live.symbols[live.columns[position]]]
            weight.add_metric(key, float(live.weights[position]))
            profit.add_metric(key, float(pnl[position]))
        if len(rest):
            weight.add_metric([portfolio_id, OTHER], float(live.weights[rest].sum()))
            profit.add_metric([portfolio_id, OTHER], float(pnl[rest].sum()))
    yield weight
    yield profit

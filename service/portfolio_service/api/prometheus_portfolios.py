"""The gauges of every portfolio, written as text: for the 30,000 lines of 1000 portfolios the client library would take
ten times as long. At most 32 lines for a portfolio: of its positions the largest by name, the rest together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from prometheus_client import Metric

from portfolio_service.api.schemas.analytics import Metrics
from portfolio_service.domain.models import PerformanceMetrics
from portfolio_service.domain.valuation import LiveValues

LARGEST = 5
OTHER = "other"


def blocks(live: LiveValues, performance: Mapping[str, PerformanceMetrics], risk: Metric) -> Iterator[str]:
    """Each family with its HELP and TYPE, as both text formats have them."""
    ids = live.portfolio_ids
    counts = np.bincount(live.owners, minlength=len(ids))
    yield _block("portfolio_total_value", "Value at current prices", _by_id(ids, live.totals.tolist()))
    yield _block("portfolio_positions_count", "Positions held", _by_id(ids, counts.tolist()))
    yield _block(
        "portfolio_performance_metrics",
        "The documented metrics as last computed: var_95 in money, Sharpe ratio and beta as numbers, others fractions",
        (
            (f'portfolio_id="{own}",metric="{name}"', getattr(metrics, name))
            for own, metrics in performance.items()
            for name in Metrics.model_fields
        ),
    )
    rows = ((sample.labels["portfolio_id"], sample.labels["metric"], sample.value) for sample in risk.samples)
    yield _block(
        risk.name,
        risk.documentation,
        ((f'portfolio_id="{own}",metric="{name}"', value) for own, name, value in rows),
    )
    weights, profits = _positions(live)
    yield _block("portfolio_position_weight", "Share of its portfolio; the five largest by name", weights)
    yield _block("portfolio_position_unrealized_pnl", "Value less cost of the same positions, in money", profits)


def _by_id(ids: Sequence[str], values: Sequence[float]) -> Iterable[tuple[str, float]]:
    return ((f'portfolio_id="{own}"', value) for own, value in zip(ids, values, strict=True))


def _positions(live: LiveValues) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Weight and profit; over the rows of a portfolio both add up to its own."""
    order = np.lexsort((-live.weights, live.owners))  # by owner, the largest first
    starts = np.searchsorted(live.owners[order], np.arange(len(live.portfolio_ids) + 1)).tolist()
    weight, profit = live.weights[order], (live.market_values - live.basis)[order]
    columns, symbols = live.columns[order].tolist(), [_escaped(symbol) for symbol in live.symbols]
    weights, profits = [], []
    for row, own in enumerate(live.portfolio_ids):
        start, end = starts[row], starts[row + 1]
        named = min(end, start + LARGEST)
        for place in range(start, named):
            labels = f'portfolio_id="{own}",symbol="{symbols[columns[place]]}"'
            weights.append((labels, float(weight[place])))
            profits.append((labels, float(profit[place])))
        if named < end:
            labels = f'portfolio_id="{own}",symbol="{OTHER}"'
            weights.append((labels, float(weight[named:end].sum())))
            profits.append((labels, float(profit[named:end].sum())))
    return weights, profits


def _block(name: str, text: str, rows: Iterable[tuple[str, float]]) -> str:
    lines = [f"{name}{{{labels}}} {_number(value)}\n" for labels, value in rows]
    return f"# HELP {name} {text}\n# TYPE {name} gauge\n{''.join(lines)}"


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

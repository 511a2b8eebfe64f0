"""The documented Prometheus metrics, collected when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from portfolio_service.api import prometheus_operations as operations
from portfolio_service.api.deps import Services
from portfolio_service.api.prometheus_families import counters, gauge, gauges, histogram, histograms
from portfolio_service.api.prometheus_operations import Operations
from portfolio_service.api.prometheus_positions import positions
from portfolio_service.api.schemas.analytics import Metrics
from portfolio_service.domain.durations import Durations
from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.models import Activity, PerformanceMetrics, Portfolio
from portfolio_service.domain.valuation import LiveValues

TEXT_TYPES = ("text/plain", "application/openmetrics-text")


@dataclass(frozen=True)
class Facts:
    """One consistent reading of everything that is exported."""

    activity: Activity | None  # None while the database cannot be read and never was
    live: LiveValues
    portfolios: Sequence[Portfolio]
    performance: Mapping[str, PerformanceMetrics]
    optimizations: Mapping[str, Durations]
    rebalances: Durations
    cache_efficiency: float
    operations: Operations


def wanted(accept: str) -> bool:
    """Whether an Accept header prefers Prometheus text to JSON; what names neither gets JSON."""
    quality: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        quality[name] = next((_number(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
    text = max((quality.get(name, 0.0) for name in TEXT_TYPES), default=0.0)
    return text > 0 and text >= quality.get("*/*", 0.0) and text > quality.get("application/json", 0.0)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


async def gather(services: Services) -> Facts:
    """Read on the event loop, so that no number changes meanwhile; what the database cannot say is left out."""
    with suppress(DomainError):
        services.monitor.last_activity = await services.repository.activity()
    found = await operations.gather(services)
    return Facts(
        operations=found,
        activity=services.monitor.last_activity,
        live=services.live.values(),
        portfolios=services.books.all(),
        performance=services.analytics.latest(),
        optimizations=dict(services.monitor.optimizations),
        rebalances=services.monitor.rebalances,
        cache_efficiency=services.optimisation.cache_efficiency,
    )


def render(facts: Facts, accept: str) -> tuple[bytes, str]:
    """Prometheus or OpenMetrics text as Accept prefers, and its content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(facts))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collector(Collector):
    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterable[Metric]:
        facts = self._facts
        if facts.activity is not None:
            yield from _totals(facts.activity, facts.live.portfolio_ids)
        yield from _durations(facts)
        yield from _values(facts.live)
        yield _performance(facts.performance)
        yield _risk(facts)
        yield _info(facts.portfolios)
        yield from positions(facts.live)
        yield gauge(
            "portfolio_optimization_cache_efficiency",
            "Share of optimisations served from cache",
            facts.cache_efficiency,
        )
        yield from operations.collect(facts.operations)


def _totals(activity: Activity, portfolio_ids: Iterable[str]) -> Iterable[Metric]:
    """A portfolio's count begins at 0, so that its first rebalance is a rise."""
    yield counters(
        "portfolio_optimizations",
        "Optimisations ever completed",
        ["portfolio_id", "method"],
        activity.optimizations.items(),
    )
    yield counters(
        "portfolio_rebalances",
        "Rebalances ever executed",
        ["portfolio_id"],
        (((own,), count) for own, count in (dict.fromkeys(portfolio_ids, 0) | dict(activity.rebalances)).items()),
    )


def _durations(facts: Facts) -> Iterable[Metric]:
    yield histograms(
        "portfolio_optimization_duration_seconds",
        "Seconds an optimisation took, since the start",
        ["method"],
        {(method,): durations for method, durations in facts.optimizations.items()},
    )
    yield histogram(
        "portfolio_rebalance_duration_seconds", "Seconds a rebalance took, since the start", facts.rebalances
    )


def _values(live: LiveValues) -> Iterable[Metric]:
    total = GaugeMetricFamily("portfolio_total_value", "Value at current prices", labels=["portfolio_id"])
    count = GaugeMetricFamily("portfolio_positions_count", "Positions held", labels=["portfolio_id"])
    counts = np.bincount(live.owners, minlength=len(live.portfolio_ids))
    for portfolio_id, value, held in zip(live.portfolio_ids, live.totals, counts, strict=True):
        total.add_metric([portfolio_id], float(value))
        count.add_metric([portfolio_id], int(held))
    yield total
    yield count


def _method(portfolio: Portfolio) -> str:
    """The method of its last optimisation, which its schedule repeats; its own before the first."""
    return str((portfolio.policy or {}).get("method") or portfolio.optimization_method)


def _info(portfolios: Iterable[Portfolio]) -> Metric:
    return gauges(
        "portfolio_info",
        "Name, method, frequency and status of a portfolio",
        ["portfolio_id", "portfolio_name", "method", "rebalance_frequency", "status"],
        (
            (
                (p.portfolio_id, p.portfolio_name, _method(p), p.rebalance_frequency, p.status),
                1.0,
            )
            for p in portfolios
        ),
    )


def _performance(performance: Mapping[str, PerformanceMetrics]) -> Metric:
    family = GaugeMetricFamily(
        "portfolio_performance_metrics", "The documented metrics as last computed", labels=["portfolio_id", "metric"]
    )
    for portfolio_id, metrics in performance.items():
        for name in Metrics.model_fields:
            family.add_metric([portfolio_id, name], getattr(metrics, name))
    return family


def _risk(facts: Facts) -> Metric:
    """What the documented limits watch: concentration, leverage, volatility, drawdown; and VaR and cash."""
    family = GaugeMetricFamily(
        "portfolio_risk_metrics", "Concentration, leverage, volatility, VaR", labels=["portfolio_id", "metric"]
    )
    live = facts.live
    largest, invested = np.zeros(len(live.totals)), np.zeros(len(live.totals))
    np.maximum.at(largest, live.owners, live.weights)
    np.add.at(invested, live.owners, np.abs(live.weights))
    cash = {portfolio.portfolio_id: float(portfolio.book.cash) for portfolio in facts.portfolios}
    for row, portfolio_id in enumerate(live.portfolio_ids):
        total = float(live.totals[row])
        family.add_metric([portfolio_id, "max_position_weight"], float(largest[row]))
        family.add_metric([portfolio_id, "leverage"], float(invested[row]))
        family.add_metric([portfolio_id, "cash_weight"], cash.get(portfolio_id, 0.0) / total if total else 0.0)
        if (metrics := facts.performance.get(portfolio_id)) is not None:
            for name in ("volatility", "max_drawdown", "var_95"):
                family.add_metric([portfolio_id, name], getattr(metrics, name))
    return family

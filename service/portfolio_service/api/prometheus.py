"""The documented Prometheus metrics, collected when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from portfolio_service import __version__
from portfolio_service.api.deps import Services
from portfolio_service.api.schemas.analytics import Metrics
from portfolio_service.domain.models import Activity, PerformanceMetrics
from portfolio_service.domain.monitor import BUCKETS, Durations, acceleration
from portfolio_service.domain.valuation import LiveValues

TEXT_TYPES = ("text/plain", "application/openmetrics-text")


@dataclass(frozen=True)
class Facts:
    """One consistent reading of everything that is exported."""

    activity: Activity
    live: LiveValues
    cash: Mapping[str, float]
    performance: Mapping[str, PerformanceMetrics]
    optimizations: Mapping[str, Durations]
    rebalances: Durations
    cache_efficiency: float
    device: str


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
    """Read on the event loop, so that no number changes meanwhile."""
    return Facts(
        activity=await services.repository.activity(),
        live=services.live.values(),
        cash={p.portfolio_id: float(p.book.cash) for p in services.books.all()},
        performance=services.analytics.latest(),
        optimizations=dict(services.monitor.optimizations),
        rebalances=services.monitor.rebalances,
        cache_efficiency=services.optimisation.cache_efficiency,
        device=acceleration()["device"],
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
        yield from _totals(facts.activity)
        yield from _durations(facts)
        yield from _values(facts.live)
        yield _performance(facts.performance)
        yield _risk(facts)
        cache = GaugeMetricFamily("portfolio_optimization_cache_efficiency", "Share of optimisations served from cache")
        cache.add_metric([], facts.cache_efficiency)
        yield cache
        build = GaugeMetricFamily("portfolio_engine_build_info", "Version and device", labels=["version", "device"])
        build.add_metric([__version__, facts.device], 1)
        yield build


def _totals(activity: Activity) -> Iterable[Metric]:
    done = CounterMetricFamily(
        "portfolio_optimizations", "Optimisations ever completed", labels=["portfolio_id", "method"]
    )
    for (portfolio_id, method), count in activity.optimizations.items():
        done.add_metric([portfolio_id, method], count)
    yield done
    traded = CounterMetricFamily("portfolio_rebalances", "Rebalances ever executed", labels=["portfolio_id"])
    for portfolio_id, count in activity.rebalances.items():
        traded.add_metric([portfolio_id], count)
    yield traded


def _durations(facts: Facts) -> Iterable[Metric]:
    optimizing = HistogramMetricFamily(
        "portfolio_optimization_duration_seconds", "Seconds an optimisation took, since the start", labels=["method"]
    )
    for method, durations in facts.optimizations.items():
        optimizing.add_metric([method], _buckets(durations), durations.total_s)
    yield optimizing
    trading = HistogramMetricFamily(
        "portfolio_rebalance_duration_seconds", "Seconds a rebalance took, since the start", labels=[]
    )
    trading.add_metric([], _buckets(facts.rebalances), facts.rebalances.total_s)
    yield trading


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
    return list(zip(bounds, accumulate(durations.counts), strict=True))


def _values(live: LiveValues) -> Iterable[Metric]:
    total = GaugeMetricFamily("portfolio_total_value", "Value at current prices", labels=["portfolio_id"])
    count = GaugeMetricFamily("portfolio_positions_count", "Positions held", labels=["portfolio_id"])
    counts = np.bincount(live.owners, minlength=len(live.portfolio_ids))
    for portfolio_id, value, positions in zip(live.portfolio_ids, live.totals, counts, strict=True):
        total.add_metric([portfolio_id], float(value))
        count.add_metric([portfolio_id], int(positions))
    yield total
    yield count


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
    for row, portfolio_id in enumerate(live.portfolio_ids):
        total = float(live.totals[row])
        family.add_metric([portfolio_id, "max_position_weight"], float(largest[row]))
        family.add_metric([portfolio_id, "leverage"], float(invested[row]))
        family.add_metric([portfolio_id, "cash_weight"], facts.cash.get(portfolio_id, 0.0) / total if total else 0.0)
        if (metrics := facts.performance.get(portfolio_id)) is not None:
            for name in ("volatility", "max_drawdown", "var_95"):
                family.add_metric([portfolio_id, name], getattr(metrics, name))
    return family

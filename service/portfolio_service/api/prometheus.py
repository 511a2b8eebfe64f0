"""The documented Prometheus metrics, collected when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from portfolio_service.api import prometheus_operations as operations
from portfolio_service.api.deps import Services
from portfolio_service.api.prometheus_families import counters, gauge, gauges, histogram, histograms
from portfolio_service.api.prometheus_operations import Operations
from portfolio_service.api.prometheus_portfolios import blocks
from portfolio_service.api.prometheus_risk import risk
from portfolio_service.domain.durations import Durations
from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.limits import Measures
from portfolio_service.domain.models import Activity, PerformanceMetrics, Portfolio
from portfolio_service.domain.risk_watch import RiskNumbers
from portfolio_service.domain.valuation import LiveValues

END = b"# EOF\n"  # of OpenMetrics
TEXT_TYPES = ("text/plain", "application/openmetrics-text")


@dataclass(frozen=True)
class Facts:
    """One consistent reading of everything that is exported."""

    activity: Activity | None  # None while the database cannot be read and never was
    live: LiveValues
    portfolios: Sequence[Portfolio]
    performance: Mapping[str, PerformanceMetrics]
    risk: Mapping[str, RiskNumbers]
    measures: Mapping[str, Measures]
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
        risk=services.risk.watch.latest(),
        measures={p.portfolio_id: services.risk.watch.measures(p.portfolio_id) for p in services.books.all()},
        optimizations=dict(services.monitor.optimizations),
        rebalances=services.monitor.rebalances,
        cache_efficiency=services.optimisation.cache_efficiency,
    )


def render(facts: Facts, accept: str) -> tuple[bytes, str]:
    """Prometheus or OpenMetrics text as Accept prefers, and its content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(facts))
    encode, content_type = choose_encoder(accept)
    risks = risk(facts.live, facts.portfolios, facts.risk, facts.measures)
    many = "".join(blocks(facts.live, facts.performance, risks)).encode()
    text = encode(registry)
    end = END if text.endswith(END) else b""
    return text.removesuffix(end) + many + end, content_type


class _Collector(Collector):
    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterable[Metric]:
        facts = self._facts
        if facts.activity is not None:
            yield from _totals(facts.activity, facts.live.portfolio_ids)
        yield from _durations(facts)
        yield _info(facts.portfolios)
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

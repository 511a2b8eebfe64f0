"""What an operator needs beside the documented metrics; every label is of a bounded set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric

import portfolio_engine as pe
from portfolio_service import __version__
from portfolio_service.api.deps import Services
from portfolio_service.api.prometheus_families import counter, counters, gauge, gauges, histogram, histograms
from portfolio_service.domain.durations import Durations
from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.monitor import acceleration
from portfolio_service.domain.order import FAILED, NOT_NEEDED, REFUSED, SCHEDULED, TRADED
from portfolio_service.domain.scheduling import Progress
from portfolio_service.domain.sources import CLOSED, HALF_OPEN, OPEN, SourceState

PROCESS = CollectorRegistry()
for _collector in (ProcessCollector, PlatformCollector, GCCollector):
    _collector(registry=PROCESS)
OUTCOMES = (TRADED, NOT_NEEDED, REFUSED, FAILED)
# There from the start, so that a rise from nothing is one; deploy/prometheus/alerts.yml watches them.
WATCHED = ("numerical_error", "optimization_timeout", "market_data_unavailable", "storage_unavailable", "overloaded")


@dataclass(frozen=True)
class Backlog:
    """Committed events that the relay has not published yet."""

    depth: int
    oldest_age_s: float


@dataclass(frozen=True)
class Operations:
    """What was asked on the event loop; the rest are counts that only grow."""

    services: Services
    writable: bool
    backlog: Backlog | None  # None while the database cannot be read
    price_ages: list[float]
    stale: int
    missing: int
    transactions: Mapping[str, Durations]
    now: datetime


async def gather(services: Services) -> Operations:
    """Everything that must be read on the event loop."""
    now = services.clock.now()
    held = services.live.symbols()
    prices = [price for symbol in held if (price := services.prices.get(symbol)) is not None]
    return Operations(
        services=services,
        writable=(await services.monitor.database())["status"] == "ok",
        backlog=await _backlog(services, now),
        price_ages=[max(0.0, (now - price.time).total_seconds()) for price in prices],
        stale=sum(services.prices.is_stale(price) for price in prices),
        missing=len(held) - len(prices),
        transactions=services.transactions,
        now=now,
    )


async def _backlog(services: Services, now: datetime) -> Backlog | None:
    try:
        depth, oldest = await services.feed.backlog()
    except DomainError:
        return None
    since = now if oldest is None else datetime.fromisoformat(str(oldest.payload["timestamp"]))
    return Backlog(depth, max(0.0, (now - since).total_seconds()))


def collect(facts: Operations) -> Iterable[Metric]:
    services = facts.services
    yield from _requests(services)
    yield from _workers(services)
    yield from _events(facts)
    yield from _prices(facts)
    yield from _source(getattr(services.market, "state", None))
    yield from _risk(services)
    yield from _database(facts)
    yield from _native()
    yield from _scheduler(services.scheduling.progress, services.scheduling.next_check())
    yield from _process(services)


def _requests(services: Services) -> Iterable[Metric]:
    requests = services.requests
    yield histograms(
        "portfolio_http_request_duration_seconds",
        "Seconds to the last byte of an answer, of an event stream to its first",
        ["route", "method", "status"],
        {key: durations for key, durations in requests.durations.items()},
    )
    yield counters(
        "portfolio_http_requests_refused",
        "Requests refused with 503 because too many were under way, by limit",
        ["lane"],
        (((lane,), count) for lane, count in requests.refused.items()),
    )
    yield gauge("portfolio_http_requests_in_flight", "Requests being answered now", requests.in_flight)
    yield histogram(
        "portfolio_event_loop_lag_seconds", "How late the event loop wakes, every 0.1 s", services.monitor.loop_lag
    )


def _workers(services: Services) -> Iterable[Metric]:
    workers = services.optimisation.workers
    running = max(0, workers.unfinished - workers.waiting)
    yield gauge("portfolio_worker_threads", "Threads for computations", workers.threads)
    yield gauge("portfolio_worker_running", "Computations that run", running)
    yield gauge("portfolio_worker_queue_length", "Computations that wait for a thread", workers.waiting)
    yield gauge(
        "portfolio_worker_queue_capacity",
        "Computations that may wait, more are 503",
        workers.capacity - workers.threads,
    )
    yield histogram("portfolio_worker_wait_seconds", "Wait of a computation for a thread", workers.waits)
    yield counter("portfolio_worker_refused", "Computations refused because the queue was full", workers.refused)
    yield counter("portfolio_worker_timeouts", "Computations over OPTIMIZATION_TIMEOUT", workers.timed_out)
    yield counters(
        "portfolio_optimization_failures",
        "Optimisations without a result, by error code",
        ["code"],
        (((code,), count) for code, count in ({code: 0 for code in WATCHED} | services.optimisation.failures).items()),
    )


def _events(facts: Operations) -> Iterable[Metric]:
    feed, relay = facts.services.feed, facts.services.monitor.relay
    if facts.backlog is not None:
        yield gauge("portfolio_outbox_pending", "Committed events not yet published", facts.backlog.depth)
        yield gauge("portfolio_outbox_oldest_age_seconds", "Age of the oldest of them", facts.backlog.oldest_age_s)
    yield counter("portfolio_outbox_published", "Events published on the message bus", relay.published)
    yield counter("portfolio_outbox_relay_failures", "Failed attempts to publish, each tried again", relay.failures)
    yield gauge("portfolio_event_followers", "Clients of GET /events", feed.followers)
    yield counter("portfolio_event_followers_dropped", "Clients let go because they did not read", feed.dropped)
    yield counter("portfolio_event_followers_refused", "Clients refused because there were too many", feed.refused)


def _prices(facts: Operations) -> Iterable[Metric]:
    yield gauge(
        "portfolio_price_age_seconds", "Age of the oldest price of a held symbol", max(facts.price_ages, default=0)
    )
    yield gauge("portfolio_prices_held", "Held symbols with a price", len(facts.price_ages))
    yield gauge("portfolio_prices_stale", "Held symbols whose price is stale", facts.stale)
    yield gauge("portfolio_prices_missing", "Held symbols without a price, counted at cost", facts.missing)


def _source(state: SourceState | None) -> Iterable[Metric]:
    """Nothing for a local source, which has nothing to fail."""
    if state is None or state.breaker is None:
        return
    yield counter("portfolio_market_data_calls", "Calls to the market data source", state.calls)
    yield counters(
        "portfolio_market_data_failures",
        "Failed calls to the market data source, by kind",
        ["kind"],
        (((kind,), count) for kind, count in state.failures.items()),
    )
    yield gauges(
        "portfolio_market_data_breaker_state",
        "1 for the state of the breaker in front of the source",
        ["state"],
        (((name,), float(state.breaker == name)) for name in (CLOSED, OPEN, HALF_OPEN)),
    )
    yield counter("portfolio_market_data_jumps", "Prices held back because nobody would believe them", state.jumps)


def _risk(services: Services) -> Iterable[Metric]:
    standing = Counter((a.portfolio_id, a.limit, a.severity) for a in services.risk.alerts.standing())
    yield gauges(
        "portfolio_risk_alerts",
        "Risk limits that are near or broken now",
        ["portfolio_id", "limit", "severity"],
        standing.items(),
    )


def _database(facts: Operations) -> Iterable[Metric]:
    yield gauge("portfolio_database_writable", "1 when the books can be written", float(facts.writable))
    sound = facts.services.audit.status != "failed"
    yield gauge("portfolio_audit_ok", "0 once an audit has found the stored books damaged", float(sound))
    yield histograms(
        "portfolio_database_transaction_duration_seconds",
        "Seconds of a transaction, with the wait for its connection",
        ["mode"],
        {(mode,): durations for mode, durations in facts.transactions.items()},
    )


def _native() -> Iterable[Metric]:
    done = pe.computations()
    counts: dict[tuple[str, str], tuple[float, float]] = {}
    elsewhere: dict[str, float] = {}
    for what, tally in done.items():
        count, seconds = counts.get((what.kernel, what.device), (0.0, 0.0))
        counts[what.kernel, what.device] = count + tally.count, seconds + tally.seconds
        if what.device == "cpu":
            elsewhere[what.device_reason] = elsewhere.get(what.device_reason, 0.0) + tally.count
    labels = ["kernel", "device"]
    yield counters(
        "portfolio_native_computations",
        "Calls of native kernels by the device that computed",
        labels,
        ((key, count) for key, (count, _) in counts.items()),
    )
    yield counters(
        "portfolio_native_computation_seconds",
        "Seconds that native kernels took",
        labels,
        ((key, seconds) for key, (_, seconds) in counts.items()),
    )
    yield counters(
        "portfolio_native_fallbacks",
        "Computations that ran on the CPU and not on an accelerator, by reason",
        ["reason"],
        (((reason,), count) for reason, count in elsewhere.items()),
    )
    state = acceleration()
    yield gauges(
        "portfolio_accelerator_available",
        "1 where the accelerator can be used",
        ["accelerator"],
        (((name,), float(state[name])) for name in ("metal", "neural_engine")),
    )
    yield gauges(
        "portfolio_accelerator_healthy",
        "0 once the accelerator has failed and the CPU does its work",
        ["accelerator"],
        [(("metal",), float(state["healthy"]))],
    )
    yield counters(
        "portfolio_accelerator_failures",
        "Computations that the accelerator failed to do and the CPU did",
        ["accelerator"],
        [(("metal",), state["fallbacks"])],
    )


def _scheduler(progress: Progress, next_check: datetime) -> Iterable[Metric]:
    if progress.last_check is not None:
        yield gauge(
            "portfolio_scheduler_last_check_timestamp_seconds",
            "When the scheduler last looked at all portfolios",
            progress.last_check.timestamp(),
        )
    yield gauge("portfolio_scheduler_next_check_timestamp_seconds", "When it is to look again", next_check.timestamp())
    yield gauge("portfolio_scheduler_healthy", "0 when the last look as a whole failed", float(progress.error is None))
    yield gauge("portfolio_scheduler_due", "Rebalances that are due and not begun", progress.due)
    yield counters(
        "portfolio_scheduler_decisions",
        "Decisions to trade or not, since the start",
        ["trigger", "outcome"],
        ({(SCHEDULED, outcome): 0 for outcome in OUTCOMES} | progress.decisions).items(),
    )


def _process(services: Services) -> Iterable[Metric]:
    settings = services.settings
    yield gauge("portfolio_memory_limit_bytes", "PORTFOLIO_MAX_MEMORY", settings.portfolio_max_memory)
    yield gauge("portfolio_uptime_seconds", "Seconds since the start", services.monitor.uptime_s)
    yield gauges(
        "portfolio_engine_build_info",
        "Version and device",
        ["version", "device"],
        [((__version__, acceleration()["device"]), 1)],
    )
    yield from PROCESS.collect()

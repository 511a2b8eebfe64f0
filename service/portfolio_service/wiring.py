"""Joins the parts: the only place that knows them all."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from portfolio_service.adapters.execution.simulated import SimulatedExecution
from portfolio_service.adapters.market_data.calendar import ExchangeCalendar
from portfolio_service.adapters.market_data.files import FilesMarketData
from portfolio_service.adapters.market_data.trading_days import TradingDays
from portfolio_service.adapters.storage import SqlRepository
from portfolio_service.adapters.storage.alerts import SqlAlerts
from portfolio_service.adapters.storage.close_levels import SqlCloseLevels
from portfolio_service.adapters.storage.daily_records import DailyRecordStore
from portfolio_service.adapters.storage.database import Database
from portfolio_service.adapters.storage.decisions import DecisionStore
from portfolio_service.adapters.storage.event_log import SqlEventLog
from portfolio_service.adapters.storage.flows import ExternalFlowStore
from portfolio_service.adapters.storage.idempotency import ReceiptStore
from portfolio_service.api.deps import Services
from portfolio_service.api.schemas.optimization import OptimizeIn
from portfolio_service.config import Settings
from portfolio_service.domain.alerts import Alerts
from portfolio_service.domain.analytics import Analytics
from portfolio_service.domain.automation import Automation
from portfolio_service.domain.book_audit import BookAudit
from portfolio_service.domain.books import Books
from portfolio_service.domain.cash_flows import CashService
from portfolio_service.domain.event_feed import EventFeed
from portfolio_service.domain.highs import Highs
from portfolio_service.domain.limit_settings import LimitSettings
from portfolio_service.domain.monitor import Monitor
from portfolio_service.domain.optimisation import OptimisationService
from portfolio_service.domain.portfolio import PortfolioService
from portfolio_service.domain.ports import Clock, MarketDataClient, MessageBus
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.realised import RealisedRecords
from portfolio_service.domain.rebalancing import RebalanceService
from portfolio_service.domain.risk import RiskReports
from portfolio_service.domain.risk_desk import RiskDesk
from portfolio_service.domain.risk_watch import RiskWatch
from portfolio_service.domain.scheduling import Scheduling
from portfolio_service.domain.stress import StressTests
from portfolio_service.domain.trade_limits import TradeLimits
from portfolio_service.domain.valuation import LiveValuation
from portfolio_service.domain.workers import Workers
from portfolio_service.jobs.daily_record import DailyRecordJob
from portfolio_service.jobs.loop_lag import LoopLag
from portfolio_service.jobs.outbox_relay import OutboxRelay
from portfolio_service.jobs.price_stream import PriceStream
from portfolio_service.jobs.scheduler import SchedulerJob

Job = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Core:
    """What almost every part is given."""

    settings: Settings
    clock: Clock
    database: Database
    repository: SqlRepository
    market: MarketDataClient
    books: Books
    prices: Prices
    live: LiveValuation


async def wire(
    settings: Settings,
    clock: Clock,
    database: Database,
    repository: SqlRepository,
    market: MarketDataClient,
    bus: MessageBus,
) -> Services:
    """The services of one process, their memory read from the database."""
    books = Books(repository)
    await books.load()
    prices = Prices(market, clock, settings.price_stale_seconds)
    core = Core(settings, clock, database, repository, market, books, prices, LiveValuation(books, prices))
    feed = EventFeed(SqlEventLog(database))
    await feed.start()
    alerts = Alerts(SqlAlerts(database), clock)
    await alerts.load()
    records, flows = DailyRecordStore(database), ExternalFlowStore(database)
    optimisation, rebalancing = _optimisation(core), _rebalancing(core)
    analytics = _analytics(core, records, flows, optimisation.workers)
    monitor = Monitor(
        repository=repository, books=books, live=core.live, prices=prices, market=market, bus=bus, clock=clock
    )
    return Services(
        settings=settings,
        clock=clock,
        books=books,
        prices=prices,
        market=market,
        repository=repository,
        receipts=ReceiptStore(database),
        live=core.live,
        feed=feed,
        transactions=database.transactions,
        portfolios=_portfolios(core),
        optimisation=optimisation,
        rebalancing=rebalancing,
        scheduling=_scheduling(core, optimisation, rebalancing, monitor),
        records=records,
        cash=CashService(books=books, prices=prices, flows=flows, clock=clock),
        analytics=analytics,
        risk=_risk(core, alerts, analytics, optimisation.workers),
        monitor=monitor,
        audit=BookAudit(books=books, repository=repository, clock=clock),
    )


def _portfolios(core: Core) -> PortfolioService:
    return PortfolioService(
        books=core.books,
        prices=core.prices,
        market=core.market,
        repository=core.repository,
        clock=core.clock,
        max_portfolios=core.settings.max_portfolios,
    )


def _optimisation(core: Core) -> OptimisationService:
    settings = core.settings
    return OptimisationService(
        books=core.books,
        prices=core.prices,
        market=core.market,
        repository=core.repository,
        clock=core.clock,
        workers=settings.portfolio_optimization_workers,
        timeout_s=settings.optimization_timeout,
        cache_ttl_s=settings.optimization_cache_ttl,
        estimation_days=settings.estimation_days,
        risk_free_rate=settings.risk_free_rate,
        max_memory=settings.portfolio_max_memory,
    )


def _rebalancing(core: Core) -> RebalanceService:
    return RebalanceService(
        books=core.books,
        prices=core.prices,
        market=core.market,
        execution=SimulatedExecution(),
        clock=core.clock,
        transaction_cost_bps=core.settings.transaction_cost_bps,
        limits=TradeLimits(core.market),
    )


def _scheduling(
    core: Core, optimisation: OptimisationService, rebalancing: RebalanceService, monitor: Monitor
) -> Scheduling:
    market, settings = core.market, core.settings
    calendar = ExchangeCalendar(TradingDays(), market.last_date if isinstance(market, FilesMarketData) else None)
    automation = Automation(
        books=core.books,
        prices=core.prices,
        market=market,
        optimisation=optimisation,
        rebalancing=rebalancing,
        monitor=monitor,
        calendar=calendar,
        clock=core.clock,
        read_policy=lambda policy: OptimizeIn.model_validate(policy).to_domain(),
    )
    return Scheduling(
        automation=automation,
        books=core.books,
        prices=core.prices,
        decisions=DecisionStore(core.database),
        calendar=calendar,
        clock=core.clock,
        interval_s=settings.rebalance_check_interval,
        at_once=max(1, settings.portfolio_optimization_workers // 2),  # the other workers are for requests
    )


def _analytics(core: Core, records: DailyRecordStore, flows: ExternalFlowStore, workers: Workers) -> Analytics:
    settings = core.settings
    return Analytics(
        books=core.books,
        prices=core.prices,
        market=core.market,
        repository=core.repository,
        records=records,
        flows=flows,
        clock=core.clock,
        workers=workers,
        benchmark_symbol=settings.benchmark_symbol,
        risk_free_rate=settings.risk_free_rate,
        estimation_days=settings.estimation_days,
        max_memory=settings.portfolio_max_memory,
    )


def _risk(core: Core, alerts: Alerts, analytics: Analytics, workers: Workers) -> RiskDesk:
    market, clock, benchmark = core.market, core.clock, core.settings.benchmark_symbol
    watch = RiskWatch(
        books=core.books,
        live=core.live,
        market=market,
        analytics=analytics,
        alerts=alerts,
        highs=Highs(SqlCloseLevels(core.database), market),
        clock=clock,
    )
    reports = RiskReports(
        books=core.books, market=market, clock=clock, workers=workers, watch=watch, benchmark_symbol=benchmark
    )
    stress = StressTests(market=market, clock=clock, workers=workers, watch=watch, benchmark_symbol=benchmark)
    return RiskDesk(watch=watch, alerts=alerts, limits=LimitSettings(core.books, clock), reports=reports, stress=stress)


def jobs(services: Services, relay: OutboxRelay) -> dict[str, Job]:
    """What runs beside the requests, each for ever."""
    market, repository, clock, settings = services.market, services.repository, services.clock, services.settings
    records = RealisedRecords(
        repository=repository,
        store=services.records,
        prices=services.prices,
        market=market,
        clock=clock,
        benchmark_symbol=settings.benchmark_symbol,
        risk_free_rate=settings.risk_free_rate,
    )

    def recorded() -> None:
        services.analytics.recorded()
        relay.wake()

    daily = DailyRecordJob(
        books=services.books,
        market=market,
        repository=repository,
        records=records,
        clock=clock,
        on_recorded=recorded,
    )
    stream = PriceStream(market=market, live=services.live, risk=services.risk.watch, clock=clock)
    return {
        "event feed": services.feed.run,
        "event-loop lag": LoopLag(services.monitor.loop_lag).run,
        "outbox relay": relay.run,
        "daily record": daily.run,
        "price stream": stream.run,
        "books in doubt": services.books.run,
        "audit": services.audit.run,
        "scheduler": SchedulerJob(scheduling=services.scheduling, clock=clock).run,
    }

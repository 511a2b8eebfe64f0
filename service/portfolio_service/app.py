"""The application: the only place where the parts are joined."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI

from portfolio_engine import kernels
from portfolio_service import __version__
from portfolio_service.adapters.execution.simulated import SimulatedExecution
from portfolio_service.adapters.market_data.calendar import ExchangeCalendar
from portfolio_service.adapters.market_data.choose import choose
from portfolio_service.adapters.market_data.files import FilesMarketData
from portfolio_service.adapters.market_data.trading_days import TradingDays
from portfolio_service.adapters.messaging.in_process import InProcessBus
from portfolio_service.adapters.storage import SqlRepository
from portfolio_service.adapters.storage.alerts import SqlAlerts
from portfolio_service.adapters.storage.close_levels import SqlCloseLevels
from portfolio_service.adapters.storage.daily_records import DailyRecordStore
from portfolio_service.adapters.storage.database import Database
from portfolio_service.adapters.storage.decisions import DecisionStore
from portfolio_service.adapters.storage.event_log import SqlEventLog
from portfolio_service.adapters.storage.flows import ExternalFlowStore
from portfolio_service.adapters.storage.idempotency import ReceiptStore
from portfolio_service.api import (
    analytics,
    cash,
    errors,
    events,
    operations,
    optimization,
    pages,
    portfolios,
    problems,
    rebalancing,
    risk,
    schedule,
)
from portfolio_service.api.admission import BodyLimit, Head, Load, Overload
from portfolio_service.api.deps import Services
from portfolio_service.api.middleware import Authenticate, HostCheck, RequestContext
from portfolio_service.api.request_meter import RequestMeter
from portfolio_service.api.schemas.optimization import OptimizeIn
from portfolio_service.config import Settings, load_settings
from portfolio_service.domain.alerts import Alerts
from portfolio_service.domain.analytics import Analytics
from portfolio_service.domain.automation import Automation
from portfolio_service.domain.book_audit import BookAudit
from portfolio_service.domain.books import Books
from portfolio_service.domain.cash_flows import CashService
from portfolio_service.domain.clock import SystemClock
from portfolio_service.domain.event_feed import EventFeed
from portfolio_service.domain.highs import Highs
from portfolio_service.domain.limit_settings import LimitSettings
from portfolio_service.domain.monitor import Monitor, acceleration
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
from portfolio_service.domain.workers import QUEUE_SIZE
from portfolio_service.jobs.daily_record import DailyRecordJob
from portfolio_service.jobs.loop_lag import LoopLag
from portfolio_service.jobs.outbox_relay import OutboxRelay
from portfolio_service.jobs.price_stream import PriceStream
from portfolio_service.jobs.scheduler import SchedulerJob
from portfolio_service.logs import configure, log_start

log = structlog.get_logger(__name__)

Job = Callable[[], Coroutine[Any, Any, None]]
ROUTERS = (
    portfolios.router,
    optimization.router,
    rebalancing.router,
    schedule.router,
    cash.router,
    analytics.router,
    risk.router,
    operations.router,
    events.router,
    pages.router,
)
DESCRIPTION = "Portfolios that are optimised, rebalanced, valued and explained. Times are UTC, rates annual fractions."


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Everything between start and stop: books recovered, jobs running, and all of it closed in reverse order."""
    settings: Settings = app.state.settings
    clock: Clock = app.state.clock
    log_start(settings, acceleration(), __version__)
    if settings.native_threads:
        kernels.set_num_threads(settings.native_threads)
    async with AsyncExitStack() as stack:
        database = await Database.open(settings.database)
        repository = SqlRepository(database)
        stack.push_async_callback(repository.close)
        market = app.state.market or await choose(
            settings.market_data_provider, settings.market_data_url, settings.market_data_dir, clock
        )
        stack.push_async_callback(market.close)
        bus = InProcessBus()
        stack.push_async_callback(bus.close)
        app.state.services = services = await _wire(settings, clock, database, repository, market, bus)
        stack.callback(services.optimisation.close)
        services.requests.refused = app.state.load.refused
        relay = OutboxRelay(repository=repository, bus=bus, on_wake=services.feed.wake, counts=services.monitor.relay)
        services.books.subscribe(relay.wake)
        services.risk.alerts.subscribe(relay.wake)
        stack.push_async_callback(relay.run_once)  # what the last requests left in the outbox
        await stack.enter_async_context(_running(_jobs(services, relay)))
        yield


def _jobs(services: Services, relay: OutboxRelay) -> dict[str, Job]:
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
    daily = DailyRecordJob(
        books=services.books,
        market=market,
        repository=repository,
        records=records,
        clock=clock,
        on_recorded=relay.wake,
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


@asynccontextmanager
async def _running(jobs: Mapping[str, Job]) -> AsyncIterator[None]:
    """The jobs as tasks, cancelled at the end; one that ends by an error of its own is logged, never silent."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("job ended", job=task.get_name(), exc_info=error)

    tasks = [asyncio.create_task(run(), name=name) for name, run in jobs.items()]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        pending = set(tasks)
        while pending:  # a library may swallow one cancellation; asked again it ends
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=1)


async def _wire(
    settings: Settings,
    clock: Clock,
    database: Database,
    repository: SqlRepository,
    market: MarketDataClient,
    bus: MessageBus,
) -> Services:
    books = Books(repository)
    await books.load()
    prices = Prices(market, clock, settings.price_stale_seconds)
    live = LiveValuation(books, prices)
    feed = EventFeed(SqlEventLog(database))
    await feed.start()
    optimisation = OptimisationService(
        books=books,
        prices=prices,
        market=market,
        repository=repository,
        clock=clock,
        workers=settings.portfolio_optimization_workers,
        timeout_s=settings.optimization_timeout,
        cache_ttl_s=settings.optimization_cache_ttl,
        estimation_days=settings.estimation_days,
        risk_free_rate=settings.risk_free_rate,
        max_memory=settings.portfolio_max_memory,
    )
    rebalancing_service = RebalanceService(
        books=books,
        prices=prices,
        market=market,
        execution=SimulatedExecution(),
        clock=clock,
        transaction_cost_bps=settings.transaction_cost_bps,
        limits=TradeLimits(market),
    )
    monitor = Monitor(repository=repository, books=books, live=live, prices=prices, market=market, bus=bus, clock=clock)
    decisions = DecisionStore(database)
    calendar = ExchangeCalendar(TradingDays(), market.last_date if isinstance(market, FilesMarketData) else None)
    automation = Automation(
        books=books,
        prices=prices,
        market=market,
        optimisation=optimisation,
        rebalancing=rebalancing_service,
        monitor=monitor,
        calendar=calendar,
        clock=clock,
        read_policy=lambda policy: OptimizeIn.model_validate(policy).to_domain(),
    )
    alerts = Alerts(SqlAlerts(database), clock)
    await alerts.load()
    records, flows = DailyRecordStore(database), ExternalFlowStore(database)
    analytics_service = Analytics(
        books=books,
        prices=prices,
        market=market,
        repository=repository,
        records=records,
        flows=flows,
        clock=clock,
        workers=optimisation.workers,
        benchmark_symbol=settings.benchmark_symbol,
        risk_free_rate=settings.risk_free_rate,
        estimation_days=settings.estimation_days,
        max_memory=settings.portfolio_max_memory,
    )
    watch = RiskWatch(
        books=books,
        live=live,
        market=market,
        analytics=analytics_service,
        alerts=alerts,
        highs=Highs(SqlCloseLevels(database), market),
        clock=clock,
    )
    desk = RiskDesk(
        watch=watch,
        alerts=alerts,
        limits=LimitSettings(books, clock),
        reports=RiskReports(
            books=books,
            market=market,
            clock=clock,
            workers=optimisation.workers,
            watch=watch,
            benchmark_symbol=settings.benchmark_symbol,
        ),
        stress=StressTests(
            market=market,
            clock=clock,
            workers=optimisation.workers,
            watch=watch,
            benchmark_symbol=settings.benchmark_symbol,
        ),
    )
    return Services(
        settings=settings,
        clock=clock,
        books=books,
        prices=prices,
        market=market,
        repository=repository,
        receipts=ReceiptStore(database),
        live=live,
        feed=feed,
        transactions=database.transactions,
        portfolios=PortfolioService(
            books=books,
            prices=prices,
            market=market,
            repository=repository,
            clock=clock,
            max_portfolios=settings.max_portfolios,
        ),
        optimisation=optimisation,
        rebalancing=rebalancing_service,
        scheduling=Scheduling(
            automation=automation,
            books=books,
            prices=prices,
            decisions=decisions,
            calendar=calendar,
            clock=clock,
            interval_s=settings.rebalance_check_interval,
            at_once=max(1, settings.portfolio_optimization_workers // 2),  # the other workers are for requests
        ),
        records=records,
        cash=CashService(books=books, prices=prices, flows=flows, clock=clock),
        analytics=analytics_service,
        risk=desk,
        monitor=monitor,
        audit=BookAudit(books=books, repository=repository, clock=clock),
    )


class Application(FastAPI):
    """FastAPI with our own OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        return problems.openapi(self)


def create_app(
    settings: Settings | None = None, clock: Clock | None = None, market: MarketDataClient | None = None
) -> FastAPI:
    """The ASGI application; `settings` come from the environment unless given. Used by `uvicorn --factory` too."""
    settings = settings or load_settings()
    configure(settings)
    app = Application(
        title="Portfolio Engine",
        version=__version__,
        description=DESCRIPTION,
        lifespan=running,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.clock = clock or SystemClock()
    app.state.market = market
    app.state.stopping = asyncio.Event()  # set when the server begins to stop
    app.state.load = Load(settings.portfolio_optimization_workers + QUEUE_SIZE)
    for router in ROUTERS:
        app.include_router(router)
    pages.mount_assets(app)
    errors.install(app, [route for router in ROUTERS for route in router.routes])
    key = settings.api_key.get_secret_value() if settings.api_key else None
    # Starlette runs the last one added first.
    app.add_middleware(Head)
    app.add_middleware(BodyLimit)
    app.add_middleware(Overload, load=app.state.load)
    app.add_middleware(Authenticate, api_key=key, allow_unauthenticated=settings.allow_unauthenticated)
    app.add_middleware(HostCheck, allowed_hosts=settings.allowed_hosts)
    app.add_middleware(RequestContext)
    app.add_middleware(RequestMeter)
    return app

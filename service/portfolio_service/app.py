"""The application: its routes, what every request passes through, and its life from start to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI

from portfolio_engine import kernels, set_default_device
from portfolio_service import __version__
from portfolio_service.adapters.market_data.choose import choose
from portfolio_service.adapters.messaging.in_process import InProcessBus
from portfolio_service.adapters.storage import SqlRepository
from portfolio_service.adapters.storage.database import Database
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
from portfolio_service.api.admission import Load, Overload
from portfolio_service.api.body_limit import BodyLimit
from portfolio_service.api.head import Head
from portfolio_service.api.middleware import Authenticate, HostCheck, RequestContext
from portfolio_service.api.request_meter import RequestMeter
from portfolio_service.config import Settings, load_settings
from portfolio_service.domain.clock import SystemClock
from portfolio_service.domain.monitor import acceleration
from portfolio_service.domain.ports import Clock, MarketDataClient
from portfolio_service.domain.workers import QUEUE_SIZE
from portfolio_service.jobs.outbox_relay import OutboxRelay
from portfolio_service.logs import configure, log_start
from portfolio_service.wiring import Job, jobs, wire

log = structlog.get_logger(__name__)

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
    if settings.enable_metal_acceleration is False:
        set_default_device("cpu")
    log_start(settings, acceleration(), __version__)
    # one core is left to the event loop
    kernels.set_num_threads(settings.native_threads or max(1, kernels.num_threads() - 1))
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
        app.state.services = services = await wire(settings, clock, database, repository, market, bus)
        stack.callback(services.optimisation.close)
        services.requests.refused = app.state.load.refused
        relay = OutboxRelay(repository=repository, bus=bus, on_wake=services.feed.wake, counts=services.monitor.relay)
        services.books.subscribe(relay.wake)
        services.risk.alerts.subscribe(relay.wake)
        stack.push_async_callback(relay.run_once)  # what the last requests left in the outbox
        await stack.enter_async_context(_running(jobs(services, relay)))
        yield


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

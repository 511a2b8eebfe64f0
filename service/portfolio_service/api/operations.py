"""Health and metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from portfolio_service import __version__
from portfolio_service.api import examples, prometheus
from portfolio_service.api.deps import Services, Svc
from portfolio_service.api.problems import reading
from portfolio_service.api.schemas.operations import EngineMetrics, Health, Probe
from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.monitor import acceleration, mean_ms
from portfolio_service.logs import warnings_of

router = APIRouter(tags=["operations"])
TEXT = {"schema": {"type": "string"}, "example": examples.PROMETHEUS}
CONTAINERIZED = any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv"))


class LineJSONResponse(JSONResponse):
    """One key a line, so that `curl ... | grep key` prints a line."""

    def render(self, content: Any) -> bytes:
        return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


@router.get(
    "/health",
    response_model=Health,
    response_class=LineJSONResponse,
    responses={**reading(ok=examples.HEALTH), 503: {"model": Health, "description": "The books cannot be written"}},
)
async def health(services: Svc, response: Response) -> dict[str, Any]:
    """The state of the service and its parts; 200 while it can serve, 503 when the books cannot be written."""
    monitor = services.monitor
    database = await monitor.database()
    if database["status"] != "ok":
        response.status_code, response.headers["Retry-After"] = 503, "5"
    return await _health(services, database)


async def _health(services: Services, database: dict[str, Any]) -> dict[str, Any]:
    monitor, accelerated = services.monitor, acceleration()
    market, bus, scheduler = monitor.market_data(), monitor.messagebus(), services.scheduling.health()
    try:
        counters = await monitor.counters()
    except DomainError as error:
        counters, database = monitor.last_counters, {"status": "unavailable", "reason": error.detail}
    sound = database["status"] == "ok" and market["status"] == "ok" and bus["connected"]
    sound = sound and scheduler["status"] != "failing" and accelerated["healthy"]
    return {
        "status": "healthy" if sound else "unhealthy" if database["status"] != "ok" else "degraded",
        "optimizations_completed": counters.optimizations_total,
        "rebalances_executed": counters.rebalances_total,
        "portfolios_managed": len(services.books.all()),
        "active_portfolios": monitor.active(),
        "total_portfolio_value": round(services.live.total_aum(), 2),
        "uptime_seconds": round(monitor.uptime_s, 3),
        "messagebus_connected": bus["connected"],
        "messagebus": bus["kind"],
        "market_data": market,
        "acceleration": accelerated,
        "database": database,
        "audit": services.audit.shown(),
        "scheduler": scheduler,
        "warnings": warnings_of(services.settings, accelerated) + services.market.state.warnings,
        "version": __version__,
    }


@router.get("/health/live", response_model=Probe, responses=reading(ok=examples.PROBE))
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get(
    "/health/ready",
    response_model=Probe,
    responses={**reading(ok={"status": "ready"}), 503: {"model": Probe, "description": "Not ready"}},
)
async def ready(services: Svc, response: Response) -> dict[str, str]:
    """The books are loaded and can be written."""
    database = await services.monitor.database()
    response.status_code = 200 if database["status"] == "ok" else 503
    return {"status": "ready" if database["status"] == "ok" else "not ready"}


@router.get(
    "/metrics",
    response_model=EngineMetrics,
    responses={
        **reading(503, ok=None),
        200: {
            "content": {
                "application/json": {"example": examples.ENGINE_METRICS},
                **{kind: TEXT for kind in prometheus.TEXT_TYPES},
            },
            "description": "JSON, or Prometheus text",
        },
    },
)
async def metrics(services: Svc, accept: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
    """Totals as JSON, one key a line; Prometheus or OpenMetrics text when Accept asks for it."""
    if prometheus.wanted(accept):
        text = await prometheus_metrics(services, accept)
        text.headers["Vary"] = "Accept"
        return text
    return LineJSONResponse(await _metrics(services), headers={"Vary": "Accept"})


@router.get(
    "/metrics/prometheus",
    response_class=Response,
    responses={
        **reading(503, ok=None),
        200: {"content": {kind: TEXT for kind in prometheus.TEXT_TYPES}, "description": "Prometheus text"},
    },
)
async def prometheus_metrics(services: Svc, accept: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
    """The eight documented metrics with their labels."""
    facts = await prometheus.gather(services)
    body, content_type = await run_in_threadpool(prometheus.render, facts, accept)
    return Response(body, headers={"Content-Type": content_type, "Vary": "Accept"})


async def _metrics(services: Services) -> dict[str, Any]:
    counters = await services.monitor.counters()
    managed = len(services.books.all())
    total = services.live.total_aum()
    mean = mean_ms(services.monitor.optimizations)
    return EngineMetrics(
        optimizations_per_hour=round(counters.optimizations_24h / 24, 4),
        rebalances_per_hour=round(counters.rebalances_24h / 24, 4),
        total_optimizations=counters.optimizations_total,
        total_rebalances=counters.rebalances_total,
        portfolios_managed=managed,
        avg_portfolio_value=round(total / managed, 2) if managed else 0.0,
        total_aum=round(total, 2),
        cache_efficiency=services.optimisation.cache_efficiency,
        engine_type="portfolio_optimization",
        containerized=CONTAINERIZED,
        optimization_time_ms=round(mean, 3),
        optimization_duration_seconds=round(mean / 1e3, 6),
        acceleration=acceleration()["device"],
    ).model_dump()

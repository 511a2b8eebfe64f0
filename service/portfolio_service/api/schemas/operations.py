"""/health and /metrics."""

from __future__ import annotations

from typing import Any

from portfolio_service.api.schemas.common import ResponseModel


class Health(ResponseModel):
    """The contract's keys first; the parts' states beside them."""

    status: str
    optimizations_completed: int
    rebalances_executed: int
    portfolios_managed: int
    active_portfolios: int
    total_portfolio_value: float
    uptime_seconds: float
    messagebus_connected: bool
    messagebus: str
    market_data: dict[str, Any]
    acceleration: dict[str, Any]
    database: dict[str, Any]
    audit: dict[str, Any]
    scheduler: dict[str, Any]
    warnings: list[str]
    version: str


class Probe(ResponseModel):
    """Liveness or readiness."""

    status: str


class EngineMetrics(ResponseModel):
    """The contract's keys first."""

    optimizations_per_hour: float
    rebalances_per_hour: float
    total_optimizations: int
    total_rebalances: int
    portfolios_managed: int
    avg_portfolio_value: float
    total_aum: float
    cache_efficiency: float
    engine_type: str
    containerized: bool
    optimization_time_ms: float
    optimization_duration_seconds: float
    acceleration: str


class Root(ResponseModel):
    """GET / for a JSON client."""

    name: str
    version: str
    portfolios: int
    links: dict[str, str]

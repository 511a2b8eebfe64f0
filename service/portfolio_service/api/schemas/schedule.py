"""The schedule of a portfolio: its changes and its decisions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from portfolio_service.api.schemas.common import TEXT_PATTERN, Metadata, RequestModel, ResponseModel, Utc
from portfolio_service.domain.amendment import Amendment
from portfolio_service.domain.models import Decision, OptimizationMethod, Portfolio, PortfolioStatus, RebalanceFrequency


class PortfolioPatch(RequestModel):
    """PATCH /portfolios/{portfolio_id}; what is left out, or null, stays as it is."""

    portfolio_name: Annotated[str | None, Field(min_length=1, max_length=200, pattern=TEXT_PATTERN)] = None
    optimization_method: Annotated[
        OptimizationMethod | None, Field(description="Used where neither a request nor the stored policy names one")
    ] = None
    rebalance_frequency: Annotated[
        RebalanceFrequency | None, Field(description="The schedule begins anew with the next period")
    ] = None
    status: Annotated[
        Literal["active", "paused"] | None,
        Field(description="paused: nothing is traded by itself; active ends an error"),
    ] = None
    metadata: Annotated[Metadata | None, Field(description="Replaces the whole object, at most 16 KB")] = None

    def to_domain(self) -> Amendment:
        status = None if self.status is None else PortfolioStatus(self.status)
        return Amendment(**{**self.model_dump(), "status": status})


class Patched(ResponseModel):
    """The answer to PATCH."""

    portfolio_id: str
    portfolio_name: str
    status: str
    optimization_method: OptimizationMethod
    rebalance_frequency: RebalanceFrequency
    next_rebalance: Utc | None
    metadata: dict[str, Any]
    version: int

    @classmethod
    def of(cls, portfolio: Portfolio, next_rebalance: Any) -> Patched:
        return cls(
            portfolio_id=portfolio.portfolio_id,
            portfolio_name=portfolio.portfolio_name,
            status=portfolio.status.value,
            optimization_method=portfolio.optimization_method,
            rebalance_frequency=portfolio.rebalance_frequency,
            next_rebalance=next_rebalance,
            metadata=dict(portfolio.metadata),
            version=portfolio.version,
        )


class DecisionOut(ResponseModel):
    """One decision of the scheduler, with the numbers it was taken on."""

    decided_at: Utc
    trigger: str
    outcome: str
    code: str
    reason: str
    period: date | None
    numbers: dict[str, Any]

    @classmethod
    def of(cls, decision: Decision) -> DecisionOut:
        return cls(
            decided_at=decision.at,
            trigger=decision.trigger,
            outcome=decision.outcome,
            code=decision.code,
            reason=decision.reason,
            period=decision.period,
            numbers=dict(decision.numbers),
        )


class ScheduleOut(ResponseModel):
    """GET /portfolios/{portfolio_id}/schedule; decisions newest first, count is the number of all of them."""

    portfolio_id: str
    rebalance_frequency: RebalanceFrequency
    status: str
    next_check: Utc
    next_rebalance: Utc | None
    last_rebalanced: Utc | None
    decisions: list[DecisionOut]
    count: int

"""Optimisation of a portfolio's weights."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response

from portfolio_service.api import examples
from portfolio_service.api.attended import Attended
from portfolio_service.api.body import StrictRoute
from portfolio_service.api.deps import ID, Limit, Offset, Svc, ThePortfolio
from portfolio_service.api.etags import IfMatch
from portfolio_service.api.idempotency import Once
from portfolio_service.api.problems import reading, writing
from portfolio_service.api.schemas.optimization import OptimizationHistory, Optimized, OptimizeIn
from portfolio_service.domain.models import Actor, OptimizationRecord

router = APIRouter(prefix="/portfolios", tags=["optimization"], route_class=StrictRoute)

EXAMPLE = {
    "method": "mean_variance",
    "target_return": 0.12,
    "max_volatility": 0.18,
    "constraints": {"max_position_weight": 0.30, "min_position_weight": 0.05},
}


@router.post(f"{ID}/optimize", response_model=Optimized, responses=writing(404, 409, 412, 504, ok=examples.OPTIMIZED))
async def optimize_portfolio(
    portfolio: ThePortfolio,
    body: Annotated[OptimizeIn, Body(examples=[EXAMPLE])],
    services: Svc,
    if_match: IfMatch,
    once: Once,
    attended: Attended,
) -> Response:
    """Find the weights; they are stored as the portfolio's target, nothing is traded."""

    async def change(who: Actor) -> OptimizationRecord:
        record = await services.optimisation.optimize(portfolio.portfolio_id, body.to_domain(), who, if_match, attended)
        services.monitor.optimized(record.method.value, record.optimization_time_ms / 1e3)
        return record

    return await once(change, Optimized.of)


@router.get(
    f"{ID}/optimization-history",
    response_model=OptimizationHistory,
    responses=reading(404, 422, 503, ok=examples.OPTIMIZATIONS),
)
async def optimization_history(
    portfolio: ThePortfolio, services: Svc, limit: Limit = 100, offset: Offset = 0
) -> dict[str, object]:
    """Finished optimisations, newest first."""
    records, count = await services.optimisation.history(portfolio.portfolio_id, limit, offset)
    rows = [Optimized.of(record) for record in records]
    return {"portfolio_id": portfolio.portfolio_id, "optimization_history": rows, "count": count}

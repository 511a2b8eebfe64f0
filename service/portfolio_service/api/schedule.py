"""A portfolio's schedule: when it is rebalanced by itself, what was decided, and how to change that."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response

from portfolio_service.api import examples
from portfolio_service.api.body import StrictRoute
from portfolio_service.api.deps import ID, Limit, Offset, Svc, ThePortfolio, Who
from portfolio_service.api.etags import IfMatch, etag
from portfolio_service.api.problems import reading, writing
from portfolio_service.api.schemas.schedule import DecisionOut, Patched, PortfolioPatch, ScheduleOut

router = APIRouter(prefix="/portfolios", tags=["portfolios"], route_class=StrictRoute)

PATCH = {"rebalance_frequency": "quarterly", "metadata": {"desk": "multi-asset"}}


@router.patch(ID, response_model=Patched, responses=writing(404, 409, 412, ok=examples.PATCHED))
async def amend_portfolio(
    portfolio: ThePortfolio,
    body: Annotated[PortfolioPatch, Body(examples=[PATCH])],
    services: Svc,
    who: Who,
    if_match: IfMatch,
    response: Response,
) -> Patched:
    """Change the name, the method, the schedule, the status or the metadata; the books stay as they are."""
    after = await services.portfolios.amend(portfolio.portfolio_id, body.to_domain(), who, if_match)
    response.headers["ETag"] = etag(after)
    return Patched.of(after, await services.scheduling.next_rebalance(after))


@router.get(f"{ID}/schedule", response_model=ScheduleOut, responses=reading(404, 422, 503, ok=examples.SCHEDULE))
async def get_schedule(
    portfolio: ThePortfolio, services: Svc, response: Response, limit: Limit = 100, offset: Offset = 0
) -> dict[str, object]:
    """When the portfolio is rebalanced next, and every decision of the scheduler with its numbers."""
    response.headers["ETag"] = etag(portfolio)
    scheduling = services.scheduling
    decisions, count = await scheduling.decisions(portfolio.portfolio_id, limit, offset)
    return {
        "portfolio_id": portfolio.portfolio_id,
        "rebalance_frequency": portfolio.rebalance_frequency,
        "status": services.books.status(portfolio),
        "next_check": scheduling.next_check(),
        "next_rebalance": await scheduling.next_rebalance(portfolio),
        "last_rebalanced": portfolio.last_rebalanced,
        "decisions": [DecisionOut.of(decision) for decision in decisions],
        "count": count,
    }

"""Rebalancing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response

from portfolio_service.api import examples
from portfolio_service.api.body import StrictRoute
from portfolio_service.api.deps import ID, Svc, ThePortfolio
from portfolio_service.api.etags import IfMatch
from portfolio_service.api.idempotency import Once
from portfolio_service.api.problems import writing
from portfolio_service.api.schemas.trading import Rebalanced, RebalanceIn
from portfolio_service.domain.models import Actor
from portfolio_service.domain.rebalancing import RebalanceResult

router = APIRouter(prefix="/portfolios", tags=["rebalancing"], route_class=StrictRoute)

EXAMPLE = {
    "target_weights": {"AAPL": 0.22, "GOOGL": 0.18, "MSFT": 0.20, "TSLA": 0.15, "AMZN": 0.25},
    "rebalance_threshold": 0.02,
    "minimize_turnover": True,
}


@router.post(f"{ID}/rebalance", response_model=Rebalanced, responses=writing(404, 409, 412, ok=examples.REBALANCED))
async def rebalance_portfolio(
    portfolio: ThePortfolio,
    body: Annotated[RebalanceIn, Body(examples=[EXAMPLE])],
    services: Svc,
    if_match: IfMatch,
    once: Once,
) -> Response:
    """Trade to the target weights: sells first, buys as far as the cash goes, all of it or nothing."""

    async def change(who: Actor) -> RebalanceResult:
        with services.monitor.rebalance(dry_run=body.dry_run):
            return await services.rebalancing.rebalance(portfolio.portfolio_id, body.to_domain(), who, if_match)

    return await once(change, Rebalanced.of, about=lambda result: result.portfolio)

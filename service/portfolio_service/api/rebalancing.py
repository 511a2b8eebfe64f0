"""Rebalancing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from portfolio_service.api import examples
from portfolio_service.api.body import StrictRoute
from portfolio_service.api.deps import ID, Svc, ThePortfolio, Who
from portfolio_service.api.problems import writing
from portfolio_service.api.schemas.trading import Rebalanced, RebalanceIn, TradeOut

router = APIRouter(prefix="/portfolios", tags=["rebalancing"], route_class=StrictRoute)

EXAMPLE = {
    "target_weights": {"AAPL": 0.22, "GOOGL": 0.18, "MSFT": 0.20, "TSLA": 0.15, "AMZN": 0.25},
    "rebalance_threshold": 0.02,
    "minimize_turnover": True,
}


@router.post(f"{ID}/rebalance", response_model=Rebalanced, responses=writing(404, 409, ok=examples.REBALANCED))
async def rebalance_portfolio(
    portfolio: ThePortfolio, body: Annotated[RebalanceIn, Body(examples=[EXAMPLE])], services: Svc, who: Who
) -> dict[str, object]:
    """Trade to the target weights: sells first, buys as far as the cash goes, all of it or nothing."""
    with services.monitor.rebalance():
        result = await services.rebalancing.rebalance(portfolio.portfolio_id, body.to_domain(), who)
    return {
        "status": "rebalance_planned" if result.dry_run else "rebalance_completed",
        "portfolio_id": portfolio.portfolio_id,
        "target_weights": dict(result.target_weights),
        "trades_executed": 0 if result.dry_run else len(result.trades),
        "total_turnover": float(result.total_turnover),
        "execution_cost": float(result.execution_cost),
        "rebalance_ratio": result.rebalance_ratio,
        "dry_run": result.dry_run,
        "trades": [TradeOut.of(trade) for trade in result.trades],
    }

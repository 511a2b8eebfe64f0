"""Performance history, the efficient frontier and simulation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query

from portfolio_service.api import examples
from portfolio_service.api.attended import Attended
from portfolio_service.api.body import StrictRoute
from portfolio_service.api.deps import ID, Svc, ThePortfolio
from portfolio_service.api.problems import reading, writing
from portfolio_service.api.schemas.analytics import History, HistoryRowOut, Simulated, SimulateIn, StretchOut
from portfolio_service.api.schemas.optimization import FrontierIn, FrontierOut

router = APIRouter(tags=["analytics"], route_class=StrictRoute)

FRONTIER = {"symbols": ["AAPL", "GOOGL", "MSFT"], "points": 20, "constraints": {"max_position_weight": 0.6}}
SIMULATE = {"weights": {"AAPL": 0.6, "MSFT": 0.4}, "horizon_days": 20, "scenarios": 10000, "seed": 7}
Period = Annotated[int, Query(ge=1, le=36500, description="Calendar days back from now")]
Basis = Annotated[
    Literal["realised"] | None, Query(description="realised: only the portfolio's own record, nothing before it began")
]


@router.get(
    f"/portfolios{ID}/performance", response_model=History, responses=reading(404, 422, 503, 504, ok=examples.HISTORY)
)
async def performance_history(
    portfolio: ThePortfolio, services: Svc, period_days: Period = 365, basis: Basis = None
) -> dict[str, object]:
    """The documented metrics, one row a trading day, newest first."""
    found = await services.analytics.history(portfolio.portfolio_id, period_days, basis)
    return {
        "portfolio_id": portfolio.portfolio_id,
        "period_days": period_days,
        "performance_history": [HistoryRowOut.of_row(row) for row in found.rows],
        "count": len(found.rows),
        "realised": None if found.realised is None else StretchOut.of(found.realised),
    }


@router.post("/efficient-frontier", response_model=FrontierOut, responses=writing(404, 409, 504, ok=examples.FRONTIER))
async def efficient_frontier(
    body: Annotated[FrontierIn, Body(examples=[FRONTIER])], services: Svc, attended: Attended
) -> dict[str, Any]:
    """Portfolios of least risk for their return, with the maximum-Sharpe and the minimum-variance one."""
    return await services.optimisation.frontier(body.to_domain(), attended)


@router.post("/simulate", response_model=Simulated, responses=writing(404, 409, 504, ok=examples.SIMULATED))
async def simulate(
    body: Annotated[SimulateIn, Body(examples=[SIMULATE])], services: Svc, attended: Attended
) -> dict[str, Any]:
    """Monte Carlo of the value: quantiles, value at risk and its expected shortfall, with standard errors."""
    return await services.analytics.simulate(body.to_domain(), attended)

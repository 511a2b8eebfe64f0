"""Risk, its limits and their alerts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Response

from portfolio_service.api import examples_risk as examples
from portfolio_service.api.body import StrictRoute
from portfolio_service.api.deps import ID, Limit, Offset, Svc, ThePortfolio, Who
from portfolio_service.api.etags import IfMatch, etag
from portfolio_service.api.idempotency import Once
from portfolio_service.api.portfolios import valued
from portfolio_service.api.problems import reading, writing
from portfolio_service.api.schemas.risk import (
    AcknowledgeIn,
    AlertList,
    AlertOut,
    Limits,
    LimitsIn,
    RiskReport,
    Stressed,
    StressIn,
)
from portfolio_service.domain.risk import RiskRequest

router = APIRouter(tags=["risk"], route_class=StrictRoute)

ALERT_PATTERN = "^alert_[0-9a-f]{12}$"
# The pattern is documentation: any other id is 404 like an unknown one.
ALERT = {"pattern": ALERT_PATTERN, "example": "alert_0a1b2c3d4e5f"}
AlertId = Annotated[str, Path(description="From GET /alerts", json_schema_extra=ALERT)]
Status = Annotated[
    Literal["open", "acknowledged", "cleared", "all"], Query(description="open: neither acknowledged nor cleared")
]
Severity = Annotated[Literal["warning", "breach"] | None, Query(description="Default: both")]
STRESS = {
    "scenarios": [
        {"scenario": "covid_2020"},
        {"factor": "market", "shock": -0.2},
        {"correlation": 0.9, "volatility_multiplier": 1.5},
        {"name": "chips", "returns": {"NVDA": -0.3}, "default": "beta"},
    ]
}
LIMITS = {"max_position_weight": {"breach": 0.25, "warning": 0.2}, "max_var_95": {"breach": 0.03}}


@router.get(
    f"/portfolios{ID}/risk", response_model=RiskReport, responses=reading(404, 409, 422, 503, 504, ok=examples.RISK)
)
async def portfolio_risk(
    portfolio: ThePortfolio,
    services: Svc,
    response: Response,
    confidence: Annotated[float, Query(gt=0.5, lt=1, description="Of VaR and CVaR")] = 0.95,
    horizon_days: Annotated[int, Query(ge=1, le=252, description="Trading days")] = 1,
    method: Annotated[
        Literal["historical", "gaussian", "cornish_fisher"], Query(description="Of VaR and CVaR")
    ] = "historical",
    lookback_days: Annotated[int, Query(ge=30, le=5040, description="Trading days to estimate from")] = 252,
) -> dict[str, Any]:
    """Concentration, volatility, correlation, VaR and CVaR with contributions that add up, beta, and the limits."""
    valuation = await valued(services, portfolio)
    response.headers["ETag"] = etag(portfolio)
    request = RiskRequest(confidence, horizon_days, method, lookback_days)
    return await services.risk.reports.report(portfolio, valuation, request)


@router.post(
    f"/portfolios{ID}/stress-test", response_model=Stressed, responses=writing(404, 409, 504, ok=examples.STRESSED)
)
async def stress_test(
    portfolio: ThePortfolio, body: Annotated[StressIn, Body(examples=[STRESS, {}])], services: Svc
) -> dict[str, Any]:
    """What the portfolio would lose: in windows of history, by shocks of a factor or of correlations, or as you say."""
    valuation = await valued(services, portfolio)
    return await services.risk.stress.run(portfolio, valuation, body.to_domain())


@router.get(f"/portfolios{ID}/limits", response_model=Limits, responses=reading(404, ok=examples.LIMITS))
async def get_limits(portfolio: ThePortfolio, response: Response) -> Limits:
    """The risk limits of a portfolio, with the level at which an alert warns and the one that is a breach."""
    response.headers["ETag"] = etag(portfolio)
    return Limits.of(portfolio, "limits")


@router.put(
    f"/portfolios{ID}/limits", response_model=Limits, responses=writing(404, 409, 412, ok=examples.LIMITS_UPDATED)
)
async def put_limits(
    portfolio: ThePortfolio,
    body: Annotated[LimitsIn, Body(examples=[LIMITS])],
    services: Svc,
    who: Who,
    if_match: IfMatch,
    response: Response,
) -> Limits:
    """Set all limits; what is not named goes back to the documented level. Alerts follow within seconds."""
    after = await services.risk.limits.put(portfolio.portfolio_id, body.to_domain(), who, if_match)
    response.headers["ETag"] = etag(after)
    return Limits.of(after, "limits_updated")


@router.get(f"/portfolios{ID}/alerts", response_model=AlertList, responses=reading(404, 422, 503, ok=examples.ALERTS))
async def portfolio_alerts(
    portfolio: ThePortfolio,
    services: Svc,
    status: Status = "open",
    severity: Severity = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> AlertList:
    """Alerts of one portfolio, newest first."""
    found, count = await services.risk.alerts.page(portfolio.portfolio_id, status, severity, limit, offset)
    return AlertList(alerts=[AlertOut.of(alert) for alert in found], count=count)


@router.get("/alerts", response_model=AlertList, responses=reading(422, 503, ok=examples.ALERTS))
async def list_alerts(
    services: Svc, status: Status = "open", severity: Severity = None, limit: Limit = 100, offset: Offset = 0
) -> AlertList:
    """Alerts of all portfolios, newest first, those of archived ones included."""
    found, count = await services.risk.alerts.page(None, status, severity, limit, offset)
    return AlertList(alerts=[AlertOut.of(alert) for alert in found], count=count)


@router.post("/alerts/{alert_id}/acknowledge", response_model=AlertOut, responses=writing(404, ok=examples.ALERT))
async def acknowledge_alert(
    alert_id: AlertId,
    body: Annotated[AcknowledgeIn, Body(examples=[{"note": "intended, see the mandate"}])],
    services: Svc,
    once: Once,
) -> Response:
    """Say that somebody has seen it; the first time counts. The alert stays until its value is back."""
    return await once(lambda who: services.risk.alerts.acknowledge(alert_id, body.note, who), AlertOut.of)

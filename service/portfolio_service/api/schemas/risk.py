"""Risk, limits and alerts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from portfolio_service.api.schemas.common import (
    CLOSED,
    TEXT_PATTERN,
    WHOLE,
    Flag,
    Lookback,
    Number,
    RequestModel,
    ResponseModel,
    Symbol,
    Utc,
    unique_symbols,
)
from portfolio_service.domain.limits import DEFAULTS, Level, levels_of
from portfolio_service.domain.models import Alert, Portfolio
from portfolio_service.domain.stress_scenarios import WINDOWS, Scenario, StressRequest

Share = Annotated[Number, Field(gt=0, le=1)]
Move = Annotated[Number, Field(ge=-1, le=10)]
Returns = Annotated[
    dict[Symbol, Move], Field(max_length=1000, json_schema_extra=CLOSED), BeforeValidator(unique_symbols)
]
Ratio = Annotated[Number, Field(gt=0, le=100)]


class ShareLimitIn(RequestModel):
    """Levels as fractions; a value above one is beyond it."""

    breach: Share
    warning: Annotated[Share | None, Field(description="Default: 90 % of the breach")] = None
    enabled: Flag = True

    def to_domain(self) -> Level:
        return Level.at(self.breach, self.warning, self.enabled)


class RatioLimitIn(RequestModel):
    """Levels that may be above 1."""

    breach: Ratio
    warning: Annotated[Ratio | None, Field(description="Default: 90 % of the breach")] = None
    enabled: Flag = True

    def to_domain(self) -> Level:
        return Level.at(self.breach, self.warning, self.enabled)


class LimitsIn(RequestModel):
    """PUT limits: all of them; one that is not named goes back to the documented level."""

    max_position_weight: Annotated[ShareLimitIn | None, Field(description="Of one position")] = None
    max_sector_weight: Annotated[ShareLimitIn | None, Field(description="Of one known sector")] = None
    max_volatility: Annotated[RatioLimitIn | None, Field(description="Annual, of today's weights over a year")] = None
    max_drawdown: Annotated[ShareLimitIn | None, Field(description="From the highest close so far")] = None
    max_leverage: Annotated[RatioLimitIn | None, Field(description="Sum of absolute weights")] = None
    max_var_95: Annotated[ShareLimitIn | None, Field(description="Lost in a day, as a fraction of the value")] = None

    def to_domain(self) -> dict[str, Level]:
        named = {name: getattr(self, name) for name in DEFAULTS}
        return {name: limit.to_domain() for name, limit in named.items() if limit is not None}


class LimitOut(ResponseModel):
    """One limit's levels."""

    warning: float
    breach: float
    enabled: bool


class Limits(ResponseModel):
    """GET and PUT limits; source says which are the portfolio's own."""

    status: str
    portfolio_id: str
    limits: dict[str, LimitOut]
    source: dict[str, str]
    version: int

    @classmethod
    def of(cls, portfolio: Portfolio, status: str) -> Limits:
        own = portfolio.limits or {}
        return cls(
            status=status,
            portfolio_id=portfolio.portfolio_id,
            limits={name: LimitOut(**vars(level)) for name, level in levels_of(portfolio).items()},
            source={name: "portfolio" if name in own else "default" for name in DEFAULTS},
            version=portfolio.version,
        )


class AlertOut(ResponseModel):
    """One alert; value and level are of when it was raised."""

    alert_id: str
    portfolio_id: str
    limit: str
    subject: str
    severity: str
    level: float
    value: float
    message: str
    status: str
    raised_at: Utc
    cleared_at: Utc | None
    acknowledged_at: Utc | None
    acknowledged_by: str | None
    note: str | None

    @classmethod
    def of(cls, alert: Alert) -> AlertOut:
        return cls(**vars(alert), status=alert.status)


class AlertList(ResponseModel):
    """GET alerts, newest first; count is the number of all that fit the filters."""

    alerts: list[AlertOut]
    count: int


class AcknowledgeIn(RequestModel):
    """POST acknowledge."""

    note: Annotated[str | None, Field(max_length=500, pattern=TEXT_PATTERN)] = None


class LimitStanding(ResponseModel):
    """A limit's value beside its levels; value None while it is not known."""

    limit: str
    subject: str
    value: float | None
    warning: float
    breach: float
    enabled: bool
    state: str


class Amount(ResponseModel):
    """Money (a loss is negative), the same as a fraction of the value, and by position: they add up."""

    amount: float
    fraction: float
    standard_error: float | None
    contributions: dict[str, float]


class RiskReport(ResponseModel):
    """GET risk."""

    portfolio_id: str
    total_value: float
    cash_balance: float
    cash_weight: float
    concentration: dict[str, Any]
    volatility: float
    volatility_contributions: dict[str, float]
    diversification_ratio: float
    correlation: dict[str, Any]
    value_at_risk: Amount
    conditional_value_at_risk: Amount
    reliable: bool
    beta: float | None
    limits: list[LimitStanding]
    estimates: dict[str, Any]
    confidence: float
    horizon_days: int
    method: str
    lookback_days: int
    valued_at: Utc
    version: int


class ScenarioIn(RequestModel):
    """One scenario: a named window, start and end, factor and shock, correlation or volatility, or returns."""

    name: Annotated[str | None, Field(max_length=64, pattern=TEXT_PATTERN)] = None
    scenario: Annotated[str | None, Field(max_length=64, description=f"One of {', '.join(WINDOWS)}")] = None
    start: Annotated[date | None, Field(description="A window of your own: its first close")] = None
    end: date | None = None
    factor: Annotated[str | None, Field(max_length=64, description="market, a sector or a symbol")] = None
    shock: Annotated[Move | None, Field(description="Return of the factor, such as -0.2")] = None
    correlation: Annotated[Number | None, Field(ge=0, le=1, description="Every pair at least this much")] = None
    volatility_multiplier: Annotated[Number | None, Field(gt=0, le=10)] = None
    returns: Annotated[Returns | None, Field(description="Return of each symbol named")] = None
    default: Annotated[
        Literal["beta", "zero"], Field(description="Of what returns does not name: by covariance, or no move")
    ] = "beta"

    def to_domain(self) -> Scenario:
        return Scenario(**self.model_dump())


class StressIn(RequestModel):
    """POST stress-test; {} runs the standard scenarios that the source's history covers."""

    scenarios: Annotated[list[ScenarioIn], Field(max_length=20, default_factory=list)]
    confidence: Annotated[Number, Field(gt=0.5, lt=1)] = 0.95
    horizon_days: Annotated[int, Field(strict=True, ge=1, le=252), WHOLE] = 1
    lookback_days: Lookback = 252

    def to_domain(self) -> StressRequest:
        scenarios = tuple(one.to_domain() for one in self.scenarios)
        return StressRequest(scenarios, self.confidence, self.horizon_days, self.lookback_days)


class ScenarioOut(ResponseModel):
    """What the portfolio would be worth; losses are negative."""

    name: str
    kind: str
    pnl: float
    pnl_pct: float
    total_value: float
    by_position: dict[str, dict[str, Any]]
    by_sector: dict[str, float]
    worst_positions: list[dict[str, Any]]
    proxied: list[str]
    uncovered: list[str]
    uncovered_weight: float
    floored: list[str]
    basis: dict[str, Any]
    risk_after: dict[str, float] | None
    limits_beyond: list[dict[str, Any]]


class Stressed(ResponseModel):
    """The answer to POST stress-test; nothing was changed."""

    status: str
    portfolio_id: str
    total_value: float
    scenarios: list[ScenarioOut]
    count: int
    not_covered: list[str]
    estimates: dict[str, Any] | None
    valued_at: Utc
    version: int

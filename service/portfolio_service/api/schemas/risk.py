"""Risk, limits and alerts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from portfolio_service.api.schemas.common import TEXT_PATTERN, Flag, Number, RequestModel, ResponseModel, Utc
from portfolio_service.domain.limits import DEFAULTS, Level, levels_of
from portfolio_service.domain.models import Alert, Portfolio

Share = Annotated[Number, Field(gt=0, le=1)]
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

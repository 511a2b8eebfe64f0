"""Performance, efficient frontier and simulation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from portfolio_service.api.schemas.common import (
    WHOLE,
    Id,
    Lookback,
    Number,
    RequestModel,
    ResponseModel,
    Utc,
    Weights,
)
from portfolio_service.domain.analytics import HistoryRow, SimulateRequest
from portfolio_service.domain.models import PerformanceMetrics
from portfolio_service.domain.record_summary import Stretch

Capital = Annotated[Number, Field(gt=0, lt=1e12)]
Seed = Annotated[int, Field(strict=True, ge=0, le=2**53), WHOLE]  # beyond it JSON readers lose digits


class Metrics(ResponseModel):
    """The contract's eight numbers; var_95 in money and negative."""

    total_return: float
    annualized_return: float
    volatility: float
    sharpe_ratio: float
    max_drawdown: float
    alpha: float
    beta: float
    var_95: float

    @classmethod
    def of(cls, metrics: PerformanceMetrics) -> Metrics:
        return cls(**{name: getattr(metrics, name) for name in cls.model_fields})


class HistoryRowOut(Metrics):
    """One day; basis says whether it was realised or is today's holdings looked at back then.

    A realised day has its value, what came in (+) or went out (-) since the close before, and its time-weighted return.
    """

    date: Utc
    basis: str
    total_value: float | None
    external_flow: float | None
    daily_return: float | None

    @classmethod
    def of_row(cls, row: HistoryRow) -> HistoryRowOut:
        numbers = {name: getattr(row.metrics, name) for name in Metrics.model_fields}
        record = row.record
        return cls(
            date=row.date,
            basis=row.basis,
            total_value=None if record is None else float(record.total_value),
            external_flow=None if record is None else float(record.external_flow),
            daily_return=None if record is None else record.daily_return,
            **numbers,
        )


class StretchOut(ResponseModel):
    """What the realised days of the period returned together; a year's returns (annualized) beyond 365 days only.

    money_weighted_return is null unless exactly one rate fits; money_weighted_status is unique, ambiguous or none.
    """

    start: Utc
    start_value: float
    end: Utc
    end_value: float
    net_external_flow: float
    time_weighted_return: float
    money_weighted_return: float | None
    money_weighted_status: str
    annualized: bool

    @classmethod
    def of(cls, stretch: Stretch) -> StretchOut:
        money = {name: float(getattr(stretch, name)) for name in ("start_value", "end_value", "net_external_flow")}
        return cls(
            start=stretch.start,
            end=stretch.end,
            time_weighted_return=stretch.time_weighted_return,
            money_weighted_return=stretch.money_weighted_return,
            money_weighted_status=stretch.money_weighted_status,
            annualized=stretch.annualized,
            **money,
        )


class History(ResponseModel):
    """GET performance, newest first."""

    portfolio_id: str
    period_days: int
    performance_history: list[HistoryRowOut]
    count: int
    realised: StretchOut | None


class SimulateIn(RequestModel):
    """POST /simulate: of a portfolio, or of weights whose rest is cash."""

    portfolio_id: Id | None = None
    weights: Weights | None = None
    initial_value: Annotated[Capital | None, Field(description="With weights; default 100000")] = None
    horizon_days: Annotated[int, Field(strict=True, ge=1, le=2520), WHOLE] = 252
    scenarios: Annotated[int, Field(strict=True, ge=100, le=1_000_000), WHOLE] = 100_000
    seed: Annotated[Seed | None, Field(description="Default: drawn, and returned")] = None
    distribution: Literal["normal", "lognormal", "student_t"] = "normal"
    lookback_days: Annotated[Lookback | None, Field(description="Default ESTIMATION_DAYS")] = None

    def to_domain(self) -> SimulateRequest:
        return SimulateRequest(**self.model_dump())


class Simulated(ResponseModel):
    """Money: what the value may become, and what may be lost (negative) with 5 % probability or worse."""

    quantiles: dict[str, float]
    var_95: float
    cvar_95: float
    standard_errors: dict[str, Any]
    seed: int
    device: str

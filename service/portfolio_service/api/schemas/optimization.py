"""Optimisation requests and answers."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import BeforeValidator, Field, PrivateAttr

from portfolio_service.api.schemas.common import (
    CLOSED,
    NAME_PATTERN,
    PERCENT,
    WHOLE,
    Flag,
    Id,
    Lookback,
    Number,
    Rate,
    RequestModel,
    ResponseModel,
    RiskFreeRate,
    Symbol,
    Symbols,
    Utc,
    Weight,
    Weights,
    unique_symbols,
)
from portfolio_service.domain.models import OptimizationMethod, OptimizationRecord
from portfolio_service.domain.requests import FrontierRequest, OptimizeRequest
from portfolio_service.domain.valuation import Floats

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Bound = Annotated[Number, Field(ge=-1e6, le=1e6)]
Coefficients = Annotated[
    dict[Symbol, Bound], Field(min_length=1, max_length=1000, json_schema_extra=CLOSED), BeforeValidator(unique_symbols)
]
Turnover = Annotated[Number, Field(ge=0, le=2)]
Volatility = Annotated[Number, Field(gt=0, le=10), PERCENT]
Aversion = Annotated[Number, Field(gt=0, le=1e6)]


class GroupIn(RequestModel):
    """Bounds on the sum of the weights of some symbols."""

    symbols: Symbols
    min: Annotated[Weight | None, Field(description="Least sum of weights")] = None
    max: Annotated[Weight | None, Field(description="Greatest sum of weights")] = None


class LinearIn(RequestModel):
    """lower <= sum of coefficient x weight <= upper."""

    coefficients: Coefficients
    lower: Bound | None = None
    upper: Bound | None = None


Groups = Annotated[dict[Name, GroupIn], Field(max_length=200, json_schema_extra=CLOSED)]
Rows = Annotated[dict[Name, LinearIn], Field(max_length=200, json_schema_extra=CLOSED)]


class ConstraintsIn(RequestModel):
    """Hard constraints, except max_turnover, which is relaxed when it cannot be met."""

    max_position_weight: Annotated[Weight | None, Field(description="Greatest weight of any symbol")] = None
    min_position_weight: Annotated[Weight | None, Field(description="Least weight of any symbol")] = None
    max_weights: Annotated[Weights | None, Field(description="Greatest weight of single symbols")] = None
    min_weights: Annotated[Weights | None, Field(description="Least weight of single symbols")] = None
    max_sector_weight: Annotated[Weight | None, Field(description="Greatest weight of any sector")] = None
    groups: Groups | None = None
    linear: Rows | None = None
    max_turnover: Annotated[Turnover | None, Field(description="Sum of |weight - current weight|")] = None


class ViewIn(RequestModel):
    """A Black-Litterman view: `assets` (equal weights) or `weights` is expected to return `return` a year."""

    assets: Symbols | None = None
    weights: Coefficients | None = None
    annual_return: Annotated[Rate, Field(alias="return")]
    confidence: Annotated[Number, Field(gt=0, le=1)] = 0.5


class OptimizeIn(RequestModel):
    """POST optimize; {} uses the portfolio's own method."""

    method: OptimizationMethod | None = None
    target_return: Annotated[Rate | None, Field(description="Least annual expected return")] = None
    max_volatility: Annotated[Volatility | None, Field(description="Greatest annual volatility")] = None
    constraints: ConstraintsIn = ConstraintsIn()
    risk_aversion: Annotated[Aversion | None, Field(description="Default 2.5")] = None
    risk_free_rate: Annotated[RiskFreeRate | None, Field(description="Default RISK_FREE_RATE")] = None
    lookback_days: Annotated[Lookback | None, Field(description="Default ESTIMATION_DAYS")] = None
    symbols: Annotated[
        Symbols | None, Field(description="Default: what is held, and what the last optimisation gave nothing")
    ] = None
    views: Annotated[list[ViewIn], Field(max_length=500)] | None = None
    risk_budgets: Annotated[Weights | None, Field(description="risk_parity: shares of the risk, default equal")] = None
    strict: Annotated[Flag, Field(description="422 where a target cannot be met, instead of relaxing it")] = False

    def to_domain(self) -> OptimizeRequest:
        views = None if self.views is None else [v.model_dump(by_alias=True, exclude_none=True) for v in self.views]
        return OptimizeRequest(
            **self.model_dump(exclude={"constraints", "views"}),
            constraints=self.constraints.model_dump(exclude_none=True),
            views=views,
            raw=self.model_dump(mode="json", by_alias=True, exclude_unset=True),
        )


class FrontierIn(RequestModel):
    """POST /efficient-frontier; either symbols or portfolio_id."""

    symbols: Symbols | None = None
    portfolio_id: Id | None = None
    points: Annotated[int, Field(strict=True, ge=2, le=500), WHOLE] = 50
    constraints: ConstraintsIn = ConstraintsIn()
    lookback_days: Annotated[Lookback | None, Field(description="Default ESTIMATION_DAYS")] = None
    risk_free_rate: Annotated[RiskFreeRate | None, Field(description="Default RISK_FREE_RATE")] = None

    def to_domain(self) -> FrontierRequest:
        constraints = self.constraints.model_dump(exclude_none=True)
        return FrontierRequest(**self.model_dump(exclude={"constraints"}), constraints=constraints)


class FrontierPoint(ResponseModel):
    """One portfolio of the frontier."""

    expected_return: float
    expected_risk: float
    sharpe_ratio: float
    weights: dict[str, float]


class FrontierOut(ResponseModel):
    """From the least risk to the greatest return."""

    points: list[FrontierPoint]
    max_sharpe: FrontierPoint
    min_variance: FrontierPoint
    count: int


class Optimized(ResponseModel):
    """A finished optimisation; `estimates`, `violations` and more stand beside the documented keys."""

    status: str
    optimization_id: str
    portfolio_id: str
    method: OptimizationMethod
    target_weights: dict[str, float]
    expected_return: float
    expected_risk: float
    sharpe_ratio: float
    optimization_time_ms: float
    created_at: Utc
    _covariance: Floats | None = PrivateAttr(None)  # (n, n), shown under `estimates`

    @classmethod
    def of(cls, record: OptimizationRecord) -> Optimized:
        shown: dict[str, Any] = {**record.details, "estimates": dict(record.details["estimates"])}
        covariance = shown["estimates"].pop("covariance", None)
        made = cls(
            **shown,
            status=record.status,
            optimization_id=record.optimization_id,
            portfolio_id=record.portfolio_id,
            method=record.method,
            target_weights=dict(record.target_weights),
            expected_return=record.expected_return,
            expected_risk=record.expected_risk,
            sharpe_ratio=record.sharpe_ratio,
            optimization_time_ms=record.optimization_time_ms,
            created_at=record.created_at,
        )
        made._covariance = covariance
        return made

    def to_json(self) -> bytes:
        """A covariance of 500 assets is megabytes: written row by row, nothing else runs while one row is written."""
        if self._covariance is None:
            return super().to_json()
        document = self.model_dump(mode="json", by_alias=True)
        rows = [orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY) for row in self._covariance]
        document["estimates"]["covariance"] = orjson.Fragment(b"[" + b",".join(rows) + b"]")
        return orjson.dumps(document)


class OptimizationHistory(ResponseModel):
    """Newest first; count is the number of all of them."""

    portfolio_id: str
    optimization_history: list[Optimized]
    count: int

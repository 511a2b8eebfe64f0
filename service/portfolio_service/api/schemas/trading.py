"""Positions, rebalances and trades."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from portfolio_service.api.schemas.common import (
    CLOSED,
    Flag,
    Money,
    Quantity,
    RequestModel,
    ResponseModel,
    Symbol,
    Utc,
    Weight,
    Weights,
    unique_symbols,
)
from portfolio_service.api.schemas.portfolios import valuation_of
from portfolio_service.domain.models import Portfolio, Trade
from portfolio_service.domain.money import exact
from portfolio_service.domain.portfolio import PositionUpdate
from portfolio_service.domain.rebalancing import RebalanceRequest, RebalanceResult


class PositionIn(RequestModel):
    """One line of an opening statement or a correction."""

    quantity: Annotated[Quantity, Field(description="0 removes the position")]
    avg_cost: Annotated[Quantity | None, Field(description="Default: the current price")] = None
    market_value: Annotated[Money | None, Field(description="Sets the price until the next later tick")] = None

    def to_domain(self, symbol: str) -> PositionUpdate:
        def amount(value: float | None) -> Decimal | None:
            return None if value is None else exact(value)

        return PositionUpdate(symbol, exact(self.quantity), amount(self.avg_cost), amount(self.market_value))


class PositionsIn(RequestModel):
    """POST positions."""

    positions: Annotated[
        dict[Symbol, PositionIn],
        Field(min_length=1, max_length=1000, json_schema_extra=CLOSED),
        BeforeValidator(unique_symbols),
    ]


class PositionsUpdated(ResponseModel):
    """The answer to POST positions."""

    status: str
    portfolio_id: str
    position_count: int
    total_value: float
    cash_balance: float
    unallocated_capital: float

    @classmethod
    def of(cls, portfolio: Portfolio) -> PositionsUpdated:
        valuation = valuation_of(portfolio)
        return cls(
            status="positions_updated",
            portfolio_id=portfolio.portfolio_id,
            position_count=len(valuation.positions),
            total_value=float(valuation.total_value),
            cash_balance=float(valuation.cash_balance),
            unallocated_capital=float(valuation.unallocated_capital),
        )


class TradeOut(ResponseModel):
    """An executed (or, in a dry run, planned) trade."""

    trade_id: str
    symbol: str
    side: str
    quantity: float
    price: float
    value: float
    cost: float
    executed_at: Utc
    reason: str

    @classmethod
    def of(cls, trade: Trade) -> TradeOut:
        return cls(
            trade_id=trade.trade_id,
            symbol=trade.symbol,
            side=trade.side,
            quantity=float(trade.quantity),
            price=float(trade.price),
            value=float(trade.value),
            cost=float(trade.cost),
            executed_at=trade.executed_at,
            reason=trade.reason,
        )


class TradeList(ResponseModel):
    """GET trades; count is the number of all trades."""

    portfolio_id: str
    trades: list[TradeOut]
    count: int


class RebalanceIn(RequestModel):
    """POST rebalance; {} trades to the stored target."""

    target_weights: Annotated[Weights | None, Field(description="Default: the stored target")] = None
    rebalance_threshold: Annotated[Weight, Field(description="Least weight deviation of a symbol that trades")] = 0.01
    minimize_turnover: Annotated[Flag, Field(description="Only to the band's edge")] = False
    full: Annotated[Flag, Field(description="Sell what is not named")] = False
    dry_run: Annotated[Flag, Field(description="Plan only")] = False
    accept_relaxed: Annotated[Flag, Field(description="Trade to a stored target that misses a limit")] = False
    enforce_limits: Annotated[Flag, Field(description="409 where a risk limit would be broken after it")] = False

    def to_domain(self) -> RebalanceRequest:
        return RebalanceRequest(**self.model_dump())


class Rebalanced(ResponseModel):
    """The answer to POST rebalance."""

    status: str
    portfolio_id: str
    target_weights: dict[str, float]
    trades_executed: int
    total_turnover: float
    execution_cost: float
    rebalance_ratio: float
    dry_run: bool
    trades: list[TradeOut]
    limits_after: list[dict[str, Any]]  # of a dry run, and where limits were enforced

    @classmethod
    def of(cls, result: RebalanceResult) -> Rebalanced:
        return cls(
            status="rebalance_planned" if result.dry_run else "rebalance_completed",
            portfolio_id=result.portfolio.portfolio_id,
            target_weights=dict(result.target_weights),
            trades_executed=0 if result.dry_run else len(result.trades),
            total_turnover=float(result.total_turnover),
            execution_cost=float(result.execution_cost),
            rebalance_ratio=result.rebalance_ratio,
            dry_run=result.dry_run,
            trades=[TradeOut.of(trade) for trade in result.trades],
            limits_after=[asdict(standing) for standing in result.limits_after],
        )

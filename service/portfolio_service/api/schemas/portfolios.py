"""Portfolios: creation, listing, details."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import Field

from portfolio_service.api.schemas.analytics import Metrics
from portfolio_service.api.schemas.common import (
    TEXT_PATTERN,
    Metadata,
    Money,
    Number,
    RequestModel,
    ResponseModel,
    Symbols,
    Utc,
)
from portfolio_service.domain.models import OptimizationMethod, Portfolio, Position, RebalanceFrequency, Valuation
from portfolio_service.domain.money import exact, money
from portfolio_service.domain.portfolio import NewPortfolio


class PortfolioIn(RequestModel):
    """POST /portfolios."""

    portfolio_name: Annotated[str, Field(min_length=1, max_length=200, pattern=TEXT_PATTERN)]
    initial_value: Annotated[Number, Field(ge=0.01, lt=1e12, description="Money, cash included")] = 100_000.0
    cash_balance: Annotated[Money | None, Field(description="Part of initial_value kept as cash; default 10 %")] = None
    optimization_method: OptimizationMethod = OptimizationMethod.MEAN_VARIANCE
    rebalance_frequency: RebalanceFrequency = RebalanceFrequency.MONTHLY
    metadata: Annotated[
        Metadata, Field(description="Stored and returned as it came, at most 16 KB", default_factory=dict)
    ]

    def to_domain(self, symbols: tuple[str, ...] | None = None) -> NewPortfolio:
        return NewPortfolio(
            portfolio_name=self.portfolio_name,
            initial_value=money(exact(self.initial_value)),
            cash_balance=None if self.cash_balance is None else money(exact(self.cash_balance)),
            optimization_method=self.optimization_method,
            rebalance_frequency=self.rebalance_frequency,
            metadata=dict(self.metadata),
            symbols=symbols,
        )


class PortfolioWithSymbolsIn(PortfolioIn):
    """POST /portfolios/with-symbols."""

    symbols: Symbols


class Created(ResponseModel):
    """The answer to POST /portfolios."""

    status: str
    portfolio_id: str
    portfolio_name: str
    initial_value: float
    cash_balance: float
    unallocated_capital: float
    total_value: float

    @classmethod
    def of(cls, portfolio: Portfolio, **more: Any) -> Self:
        valuation = valuation_of(portfolio)
        return cls(
            status="created",
            portfolio_id=portfolio.portfolio_id,
            portfolio_name=portfolio.portfolio_name,
            initial_value=float(portfolio.initial_value),
            cash_balance=float(valuation.cash_balance),
            unallocated_capital=float(valuation.unallocated_capital),
            total_value=float(valuation.total_value),
            **more,
        )


class PositionOut(ResponseModel):
    """One holding with its price's source and age."""

    quantity: float
    market_value: float
    weight: float
    avg_cost: float
    unrealized_pnl: float
    last_updated: Utc | None
    price: float | None
    price_source: str | None
    stale: bool

    @classmethod
    def of(cls, position: Position) -> PositionOut:
        return cls(
            quantity=float(position.quantity),
            market_value=float(position.market_value),
            weight=position.weight,
            avg_cost=float(position.avg_cost),
            unrealized_pnl=float(position.unrealized_pnl),
            last_updated=position.last_updated,
            price=None if position.price is None else float(position.price),
            price_source=position.price_source,
            stale=position.stale,
        )


def valuation_of(portfolio: Portfolio) -> Valuation:
    """What a portfolio was worth at the change that made it."""
    if portfolio.valuation is None:
        raise ValueError(f"[valuation_of] {portfolio.portfolio_id}: expected the state after a change of the books")
    return portfolio.valuation


def positions_of(valuation: Valuation) -> dict[str, PositionOut]:
    return {symbol: PositionOut.of(position) for symbol, position in valuation.positions.items()}


class CreatedWithSymbols(Created):
    """The answer to POST /portfolios/with-symbols."""

    symbols: list[str]
    positions: dict[str, PositionOut]

    @classmethod
    def of(cls, portfolio: Portfolio, **more: Any) -> Self:
        positions = positions_of(valuation_of(portfolio))
        return super().of(portfolio, symbols=list(positions), positions=positions, **more)


class Summary(ResponseModel):
    """One row of GET /portfolios."""

    portfolio_id: str
    portfolio_name: str
    total_value: float
    cash_balance: float
    position_count: int
    status: str
    optimization_method: OptimizationMethod
    rebalance_frequency: RebalanceFrequency
    created_at: Utc
    last_rebalanced: Utc | None

    @classmethod
    def of(cls, portfolio: Portfolio, total_value: Decimal | float, status: str) -> Summary:
        return cls(
            portfolio_id=portfolio.portfolio_id,
            portfolio_name=portfolio.portfolio_name,
            total_value=float(total_value),
            cash_balance=float(portfolio.book.cash),
            position_count=len(portfolio.book.holdings),
            status=status,
            optimization_method=portfolio.optimization_method,
            rebalance_frequency=portfolio.rebalance_frequency,
            created_at=portfolio.created_at,
            last_rebalanced=portfolio.last_rebalanced,
        )


class PortfolioList(ResponseModel):
    """GET /portfolios."""

    portfolios: list[Summary]
    count: int
    total_aum: float


class Details(ResponseModel):
    """GET /portfolios/{portfolio_id}."""

    portfolio_id: str
    portfolio_name: str
    total_value: float
    cash_balance: float
    unallocated_capital: float
    initial_value: float
    status: str
    optimization_method: OptimizationMethod
    rebalance_frequency: RebalanceFrequency
    positions: dict[str, PositionOut]
    target_weights: dict[str, float]
    performance_metrics: Metrics
    performance_basis: str
    realised_performance: dict[str, Any]
    last_rebalanced: Utc | None
    created_at: Utc
    valued_at: Utc
    version: int
    provider: str
    provider_mismatch: bool
    metadata: dict[str, Any]


class Archived(ResponseModel):
    """The answer to DELETE."""

    status: str
    portfolio_id: str

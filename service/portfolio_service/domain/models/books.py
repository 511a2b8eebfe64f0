"""A portfolio, its ledger and its valuation; exact where money is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolio_service.domain.models.kinds import EntryKind, OptimizationMethod, PortfolioStatus, RebalanceFrequency
from portfolio_service.domain.money import ZERO


@dataclass(frozen=True)
class LedgerEntry:
    """One line of the append-only ledger.

    `amount` is money, never negative: cash moved, or the cost basis of a transfer. `quantity` is units moved (for a
    split: the units held after it). `price` is the price of a trade, or the market price at a transfer's time.
    """

    kind: EntryKind
    amount: Decimal
    recorded_at: datetime
    symbol: str | None = None
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    trade_id: str | None = None


@dataclass(frozen=True)
class Holding:
    """What the ledger says is held: quantity to 1e-8 and its total cost basis to the cent."""

    symbol: str
    quantity: Decimal
    basis: Decimal


@dataclass(frozen=True)
class Book:
    """The fold of a ledger."""

    cash: Decimal = ZERO
    unallocated_capital: Decimal = ZERO
    holdings: Mapping[str, Holding] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """Stored target weights, one for every symbol of the optimisation, zeros included."""

    weights: Mapping[str, float]
    relaxed: bool
    optimization_id: str


@dataclass(frozen=True)
class Portfolio:
    """One portfolio as of `version`; a change makes a new value with version + 1."""

    portfolio_id: str
    portfolio_name: str
    initial_value: Decimal
    optimization_method: OptimizationMethod
    rebalance_frequency: RebalanceFrequency
    created_at: datetime
    provider: str  # market-data source its prices come from
    version: int = 1
    status: PortfolioStatus = PortfolioStatus.ACTIVE
    book: Book = field(default_factory=Book)
    last_rebalanced: datetime | None = None
    target: Target | None = None
    policy: Mapping[str, Any] | None = None  # the whole last optimise request, repeated by schedules
    limits: Mapping[str, Any] | None = None  # {limit: {warning, breach, enabled}}; None for the documented ones
    metadata: Mapping[str, Any] = field(default_factory=dict)
    client_prices: Mapping[str, Price] = field(default_factory=dict)  # sent with POST positions, for this book only
    # at the prices of the last change to the books, for that change's answer; None after a restart
    valuation: Valuation | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Price:
    """A price for valuation: who said it and when."""

    symbol: str
    price: Decimal
    time: datetime
    source: str  # provider name, or "client" for a price sent with POST positions


@dataclass(frozen=True)
class Position:
    """The contract's Position (its seven fields first), with the provenance of its price."""

    symbol: str
    quantity: Decimal
    market_value: Decimal
    weight: float
    avg_cost: Decimal
    unrealized_pnl: Decimal
    last_updated: datetime | None
    price: Decimal | None
    price_source: str | None
    stale: bool


@dataclass(frozen=True)
class Valuation:
    """A portfolio at current prices; total_value = sum of market values + cash + unallocated, to the cent."""

    total_value: Decimal
    cash_balance: Decimal
    unallocated_capital: Decimal
    positions: Mapping[str, Position]
    valued_at: datetime

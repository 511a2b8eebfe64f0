"""The service's values: frozen, exact (Decimal) where money is, with the contract's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from portfolio_service.domain.money import ZERO


class OptimizationMethod(StrEnum):
    MEAN_VARIANCE = "mean_variance"
    RISK_PARITY = "risk_parity"
    MIN_VARIANCE = "min_variance"
    MAX_SHARPE = "max_sharpe"
    BLACK_LITTERMAN = "black_litterman"
    EQUAL_WEIGHT = "equal_weight"
    INVERSE_VOLATILITY = "inverse_volatility"


class RebalanceFrequency(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    MANUAL = "manual"


class PortfolioStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    ERROR = "error"
    ARCHIVED = "archived"


class EntryKind(StrEnum):
    """What a ledger entry does; see ledger.py for its effect on the book."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    CAPITAL_COMMITTED = "capital_committed"
    CAPITAL_RELEASED = "capital_released"
    TRANSFER_IN = "transfer_in"
    TRANSFER_OUT = "transfer_out"
    BUY = "buy"
    SELL = "sell"
    DIVIDEND = "dividend"
    SPLIT = "split"
    FEE = "fee"


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


@dataclass(frozen=True)
class PerformanceMetrics:
    """The contract's PerformanceMetrics; var_95 in money and negative, the rest as fractions."""

    portfolio_id: str
    total_return: float
    annualized_return: float
    volatility: float
    sharpe_ratio: float
    max_drawdown: float
    alpha: float
    beta: float
    var_95: float
    calculated_at: datetime


@dataclass(frozen=True)
class Trade:
    """An executed trade; value = quantity * price rounded once, cost beside it."""

    trade_id: str
    portfolio_id: str
    symbol: str
    side: str  # "buy" or "sell"
    quantity: Decimal
    price: Decimal
    value: Decimal
    cost: Decimal
    executed_at: datetime
    reason: str


@dataclass(frozen=True)
class OptimizationRecord:
    """A finished optimisation; `details` holds the rest of the answer as JSON (estimates, violations, ...)."""

    optimization_id: str
    portfolio_id: str
    method: OptimizationMethod
    status: str  # "optimization_completed" or "optimization_relaxed"
    target_weights: Mapping[str, float]
    expected_return: float
    expected_risk: float
    sharpe_ratio: float
    optimization_time_ms: float
    created_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DailyRecord:
    """One trading day of a portfolio's own realised record (performance_history)."""

    portfolio_id: str
    date: datetime
    total_value: Decimal
    external_flow: Decimal
    metrics: PerformanceMetrics
    daily_return: float  # since the close before, chained over what came in and went out between


@dataclass(frozen=True)
class Course:
    """A portfolio's daily record so far; nothing and no value before the first one."""

    dates: Sequence[datetime]
    returns: Sequence[float]  # one a date
    last_value: Decimal


@dataclass(frozen=True)
class ExternalFlow:
    """What one change of the books brought in (+) or took out (-), transfers at their market price."""

    portfolio_id: str
    version: int  # of the portfolio, after the change
    kind: str  # "deposit", "withdrawal" or "transfer"
    amount: Decimal
    value_after: Decimal | None  # of the whole books at that moment; None when it was not known
    note: str | None
    recorded_at: datetime


@dataclass(frozen=True)
class FlowTotals:
    """All external flows of a portfolio; transfers signed, the other two positive."""

    deposits: Decimal
    withdrawals: Decimal
    transfers: Decimal


@dataclass(frozen=True)
class CloseLevel:
    """Where some daily records of a portfolio left it: the highest and the last compounded return since its start."""

    portfolio_id: str
    record_id: int  # the newest of them
    peak: float
    last: float
    last_value: float
    last_date: datetime


@dataclass(frozen=True)
class Alert:
    """A value beyond a risk limit, from when it was raised until it was cleared."""

    alert_id: str
    portfolio_id: str
    limit: str
    subject: str  # symbol or sector; "" when the limit is about the whole portfolio
    severity: str  # "warning" or "breach"
    level: float
    value: float  # when it was raised
    message: str
    raised_at: datetime
    cleared_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    note: str | None = None

    @property
    def status(self) -> str:
        return "cleared" if self.cleared_at else "acknowledged" if self.acknowledged_at else "open"


@dataclass(frozen=True)
class Event:
    """A bus event: one of the six topics and its payload (portfolio_id and timestamp always present)."""

    topic: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Receipt:
    """The answer to a request with an Idempotency-Key, kept with the change that it reports."""

    scope: str  # hash of method, path and key
    fingerprint: str  # hash of the rest of the request: its query and its body
    status: int
    headers: Mapping[str, str]  # those to repeat: ETag, Location
    body: bytes
    recorded_at: datetime


@dataclass(frozen=True)
class TradingSession:
    """One trading day of the exchange; a half day closes earlier."""

    day: date
    opens: datetime
    closes: datetime


@dataclass(frozen=True)
class Decision:
    """What the scheduler decided about a portfolio and why, the decision not to trade included."""

    portfolio_id: str
    at: datetime
    trigger: str  # "scheduled", "missed", "drift", "check" (nothing was due), "change" (of the schedule itself)
    outcome: str  # "traded", "not_needed", "refused" (a rule forbids it), "failed"
    code: str
    reason: str  # one sentence
    period: date | None = None  # first day of the period that it is about
    concludes: str | None = None  # "weekly:2025-08-25": that period is done; the database keeps it once
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Memory:
    """What the decisions so far leave to know about a portfolio."""

    last_period: date | None = None  # the newest period that is done
    since: datetime | None = None  # when its schedule began anew
    last: Decision | None = None


@dataclass(frozen=True)
class Actor:
    """Who asked for a change, for the audit trail; and, where the answer must outlive a crash, how to write it down."""

    name: str  # "api", "scheduler", "cli"
    request_id: str
    answer: Callable[[Portfolio, Any], Receipt | None] | None = field(default=None, compare=False, repr=False)

    def receipt(self, after: Portfolio, result: Any) -> Receipt | None:
        """What a Change stores beside itself: the answer made of `result`, which reports the state `after` it."""
        return None if self.answer is None else self.answer(after, result)


@dataclass(frozen=True)
class Change:
    """Everything one state change writes, in one transaction with its audit record and outbox events."""

    action: str  # e.g. "portfolio.create"
    portfolio: Portfolio  # the state after
    expected_version: int | None  # the version it was computed on; None creates
    actor: Actor
    at: datetime
    entries: tuple[LedgerEntry, ...] = ()
    trades: tuple[Trade, ...] = ()
    optimization: OptimizationRecord | None = None
    events: tuple[Event, ...] = ()
    decision: Decision | None = None
    receipt: Receipt | None = None
    note: str | None = None  # kept with what came in or went out


@dataclass(frozen=True)
class Counters:
    """Totals that survive a restart, because they are counted in the database."""

    optimizations_total: int
    rebalances_total: int
    optimizations_24h: int
    rebalances_24h: int


@dataclass(frozen=True)
class Activity:
    """The same totals by portfolio; every archived portfolio counts under the id "archived"."""

    optimizations: Mapping[tuple[str, str], int]  # (portfolio_id, method)
    rebalances: Mapping[str, int]

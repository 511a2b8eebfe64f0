"""What is kept of the past: trades, optimisations, days and flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolio_service.domain.models.kinds import OptimizationMethod


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

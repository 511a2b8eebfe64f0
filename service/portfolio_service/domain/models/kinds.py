"""What is chosen from a list; the contract's names."""

from __future__ import annotations

from enum import StrEnum


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

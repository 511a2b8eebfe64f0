"""The service's values: frozen, exact (Decimal) where money is, with the contract's names."""

from __future__ import annotations

from portfolio_service.domain.models.books import (
    Book,
    Holding,
    LedgerEntry,
    Portfolio,
    Position,
    Price,
    Target,
    Valuation,
)
from portfolio_service.domain.models.changes import (
    Activity,
    Actor,
    Alert,
    Change,
    Counters,
    Event,
    Receipt,
)
from portfolio_service.domain.models.kinds import (
    EntryKind,
    OptimizationMethod,
    PortfolioStatus,
    RebalanceFrequency,
)
from portfolio_service.domain.models.records import (
    CloseLevel,
    Course,
    DailyRecord,
    ExternalFlow,
    FlowTotals,
    OptimizationRecord,
    PerformanceMetrics,
    Trade,
)
from portfolio_service.domain.models.schedule import (
    Decision,
    Memory,
    TradingSession,
)

__all__ = [
    "Activity",
    "Actor",
    "Alert",
    "Book",
    "Change",
    "CloseLevel",
    "Counters",
    "Course",
    "DailyRecord",
    "Decision",
    "EntryKind",
    "Event",
    "ExternalFlow",
    "FlowTotals",
    "Holding",
    "LedgerEntry",
    "Memory",
    "OptimizationMethod",
    "OptimizationRecord",
    "PerformanceMetrics",
    "Portfolio",
    "PortfolioStatus",
    "Position",
    "Price",
    "RebalanceFrequency",
    "Receipt",
    "Target",
    "Trade",
    "TradingSession",
    "Valuation",
]

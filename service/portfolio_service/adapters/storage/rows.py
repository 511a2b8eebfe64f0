"""Domain values to rows and back."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from portfolio_service.adapters.storage import tables
from portfolio_service.domain.clock import iso
from portfolio_service.domain.models import (
    Book,
    Change,
    DailyRecord,
    EntryKind,
    Holding,
    LedgerEntry,
    OptimizationMethod,
    OptimizationRecord,
    PerformanceMetrics,
    Portfolio,
    PortfolioStatus,
    Price,
    RebalanceFrequency,
    Target,
    Trade,
)
from portfolio_service.domain.money import ZERO, quantity
from portfolio_service.domain.statement import CLIENT

# What a ledger entry and a holding are, in the order of their fields: start-up reads a million of these.
ENTRY = tuple(tables.ledger.c[name] for name in LedgerEntry.__dataclass_fields__)
HOLDING = tuple(tables.positions.c[name] for name in Holding.__dataclass_fields__)
METRICS = ("total_return", "annualized_return", "volatility", "sharpe_ratio", "max_drawdown", "alpha", "beta", "var_95")


def portfolio_row(portfolio: Portfolio, state_hash: str) -> dict[str, Any]:
    """total_value is left out when the change brought no valuation: the last one stands."""
    target = portfolio.target
    row = {
        "portfolio_id": portfolio.portfolio_id,
        "portfolio_name": portfolio.portfolio_name,
        "cash_balance": portfolio.book.cash,
        "optimization_method": portfolio.optimization_method.value,
        "rebalance_frequency": portfolio.rebalance_frequency.value,
        "created_at": portfolio.created_at,
        "last_rebalanced": portfolio.last_rebalanced,
        "initial_value": portfolio.initial_value,
        "unallocated_capital": portfolio.book.unallocated_capital,
        "status": portfolio.status.value,
        "provider": portfolio.provider,
        "version": portfolio.version,
        "target": None if target is None else {**vars(target), "weights": dict(target.weights)},
        "policy": None if portfolio.policy is None else dict(portfolio.policy),
        "limits": None if portfolio.limits is None else dict(portfolio.limits),
        "metadata": dict(portfolio.metadata),
        "client_prices": {s: [str(price.price), iso(price.time)] for s, price in portfolio.client_prices.items()},
        "state_hash": state_hash,
    }
    if portfolio.valuation is not None:
        row["total_value"] = portfolio.valuation.total_value
    return row


def portfolio_of(row: Row[Any], book: Book) -> Portfolio:
    return Portfolio(
        portfolio_id=row.portfolio_id,
        portfolio_name=row.portfolio_name,
        initial_value=row.initial_value,
        optimization_method=OptimizationMethod(row.optimization_method),
        rebalance_frequency=RebalanceFrequency(row.rebalance_frequency),
        created_at=row.created_at,
        provider=row.provider,
        version=row.version,
        status=PortfolioStatus(row.status),
        book=book,
        last_rebalanced=row.last_rebalanced,
        target=None if row.target is None else Target(**row.target),
        policy=row.policy,
        limits=row.limits,
        metadata=row.metadata,
        client_prices={
            symbol: Price(symbol, Decimal(price), datetime.fromisoformat(time), CLIENT)
            for symbol, (price, time) in row.client_prices.items()
        },
    )


def position_rows(portfolio: Portfolio) -> list[dict[str, Any]]:
    """The projection of a book, with the values of its valuation."""
    valued = portfolio.valuation.positions if portfolio.valuation else {}
    rows = []
    for symbol, held in portfolio.book.holdings.items():
        position = valued.get(symbol)
        rows.append(
            {
                "position_id": f"{portfolio.portfolio_id}:{symbol}",
                "portfolio_id": portfolio.portfolio_id,
                "symbol": symbol,
                "quantity": held.quantity,
                "avg_cost": quantity(held.basis / held.quantity),
                "market_value": position.market_value if position else ZERO,
                "weight": position.weight if position else 0.0,
                "last_updated": position.last_updated if position else None,
                "basis": held.basis,
            }
        )
    return rows


def entry_rows(change: Change) -> list[dict[str, Any]]:
    own = {"portfolio_id": change.portfolio.portfolio_id, "version": change.portfolio.version}
    return [{**vars(entry), "kind": entry.kind.value, **own} for entry in change.entries]


def entry_of(kind: str, *values: Any) -> LedgerEntry:
    """A row of ENTRY's columns."""
    return LedgerEntry(EntryKind(kind), *values)


def trade_of(row: Row[Any]) -> Trade:
    return Trade(**{name: getattr(row, name) for name in Trade.__dataclass_fields__})


def optimization_row(record: OptimizationRecord) -> dict[str, Any]:
    return {
        **vars(record),
        "method": record.method.value,
        "target_weights": dict(record.target_weights),
        "details": dict(record.details),
    }


def optimization_of(row: Row[Any]) -> OptimizationRecord:
    values = {name: getattr(row, name) for name in OptimizationRecord.__dataclass_fields__}
    return OptimizationRecord(**{**values, "method": OptimizationMethod(row.method)})


def daily_row(record: DailyRecord) -> dict[str, Any]:
    return {
        "portfolio_id": record.portfolio_id,
        "calculation_date": record.date,
        "calculated_at": record.metrics.calculated_at,
        "total_value": record.total_value,
        "external_flow": record.external_flow,
        "daily_return": record.daily_return,
        **{name: getattr(record.metrics, name) for name in METRICS},
    }


def daily_of(row: Row[Any]) -> DailyRecord:
    numbers = {name: getattr(row, name) for name in METRICS}
    return DailyRecord(
        portfolio_id=row.portfolio_id,
        date=row.calculation_date,
        total_value=row.total_value,
        external_flow=row.external_flow,
        daily_return=row.daily_return,
        metrics=PerformanceMetrics(portfolio_id=row.portfolio_id, calculated_at=row.calculated_at, **numbers),
    )

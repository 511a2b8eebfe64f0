"""The six bus events, built as documented: every payload has portfolio_id and timestamp, numbers are JSON numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolio_service.domain.clock import iso
from portfolio_service.domain.models import Event, OptimizationRecord, PerformanceMetrics, Portfolio, Valuation

CREATED = "portfolio.created"
OPTIMIZED = "portfolio.optimized"
REBALANCED = "portfolio.rebalanced"
POSITION_UPDATED = "portfolio.position.updated"
PERFORMANCE_CALCULATED = "portfolio.performance.calculated"
RISK_ALERT = "portfolio.risk.alert"
TOPICS = (CREATED, OPTIMIZED, REBALANCED, POSITION_UPDATED, PERFORMANCE_CALCULATED, RISK_ALERT)


@dataclass(frozen=True)
class Numbered:
    """A committed event with its outbox id: ids grow in the order of commits and are never given twice."""

    message_id: int
    event: Event

    def envelope(self) -> dict[str, Any]:
        """As documented: {topic, payload}."""
        return {"topic": self.event.topic, "payload": dict(self.event.payload)}


def _event(topic: str, portfolio_id: str, at: datetime, **payload: Any) -> Event:
    return Event(topic, {"portfolio_id": portfolio_id, **payload, "timestamp": iso(at)})


def created(portfolio: Portfolio, symbols: Iterable[str], at: datetime) -> Event:
    return _event(
        CREATED,
        portfolio.portfolio_id,
        at,
        portfolio_name=portfolio.portfolio_name,
        initial_value=float(portfolio.initial_value),
        symbols=list(symbols),
    )


def optimized(record: OptimizationRecord) -> Event:
    return _event(
        OPTIMIZED,
        record.portfolio_id,
        record.created_at,
        optimization_id=record.optimization_id,
        optimization_method=record.method.value,
        expected_return=record.expected_return,
        expected_risk=record.expected_risk,
        sharpe_ratio=record.sharpe_ratio,
        target_weights=dict(record.target_weights),
    )


def rebalanced(
    portfolio_id: str, trades_executed: int, total_turnover: Decimal, execution_cost: Decimal, reason: str, at: datetime
) -> Event:
    return _event(
        REBALANCED,
        portfolio_id,
        at,
        trades_executed=trades_executed,
        total_turnover=float(total_turnover),
        execution_cost=float(execution_cost),
        reason=reason,
    )


def position_updated(portfolio_id: str, valuation: Valuation, at: datetime) -> Event:
    positions = {
        symbol: {
            "quantity": float(position.quantity),
            "market_value": float(position.market_value),
            "weight": position.weight,
            "avg_cost": float(position.avg_cost),
        }
        for symbol, position in valuation.positions.items()
    }
    return _event(POSITION_UPDATED, portfolio_id, at, positions=positions, total_value=float(valuation.total_value))


def performance_calculated(metrics: PerformanceMetrics) -> Event:
    numbers = {k: v for k, v in asdict(metrics).items() if k not in ("portfolio_id", "calculated_at")}
    return _event(PERFORMANCE_CALCULATED, metrics.portfolio_id, metrics.calculated_at, **numbers)


def risk_alert(
    portfolio_id: str, limit: str, level: float, value: float, message: str, at: datetime, **more: Any
) -> Event:
    """`more` is what an alert of a risk limit adds: alert_id, severity, status, subject."""
    return _event(RISK_ALERT, portfolio_id, at, limit=limit, level=level, value=value, message=message, **more)

"""One line for a person about each event: what the landing page shows beside the figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portfolio_service.domain import events
from portfolio_service.domain.events import Numbered
from portfolio_service.domain.models import Alert


@dataclass(frozen=True)
class News:
    """An event or an alert as a line."""

    at: datetime
    kind: str  # its CSS class: second word of the topic, or severity of the alert
    portfolio_id: str
    portfolio_name: str
    text: str


def news(found: Iterable[Numbered], names: Mapping[str, str]) -> list[News]:
    """`names` are those of the portfolios; an archived one is called by its id."""
    return [_line(one, names) for one in found]


def alerts(standing: Iterable[Alert], names: Mapping[str, str]) -> list[News]:
    """Those that nobody has acknowledged, breaches first, then the newest."""
    found = [alert for alert in standing if alert.acknowledged_at is None]
    found.sort(key=lambda alert: (alert.severity == "breach", alert.raised_at), reverse=True)
    return [
        News(alert.raised_at, alert.severity, alert.portfolio_id, names.get(alert.portfolio_id, ""), alert.message)
        for alert in found
    ]


def _line(one: Numbered, names: Mapping[str, str]) -> News:
    payload = one.event.payload
    portfolio_id = payload["portfolio_id"]
    return News(
        at=datetime.fromisoformat(payload["timestamp"]),
        kind=one.event.topic.removeprefix("portfolio.").partition(".")[0],
        portfolio_id=portfolio_id,
        portfolio_name=names.get(portfolio_id, portfolio_id),
        text=_TEXTS[one.event.topic](payload),
    )


def _created(payload: Mapping[str, Any]) -> str:
    symbols = payload["symbols"]
    what = f"{len(symbols)} symbols" if len(symbols) != 1 else symbols[0]
    return f"created with {payload['initial_value']:,.2f}" + (f" in {what}" if symbols else "")


def _optimized(payload: Mapping[str, Any]) -> str:
    return (
        f"optimised by {payload['optimization_method'].replace('_', ' ')}: "
        f"return {payload['expected_return']:.1%}, volatility {payload['expected_risk']:.1%}"
    )


def _rebalanced(payload: Mapping[str, Any]) -> str:
    count = payload["trades_executed"]
    trades = "1 trade" if count == 1 else f"{count} trades"
    return f"rebalanced: {trades}, {payload['total_turnover']:,.2f} traded, cost {payload['execution_cost']:,.2f}"


def _updated(payload: Mapping[str, Any]) -> str:
    return f"holds {len(payload['positions'])} positions, worth {payload['total_value']:,.2f} with cash"


def _calculated(payload: Mapping[str, Any]) -> str:
    return (
        f"day recorded: return {payload['total_return']:+.1%} since the start, volatility {payload['volatility']:.1%}"
    )


_TEXTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    events.CREATED: _created,
    events.OPTIMIZED: _optimized,
    events.REBALANCED: _rebalanced,
    events.POSITION_UPDATED: _updated,
    events.PERFORMANCE_CALCULATED: _calculated,
    events.RISK_ALERT: lambda payload: str(payload["message"]),
}

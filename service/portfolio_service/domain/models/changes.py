"""One change and everything it writes; what is told of it and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portfolio_service.domain.models.books import LedgerEntry, Portfolio
from portfolio_service.domain.models.records import OptimizationRecord, Trade
from portfolio_service.domain.models.schedule import Decision


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
class Actor:
    """Who asked for a change, for the audit trail; and, where the answer must outlive a crash, how to write it down."""

    name: str  # "api", "scheduler", "cli"
    request_id: str
    answer: Callable[[Portfolio | None, Any], Receipt | None] | None = field(default=None, compare=False, repr=False)

    def receipt(self, after: Portfolio | None, result: Any) -> Receipt | None:
        """What a change stores beside itself: the answer made of `result`, which reports the state `after` it (None
        when it is of no portfolio's books)."""
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

"""What the domain needs from the outside, as Protocols; adapters implement them and app.py wires them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

import pandas as pd

from portfolio_service.domain.events import Numbered
from portfolio_service.domain.models import (
    Activity,
    Actor,
    Alert,
    Change,
    CloseLevel,
    Counters,
    Course,
    DailyRecord,
    Decision,
    Event,
    ExternalFlow,
    FlowTotals,
    LedgerEntry,
    Memory,
    OptimizationRecord,
    Portfolio,
    Price,
    Receipt,
    Trade,
    TradingSession,
)
from portfolio_service.domain.sources import SourceState


class Clock(Protocol):
    """Now, in UTC; injected everywhere so that no test sleeps."""

    def now(self) -> datetime: ...


class MarketDataClient(Protocol):
    """The contract's market data client: prices for valuation, adjusted history for returns, and a stream."""

    source: str  # "simulated", "files", ... named wherever a price shows
    state: SourceState

    async def get_multiple_prices(self, symbols: Sequence[str]) -> Mapping[str, Price]:
        """Current prices; a symbol without one is left out.

        SourceUnavailable (with the prices there were) when the source does not answer for some of them.
        """
        ...

    async def get_historical_data(self, symbol: str, period: str = "1y") -> pd.Series | None:
        """Daily adjusted closes up to now, None when unknown; period like 1y, 6mo, 756d."""
        ...

    async def get_histories(self, symbols: Sequence[str], days: int) -> pd.DataFrame:
        """The last `days` trading days of several symbols, one column each; unknown ones are left out."""
        ...

    def known_symbols(self) -> Sequence[str] | None:
        """All symbols when the source is finite, None when it is open-ended."""
        ...

    def sector(self, symbol: str) -> str | None:
        """Sector, when the source knows it."""
        ...

    def is_open(self, now: datetime) -> bool:
        """Whether the source's market is open: decides when a price is stale."""
        ...

    def last_close(self, now: datetime) -> datetime:
        """The close of the last finished trading day."""
        ...

    def stream(self, symbols: Callable[[], Sequence[str]]) -> AsyncIterator[Sequence[Price]]:
        """Batches of ticks for the symbols wanted at that moment, for ever; a batch may be empty."""
        ...

    async def close(self) -> None: ...


class Repository(Protocol):
    """The database. One Change is one transaction: state, ledger, trades, audit record and outbox together."""

    async def commit(self, change: Change) -> None:
        """Write all of it or nothing; Conflict("version_conflict") when expected_version is not the stored one."""
        ...

    async def committed(self, change: Change) -> bool:
        """After OutcomeUnknown: whether it was committed; Unavailable while that cannot be known."""
        ...

    async def audit(self) -> Sequence[str]:
        """Check everything stored; every fault in words, none when the books are sound."""
        ...

    async def load_portfolios(self) -> Sequence[Portfolio]:
        """Every portfolio not archived, its book folded from the ledger and checked against the stored positions."""
        ...

    async def load_portfolio(self, portfolio_id: str) -> Portfolio | None:
        """One of them, None when unknown or archived."""
        ...

    async def ledger(self, portfolio_id: str) -> Sequence[LedgerEntry]: ...

    async def trades(self, portfolio_id: str, limit: int, offset: int) -> tuple[Sequence[Trade], int]: ...

    async def optimizations(
        self, portfolio_id: str, limit: int, offset: int
    ) -> tuple[Sequence[OptimizationRecord], int]: ...

    async def save_daily_records(self, records: Sequence[DailyRecord], events: Sequence[Event]) -> None: ...

    async def daily_records(self, portfolio_id: str, since: date) -> Sequence[DailyRecord]: ...

    async def append_events(self, events: Sequence[Event]) -> None:
        """Outbox events that belong to no state change (risk alerts, performance)."""
        ...

    async def pending_events(self, limit: int) -> Sequence[tuple[int, Event]]:
        """Outbox events not yet published, oldest first, with their ids."""
        ...

    async def mark_published(self, ids: Sequence[int]) -> None: ...

    async def counters(self, now: datetime) -> Counters: ...

    async def activity(self) -> Activity: ...

    async def check_writable(self) -> None:
        """Raise when the database cannot be written."""
        ...

    async def close(self) -> None: ...


class RecordStore(Protocol):
    """What the daily record is made of."""

    async def course(self, portfolio_id: str) -> Course: ...

    async def booked(
        self, portfolio_id: str, after: datetime, version: int
    ) -> tuple[Sequence[LedgerEntry], Sequence[ExternalFlow]]:
        """What was recorded later than `after`, up to the books' `version`, oldest first."""
        ...

    async def recorded(self) -> Collection[str]:
        """The portfolios that have a record."""
        ...

    async def last(self, portfolio_id: str) -> tuple[DailyRecord | None, int]:
        """The newest record, and how many there are."""
        ...


class ExternalFlows(Protocol):
    """What came into portfolios and left them; `Repository.commit` writes it with its change."""

    async def page(self, portfolio_id: str, limit: int, offset: int) -> tuple[Sequence[ExternalFlow], int]:
        """Newest first, and how many there are in all."""
        ...

    async def totals(self, portfolio_id: str) -> FlowTotals: ...

    async def between(self, portfolio_id: str, after: datetime, until: datetime) -> Sequence[ExternalFlow]:
        """Recorded after `after` and not after `until`, oldest first."""
        ...


class Receipts(Protocol):
    """Answers kept for requests with an Idempotency-Key; `Repository.commit` writes them with their change."""

    async def find(self, scope: str, now: datetime) -> Receipt | None:
        """The one recorded for `scope` in the 24 hours before `now`, None when there is none."""
        ...


class EventLog(Protocol):
    """Committed events by id, oldest first; what is old is forgotten."""

    async def after(self, message_id: int, limit: int) -> Sequence[Numbered]:
        """The next `limit` events after that id."""
        ...

    async def latest(self, limit: int, topics: Collection[str] | None = None) -> Sequence[Numbered]:
        """The last `limit` events (of these topics), newest first."""
        ...

    async def bounds(self) -> tuple[int, int]:
        """The ids of the oldest and the newest event kept, 0 and 0 when there is none."""
        ...

    async def backlog(self) -> tuple[int, Event | None]:
        """How many events are not yet published, and the oldest of them."""
        ...

    async def forget(self, up_to: int) -> int:
        """Remove published events up to that id; how many."""
        ...


class TradingCalendar(Protocol):
    """The exchange's trading days, in UTC."""

    def cover(self, now: datetime) -> None:
        """Reads what is needed around `now`; may take a third of a second the first time."""
        ...

    def from_day(self, day: date) -> TradingSession | None:
        """The first session on `day` or later; None when there are no more."""
        ...

    def closing_after(self, moment: datetime) -> TradingSession | None:
        """The session that runs at `moment`, else the next one; None when there are no more."""
        ...


class DecisionLog(Protocol):
    """Every decision of the scheduler; those that trade are written by `Repository.commit` with their change."""

    async def append(self, decisions: Sequence[Decision]) -> None:
        """All of them, in one transaction."""
        ...

    async def page(self, portfolio_id: str, limit: int, offset: int) -> tuple[Sequence[Decision], int]:
        """Newest first, and how many there are in all."""
        ...

    async def memories(self, portfolio_id: str | None = None) -> Mapping[str, Memory]:
        """What is known from the decisions, of all portfolios or of one; one without decisions is left out."""
        ...


class AlertStore(Protocol):
    """The alerts of the risk limits, durable: a restart raises none of them again."""

    async def standing(self) -> Sequence[Alert]:
        """Those not cleared, oldest first."""
        ...

    async def record(self, raised: Sequence[Alert], cleared: Sequence[Alert], events: Sequence[Event]) -> None:
        """All of it, with the outbox events, in one transaction; `cleared` have their cleared_at."""
        ...

    async def page(
        self, portfolio_id: str | None, status: str, severity: str | None, limit: int, offset: int
    ) -> tuple[Sequence[Alert], int]:
        """Newest first, and how many there are in all; status open, acknowledged, cleared or all."""
        ...

    async def acknowledge(self, alert_id: str, by: Actor, note: str | None, at: datetime) -> Alert | None:
        """The alert as it is then, None when unknown; the first acknowledgement stands. `by` may leave a receipt."""
        ...


class CloseLevels(Protocol):
    """What the drawdown limit needs of the daily records and the external flows, read forward only."""

    async def levels(self, after: int) -> Sequence[CloseLevel]:
        """By portfolio, of the records with an id above `after`."""
        ...

    async def flows(self, after: int) -> Sequence[tuple[int, str, datetime, float]]:
        """(id, portfolio_id, time, amount) of the flows with an id above `after`, in order."""
        ...


class MessageBus(Protocol):
    """Publishes outbox events; delivery is at least once, in order."""

    name: str  # "in-process", later "redis"

    async def publish(self, message_id: int, event: Event) -> None: ...

    def connected(self) -> bool: ...

    async def close(self) -> None: ...


class Execution(Protocol):
    """Turns an order into a fill price."""

    async def fill(self, symbol: str, side: str, quantity: Decimal, price: Price) -> Decimal:
        """The price to 1e-8 at which the order is done."""
        ...

"""The Repository on SQL: one Change is one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update
from stamina import AsyncRetryingCaller

from portfolio_service.adapters.storage import rows, tables
from portfolio_service.adapters.storage.database import Database, Location
from portfolio_service.adapters.storage.recovery import load
from portfolio_service.adapters.storage.tally import Tally
from portfolio_service.adapters.storage.verify import examine, verify
from portfolio_service.adapters.storage.write import append_events, head_of, was_written, write_change
from portfolio_service.domain.errors import OutcomeUnknown, Unavailable
from portfolio_service.domain.models import (
    Activity,
    Change,
    Counters,
    DailyRecord,
    Event,
    LedgerEntry,
    OptimizationRecord,
    Portfolio,
    Trade,
)

T = TypeVar("T")
SETTLE_WITHIN_S = 5.0  # after this the caller hears that the outcome is unknown
WRITABLE_FOR_S = 5.0  # a health check asked again within this time trusts the last answer


class SqlRepository:
    """See ports.Repository. Every failure of the database is Unavailable("storage_unavailable")."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written_at = -WRITABLE_FOR_S
        self._tally: Tally | None = None
        # What the audit chain may end with, the books in memory follow it; after the start it is the writer's alone.
        self._heads: frozenset[str] = frozenset()

    @classmethod
    async def open(cls, where: Location) -> Self:
        """The database, created and migrated to the newest schema where needed."""
        return cls(await Database.open(where))

    async def close(self) -> None:
        await self._database.close()

    async def verify_audit(self) -> Sequence[str]:
        """What is wrong with the audit trail, in words; empty when every link and every change holds."""
        return await self._database.in_thread(verify)

    async def commit(self, change: Change) -> None:
        def write(connection: Connection) -> None:
            self._heads = write_change(connection, change, self._heads)

        try:
            await self._database.write(write)
        except OutcomeUnknown as unknown:
            if not await self._find_out(change, unknown):
                raise Unavailable("storage_unavailable", "the database went away; the change was not made") from unknown
        except Unavailable:
            self._written_at = -WRITABLE_FOR_S  # a health check finds out anew
            raise
        else:
            self._count(change)
        self._written_at = time.monotonic()

    async def committed(self, change: Change) -> bool:
        """Whether a change whose commit broke is in the books.

        Asked by the writer: its new session has the lock, so the old one has ended, and with it every doubt.
        """
        done = await self._database.write(was_written, change)
        if done:
            self._count(change)
        return done

    def _count(self, change: Change) -> None:
        if self._tally is not None:
            self._tally.add(change)

    async def _find_out(self, change: Change, unknown: OutcomeUnknown) -> bool:
        """`committed`, asked for a few seconds while the database is away."""
        ask = AsyncRetryingCaller(attempts=None, timeout=SETTLE_WITHIN_S, wait_max=1.0).on(Unavailable)
        try:
            return await ask(self.committed, change)
        except Unavailable:
            raise unknown from None

    async def audit(self) -> Sequence[str]:
        """Everything that can be wrong with the stored books, in words; in a thread of its own."""
        return await self._database.in_thread(examine)

    async def load_portfolios(self) -> Sequence[Portfolio]:
        def read(connection: Connection) -> tuple[str, Tally, list[Portfolio]]:
            return head_of(connection), Tally.read(connection), load(connection)

        head, self._tally, found = await self._database.read(read)
        self._heads = frozenset({head})
        return found

    async def load_portfolio(self, portfolio_id: str) -> Portfolio | None:
        found = await self._database.read(load, portfolio_id)
        return found[0] if found else None

    async def ledger(self, portfolio_id: str) -> Sequence[LedgerEntry]:
        table = tables.ledger
        query = select(*rows.ENTRY).where(table.c.portfolio_id == portfolio_id).order_by(table.c.entry_id)
        return await self._database.read(lambda connection: [rows.entry_of(*row) for row in connection.execute(query)])

    async def trades(self, portfolio_id: str, limit: int, offset: int) -> tuple[Sequence[Trade], int]:
        """Newest first, and how many there are in all."""
        table = tables.trades
        query = select(table).where(table.c.portfolio_id == portfolio_id).order_by(table.c.trade_number.desc())
        return await self._database.read(_page, query, rows.trade_of, limit, offset)

    async def optimizations(
        self, portfolio_id: str, limit: int, offset: int
    ) -> tuple[Sequence[OptimizationRecord], int]:
        """Newest first, and how many there are in all."""
        table = tables.optimizations
        query = select(table).where(table.c.portfolio_id == portfolio_id)
        query = query.order_by(table.c.created_at.desc(), table.c.optimization_id)
        return await self._database.read(_page, query, rows.optimization_of, limit, offset)

    async def save_daily_records(self, records: Sequence[DailyRecord], events: Sequence[Event]) -> None:
        """A second record of the same portfolio and day replaces the first."""
        table = tables.performance_history
        same_day = (table.c.portfolio_id == bindparam("owner")) & (table.c.calculation_date == bindparam("day"))

        def write(connection: Connection) -> None:
            if records:
                days = [{"owner": record.portfolio_id, "day": record.date} for record in records]
                connection.execute(delete(table).where(same_day), days)
                connection.execute(insert(table), [rows.daily_row(record) for record in records])
            append_events(connection, events)

        await self._database.write(write)

    async def daily_records(self, portfolio_id: str, since: date) -> Sequence[DailyRecord]:
        """Oldest first."""
        table = tables.performance_history
        start = datetime(since.year, since.month, since.day, tzinfo=UTC)
        query = select(table).where(table.c.portfolio_id == portfolio_id, table.c.calculation_date >= start)
        oldest_first = query.order_by(table.c.calculation_date)
        return await self._database.read(
            lambda connection: [rows.daily_of(row) for row in connection.execute(oldest_first)]
        )

    async def append_events(self, events: Sequence[Event]) -> None:
        await self._database.write(append_events, events)

    async def pending_events(self, limit: int) -> Sequence[tuple[int, Event]]:
        table = tables.outbox
        query = select(table).where(~table.c.published).order_by(table.c.message_id).limit(limit)
        found = await self._database.read(lambda connection: connection.execute(query).all())
        return [(row.message_id, Event(row.topic, row.payload)) for row in found]

    async def mark_published(self, ids: Sequence[int]) -> None:
        table = tables.outbox
        done = update(table).where(table.c.message_id.in_(ids)).values(published=True)
        await self._database.write(lambda connection: connection.execute(done))

    async def counters(self, now: datetime) -> Counters:
        tally = await self._counted()
        if not tally.knows_the_day:
            await self._database.write(tally.read_day, now)  # by the writer as well
        return Counters(*tally.totals(), *tally.of_the_day(now))

    async def activity(self) -> Activity:
        """Optimisations and rebalances ever done, by portfolio; archived portfolios are counted together."""
        return (await self._counted()).activity()

    async def _counted(self) -> Tally:
        if self._tally is None:
            # by the writer, no commit in between: none is missed, none counted twice
            self._tally = await self._database.write(Tally.read)
        return self._tally

    async def check_writable(self) -> None:
        """Really write, unless something was written a moment ago."""
        if time.monotonic() - self._written_at < WRITABLE_FOR_S:
            return
        table = tables.heartbeat

        def beat(connection: Connection) -> None:
            if connection.execute(update(table).values(beats=table.c.beats + 1)).rowcount == 0:
                connection.execute(insert(table).values(id=1, beats=1))

        await self._database.write(beat)
        self._written_at = time.monotonic()


def _page(
    connection: Connection, query: Select[Any], read: Callable[[Any], T], limit: int, offset: int
) -> tuple[Sequence[T], int]:
    """The rows of one page, and how many there are in all."""
    total = connection.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
    return [read(row) for row in connection.execute(query.limit(limit).offset(offset))], int(total or 0)

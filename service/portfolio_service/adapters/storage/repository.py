"""The Repository on SQL: one Change is one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Select, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from portfolio_service.adapters.storage import audit, rows, tables
from portfolio_service.adapters.storage.database import Database
from portfolio_service.adapters.storage.recovery import load
from portfolio_service.domain.errors import Conflict
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

_SHOWN_ID = case((tables.portfolios.c.status == "archived", "archived"), else_=tables.portfolios.c.portfolio_id)
WRITABLE_FOR_S = 5.0  # a health check asked again within this time trusts the last answer


class SqlRepository:
    """See ports.Repository. Every failure of the database is Unavailable("storage_unavailable")."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written_at = -WRITABLE_FOR_S

    @classmethod
    async def open(cls, path: Path) -> Self:
        """The database file at `path`, created and migrated to the newest schema where needed."""
        return cls(await Database.open(path))

    async def close(self) -> None:
        await self._database.close()

    async def commit(self, change: Change) -> None:
        async with self._database.write() as connection:
            await connection.run_sync(_write, change)
        self._written_at = time.monotonic()

    async def load_portfolios(self) -> Sequence[Portfolio]:
        async with self._database.read() as connection:
            return await connection.run_sync(load)

    async def load_portfolio(self, portfolio_id: str) -> Portfolio | None:
        async with self._database.read() as connection:
            found = await connection.run_sync(load, portfolio_id)
        return found[0] if found else None

    async def ledger(self, portfolio_id: str) -> Sequence[LedgerEntry]:
        table = tables.ledger
        query = select(table).where(table.c.portfolio_id == portfolio_id).order_by(table.c.entry_id)
        async with self._database.read() as connection:
            return [rows.entry_of(row) for row in await connection.execute(query)]

    async def trades(self, portfolio_id: str, limit: int, offset: int) -> tuple[Sequence[Trade], int]:
        """Newest first, and how many there are in all."""
        table = tables.trades
        query = select(table).where(table.c.portfolio_id == portfolio_id).order_by(table.c.trade_number.desc())
        async with self._database.read() as connection:
            found, total = await _page(connection, query, limit, offset)
        return [rows.trade_of(row) for row in found], total

    async def optimizations(
        self, portfolio_id: str, limit: int, offset: int
    ) -> tuple[Sequence[OptimizationRecord], int]:
        """Newest first, and how many there are in all."""
        table = tables.optimizations
        query = select(table).where(table.c.portfolio_id == portfolio_id)
        query = query.order_by(table.c.created_at.desc(), table.c.optimization_id)
        async with self._database.read() as connection:
            found, total = await _page(connection, query, limit, offset)
        return [rows.optimization_of(row) for row in found], total

    async def save_daily_records(self, records: Sequence[DailyRecord], events: Sequence[Event]) -> None:
        """A second record of the same portfolio and day replaces the first."""
        table = tables.performance_history
        async with self._database.write() as connection:
            for record in records:
                same_day = (table.c.portfolio_id == record.portfolio_id) & (table.c.calculation_date == record.date)
                await connection.execute(delete(table).where(same_day))
            if records:
                await connection.execute(insert(table), [rows.daily_row(record) for record in records])
            await connection.run_sync(_append_events, events)

    async def daily_records(self, portfolio_id: str, since: date) -> Sequence[DailyRecord]:
        """Oldest first."""
        table = tables.performance_history
        start = datetime(since.year, since.month, since.day, tzinfo=UTC)
        query = select(table).where(table.c.portfolio_id == portfolio_id, table.c.calculation_date >= start)
        async with self._database.read() as connection:
            return [rows.daily_of(row) for row in await connection.execute(query.order_by(table.c.calculation_date))]

    async def append_events(self, events: Sequence[Event]) -> None:
        async with self._database.write() as connection:
            await connection.run_sync(_append_events, events)

    async def pending_events(self, limit: int) -> Sequence[tuple[int, Event]]:
        table = tables.outbox
        query = select(table).where(~table.c.published).order_by(table.c.message_id).limit(limit)
        async with self._database.read() as connection:
            return [(row.message_id, Event(row.topic, row.payload)) for row in await connection.execute(query)]

    async def mark_published(self, ids: Sequence[int]) -> None:
        table = tables.outbox
        async with self._database.write() as connection:
            await connection.execute(update(table).where(table.c.message_id.in_(ids)).values(published=True))

    async def counters(self, now: datetime) -> Counters:
        day = now - timedelta(days=1)
        done, changes = tables.optimizations, tables.audit
        optimizations = select(func.count()).select_from(done)
        rebalances = select(func.count()).select_from(changes).where(changes.c.action == "portfolio.rebalance")
        async with self._database.read() as connection:
            counts = [
                int(await connection.scalar(query) or 0)
                for query in (
                    optimizations,
                    rebalances,
                    optimizations.where(done.c.created_at > day),
                    rebalances.where(changes.c.at > day),
                )
            ]
        return Counters(*counts)

    async def activity(self) -> Activity:
        """Optimisations and rebalances ever done, by portfolio; archived portfolios are counted together."""
        done, changes = tables.optimizations, tables.audit
        optimizations = select(_SHOWN_ID, done.c.method, func.count()).join_from(done, tables.portfolios)
        rebalances = select(_SHOWN_ID, func.count()).join_from(changes, tables.portfolios)
        rebalances = rebalances.where(changes.c.action == "portfolio.rebalance").group_by(_SHOWN_ID)
        async with self._database.read() as connection:
            by_method = (await connection.execute(optimizations.group_by(_SHOWN_ID, done.c.method))).all()
            by_portfolio = (await connection.execute(rebalances)).all()
        return Activity({(row[0], row[1]): row[2] for row in by_method}, {row[0]: row[1] for row in by_portfolio})

    async def check_writable(self) -> None:
        """Really write, unless something was written a moment ago."""
        if time.monotonic() - self._written_at < WRITABLE_FOR_S:
            return
        table = tables.heartbeat
        async with self._database.write() as connection:
            beat = await connection.execute(update(table).values(beats=table.c.beats + 1))
            if beat.rowcount == 0:
                await connection.execute(insert(table).values(id=1, beats=1))
        self._written_at = time.monotonic()


async def _page(connection: AsyncConnection, query: Select[Any], limit: int, offset: int) -> tuple[Iterable[Any], int]:
    total = await connection.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
    return await connection.execute(query.limit(limit).offset(offset)), int(total or 0)


def _write(connection: Connection, change: Change) -> None:
    after_hash = audit.state_hash(change.portfolio)
    before_hash = _write_portfolio(connection, change, after_hash)
    if change.portfolio.valuation is not None:
        _write_positions(connection, change.portfolio)
    elif change.entries:
        raise ValueError(f"[commit] {change.action}: expected a valuation with a change of the books, got none")
    if change.entries:
        connection.execute(insert(tables.ledger), rows.entry_rows(change))
    if change.trades:
        version = change.portfolio.version
        connection.execute(insert(tables.trades), [{**vars(trade), "version": version} for trade in change.trades])
    if change.optimization:
        connection.execute(insert(tables.optimizations), rows.optimization_row(change.optimization))
    _write_audit(connection, change, before_hash, after_hash)
    _append_events(connection, change.events)


def _write_portfolio(connection: Connection, change: Change, after_hash: str) -> str | None:
    """Insert, or update if the stored version is the expected one; the hash of the state before."""
    table, row = tables.portfolios, rows.portfolio_row(change.portfolio, after_hash)
    if change.expected_version is None:
        connection.execute(insert(table), row)
        return None
    expected = (table.c.portfolio_id == change.portfolio.portfolio_id) & (table.c.version == change.expected_version)
    before: str | None = connection.scalar(select(table.c.state_hash).where(expected, table.c.status != "archived"))
    if before is None:
        raise Conflict("version_conflict", "the portfolio was changed by somebody else meanwhile; read it again")
    connection.execute(update(table).where(expected).values(row))
    return before


def _write_positions(connection: Connection, portfolio: Portfolio) -> None:
    connection.execute(delete(tables.positions).where(tables.positions.c.portfolio_id == portfolio.portfolio_id))
    if found := rows.position_rows(portfolio):
        connection.execute(insert(tables.positions), found)


def _write_audit(connection: Connection, change: Change, before_hash: str | None, after_hash: str) -> None:
    table = tables.audit
    previous = connection.scalar(select(table.c.record_hash).order_by(table.c.audit_id.desc()).limit(1))
    record = {
        "portfolio_id": change.portfolio.portfolio_id,
        "version": change.portfolio.version,
        "at": change.at,
        "actor": change.actor.name,
        "request_id": change.actor.request_id,
        "action": change.action,
        "before_hash": before_hash,
        "after_hash": after_hash,
        "content_hash": audit.content_hash(change.entries, change.trades),
    }
    connection.execute(insert(table), {**record, "record_hash": audit.record_hash(previous or audit.GENESIS, record)})


def _append_events(connection: Connection, events: Sequence[Event]) -> None:
    if events:
        found = [{"topic": event.topic, "payload": dict(event.payload), "published": False} for event in events]
        connection.execute(insert(tables.outbox), found)

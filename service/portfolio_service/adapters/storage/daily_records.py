"""What the daily record is made of: its returns so far, and what was booked since."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from portfolio_service.adapters.storage import rows, tables
from portfolio_service.adapters.storage.database import Database
from portfolio_service.adapters.storage.flows import FLOW, flow_of_row
from portfolio_service.domain.models import Course, DailyRecord, ExternalFlow, LedgerEntry
from portfolio_service.domain.money import ZERO


class DailyRecordStore:
    """See ports.RecordStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def course(self, portfolio_id: str) -> Course:
        table = tables.performance_history
        own = table.c.portfolio_id == portfolio_id
        query = select(table.c.calculation_date, table.c.daily_return).where(own).order_by(table.c.calculation_date)
        value = select(table.c.total_value).where(own).order_by(table.c.calculation_date.desc()).limit(1)

        def read(connection: Connection) -> Course:
            found, last_value = connection.execute(query).all(), connection.scalar(value)
            days, returns = [row[0] for row in found], [row[1] for row in found]
            return Course(days, returns, ZERO if last_value is None else last_value)

        return await self._database.read(read)

    async def booked(
        self, portfolio_id: str, after: datetime, version: int
    ) -> tuple[Sequence[LedgerEntry], Sequence[ExternalFlow]]:
        ledger, flows = tables.ledger, tables.external_flows
        entries = select(*rows.ENTRY).where(
            ledger.c.portfolio_id == portfolio_id, ledger.c.recorded_at > after, ledger.c.version <= version
        )
        moved = select(*FLOW).where(
            flows.c.portfolio_id == portfolio_id, flows.c.recorded_at > after, flows.c.version <= version
        )

        def read(connection: Connection) -> tuple[Sequence[LedgerEntry], Sequence[ExternalFlow]]:
            found = connection.execute(entries.order_by(ledger.c.entry_id))
            seen = connection.execute(moved.order_by(flows.c.version))
            return [rows.entry_of(*row) for row in found], [flow_of_row(row) for row in seen]

        return await self._database.read(read)

    async def recorded(self) -> Collection[str]:
        owner = tables.performance_history.c.portfolio_id
        query = select(owner).distinct()
        return await self._database.read(lambda connection: set(connection.scalars(query)))

    async def last(self, portfolio_id: str) -> tuple[DailyRecord | None, int]:
        table = tables.performance_history
        own = table.c.portfolio_id == portfolio_id
        count = select(func.count()).select_from(table).where(own).scalar_subquery().label("days")
        newest = select(table, count).where(own).order_by(table.c.calculation_date.desc()).limit(1)
        row = await self._database.read(lambda connection: connection.execute(newest).one_or_none())
        return (None, 0) if row is None else (rows.daily_of(row), int(row.days))

"""The outbox read as a log: committed events by id, for those who follow or resume."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select

from portfolio_service.adapters.storage import tables
from portfolio_service.adapters.storage.database import Database
from portfolio_service.domain.events import Numbered
from portfolio_service.domain.models import Event


class SqlEventLog:
    """See ports.EventLog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, message_id: int, limit: int) -> Sequence[Numbered]:
        table = tables.outbox
        query = select(table).where(table.c.message_id > message_id).order_by(table.c.message_id).limit(limit)
        return await self._database.read(_numbered, query)

    async def latest(self, limit: int, topics: Collection[str] | None = None) -> Sequence[Numbered]:
        table = tables.outbox
        query = select(table).order_by(table.c.message_id.desc()).limit(limit)
        if topics is not None:
            query = query.where(table.c.topic.in_(topics))
        return await self._database.read(_numbered, query)

    async def bounds(self) -> tuple[int, int]:
        column = tables.outbox.c.message_id
        query = select(func.min(column), func.max(column))
        oldest, newest = await self._database.read(lambda connection: connection.execute(query).one())
        return oldest or 0, newest or 0

    async def backlog(self) -> tuple[int, Event | None]:
        table = tables.outbox
        waiting = ~table.c.published
        count = select(func.count()).select_from(table).where(waiting)
        oldest = select(table).where(waiting).order_by(table.c.message_id).limit(1)

        def measure(connection: Connection) -> tuple[int, Event | None]:
            row = connection.execute(oldest).first()
            return int(connection.scalar(count) or 0), None if row is None else Event(row.topic, row.payload)

        return await self._database.read(measure)

    async def forget(self, up_to: int) -> int:
        table = tables.outbox
        query = delete(table).where(table.c.message_id <= up_to, table.c.published)
        return await self._database.write(lambda connection: connection.execute(query).rowcount)


def _numbered(connection: Connection, query: Select[Any]) -> list[Numbered]:
    return [Numbered(row.message_id, Event(row.topic, row.payload)) for row in connection.execute(query)]

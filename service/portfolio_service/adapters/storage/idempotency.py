"""Receipts: answers to requests with an Idempotency-Key, written in the transaction of the change they report."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from portfolio_service.adapters.storage import tables
from portfolio_service.adapters.storage.database import Database
from portfolio_service.domain.models import Receipt

KEPT = timedelta(hours=24)


class ReceiptStore:
    """See ports.Receipts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, scope: str, now: datetime) -> Receipt | None:
        table = tables.receipts
        query = select(table).where(table.c.scope == scope, table.c.recorded_at > now - KEPT)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else Receipt(**row._mapping)


def write_receipt(connection: Connection, receipt: Receipt) -> None:
    """Store it, and drop those whose time is over: so the table needs no job that clears it."""
    table = tables.receipts
    connection.execute(delete(table).where(table.c.recorded_at <= receipt.recorded_at - KEPT))
    connection.execute(insert(table), vars(receipt))

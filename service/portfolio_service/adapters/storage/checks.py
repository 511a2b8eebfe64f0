"""What an operator asks a database by hand: its checks one by one, and who changed what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, text

from portfolio_service.adapters.storage import tables
from portfolio_service.adapters.storage.migrate import current, newest
from portfolio_service.adapters.storage.recovery import UNREADABLE, book_faults
from portfolio_service.adapters.storage.verify import file_faults, verify
from portfolio_service.domain.clock import iso

Check = tuple[str, Sequence[str], str]  # name, faults, note


def checks(connection: Connection) -> Iterator[Check]:
    """Each check as it ends; the later ones need the earlier ones to hold."""
    schema = current(connection)
    wrong = [] if schema == newest() else [f"this program has {newest()}; run: portfolio-engine db upgrade"]
    yield "schema", wrong, schema or "none"
    if wrong:
        return
    damaged = file_faults(connection)
    yield "file", damaged, connection.dialect.name
    if damaged:
        return
    yield "foreign keys", _orphans(connection), ""
    try:
        count = connection.scalar(select(func.count()).select_from(tables.portfolios))
        yield "books", book_faults(connection), f"{count} portfolios folded from their ledgers"
        records = connection.scalar(select(func.count()).select_from(tables.audit))
        yield "audit trail", verify(connection), f"{records} changes"
    except UNREADABLE as error:
        yield "values", [f"a stored value cannot be read: {error!r}"], ""


def _orphans(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []  # PostgreSQL never lets one in
    rows = connection.execute(text("PRAGMA foreign_key_check")).all()
    return [f"row {row[1]} of {row[0]} belongs to no {row[2]}" for row in rows]


def changes(connection: Connection, portfolio: str | None, since: datetime | None, limit: int) -> list[dict[str, Any]]:
    """The newest `limit` records of the audit trail, oldest first."""
    table = tables.audit
    shown = (table.c.at, table.c.portfolio_id, table.c.version, table.c.action, table.c.actor, table.c.request_id)
    query = select(*shown).order_by(table.c.audit_id.desc()).limit(limit)
    if portfolio is not None:
        query = query.where(table.c.portfolio_id == portfolio)
    if since is not None:
        query = query.where(table.c.at >= since)
    return [{**row, "at": iso(row["at"])} for row in reversed(connection.execute(query).mappings().all())]

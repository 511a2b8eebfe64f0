"""The alerts of the risk limits, each written together with its outbox event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, true, update

from portfolio_service.adapters.storage import tables
from portfolio_service.adapters.storage.database import Database
from portfolio_service.adapters.storage.idempotency import write_receipt
from portfolio_service.adapters.storage.write import append_events
from portfolio_service.domain.models import Actor, Alert, Event

_TABLE = tables.alerts
_CLEARED, _ACKNOWLEDGED = _TABLE.c.cleared_at.is_not(None), _TABLE.c.acknowledged_at.is_not(None)
_STATUS: dict[str, ColumnElement[bool]] = {
    "open": ~_CLEARED & ~_ACKNOWLEDGED,
    "acknowledged": ~_CLEARED & _ACKNOWLEDGED,
    "cleared": _CLEARED,
    "all": true(),
}


class SqlAlerts:
    """See ports.AlertStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self) -> Sequence[Alert]:
        query = select(_TABLE).where(~_CLEARED).order_by(_TABLE.c.alert_number)
        return await self._database.read(lambda connection: [_alert(row) for row in connection.execute(query)])

    async def record(self, raised: Sequence[Alert], cleared: Sequence[Alert], events: Sequence[Event]) -> None:
        ended = [{"ended": alert.alert_id, "at": alert.cleared_at} for alert in cleared]
        change = update(_TABLE).where(_TABLE.c.alert_id == bindparam("ended")).values(cleared_at=bindparam("at"))

        def write(connection: Connection) -> None:
            if raised:
                connection.execute(insert(_TABLE), [_row(alert) for alert in raised])
            if ended:
                connection.execute(change, ended)
            append_events(connection, events)

        await self._database.write(write)

    async def page(
        self, portfolio_id: str | None, status: str, severity: str | None, limit: int, offset: int
    ) -> tuple[Sequence[Alert], int]:
        query = select(_TABLE).where(_STATUS[status])
        if portfolio_id is not None:
            query = query.where(_TABLE.c.portfolio_id == portfolio_id)
        if severity is not None:
            query = query.where(_TABLE.c.severity == severity)
        newest = query.order_by(_TABLE.c.alert_number.desc()).limit(limit).offset(offset)
        count = select(func.count()).select_from(query.subquery())

        def read(connection: Connection) -> tuple[Sequence[Alert], int]:
            return [_alert(row) for row in connection.execute(newest)], int(connection.scalar(count) or 0)

        return await self._database.read(read)

    async def acknowledge(self, alert_id: str, by: Actor, note: str | None, at: datetime) -> Alert | None:
        this = _TABLE.c.alert_id == alert_id
        first = update(_TABLE).where(this, ~_ACKNOWLEDGED)

        def write(connection: Connection) -> Alert | None:
            connection.execute(first.values(acknowledged_at=at, acknowledged_by=by.name, note=note))
            row = connection.execute(select(_TABLE).where(this)).first()
            found = None if row is None else _alert(row)
            if found is not None and (receipt := by.receipt(None, found)) is not None:
                write_receipt(connection, receipt)
            return found

        return await self._database.write(write)


def _row(alert: Alert) -> dict[str, Any]:
    """`limit` is a word of SQL: the column is limit_name."""
    row = dict(vars(alert))
    row["limit_name"] = row.pop("limit")
    return row


def _alert(row: Row[Any]) -> Alert:
    found = dict(row._mapping)
    del found["alert_number"]
    return Alert(limit=found.pop("limit_name"), **found)

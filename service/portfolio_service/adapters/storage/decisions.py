"""The scheduler's decisions, append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, select

from portfolio_service.adapters.storage import tables
from portfolio_service.adapters.storage.database import Database
from portfolio_service.domain.models import Decision, Memory
from portfolio_service.domain.schedule import ANEW

_COLUMNS = tuple(tables.decisions.c[name] for name in Decision.__dataclass_fields__)


class DecisionStore:
    """See ports.DecisionLog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, decisions: Sequence[Decision]) -> None:
        rows = [decision_row(decision) for decision in decisions]
        await self._database.write(lambda connection: connection.execute(insert(tables.decisions), rows))

    async def page(self, portfolio_id: str, limit: int, offset: int) -> tuple[Sequence[Decision], int]:
        table = tables.decisions
        mine = table.c.portfolio_id == portfolio_id
        query = select(*_COLUMNS).where(mine).order_by(table.c.decision_id.desc()).limit(limit).offset(offset)
        count = select(func.count()).select_from(table).where(mine)

        def read(connection: Connection) -> tuple[Sequence[Decision], int]:
            return [_decision_of(row) for row in connection.execute(query)], int(connection.scalar(count) or 0)

        return await self._database.read(read)

    async def memories(self, portfolio_id: str | None = None) -> Mapping[str, Memory]:
        table = tables.decisions
        newest = select(
            func.max(table.c.decision_id).label("decision_id"),
            func.max(case((table.c.concludes.is_not(None), table.c.period))).label("last_period"),
            func.max(case((table.c.code.in_(ANEW), table.c.at))).label("since"),
        )
        if portfolio_id is not None:
            newest = newest.where(table.c.portfolio_id == portfolio_id)
        summary = newest.group_by(table.c.portfolio_id).subquery()
        query = select(summary.c.last_period, summary.c.since, *_COLUMNS).join_from(
            table, summary, table.c.decision_id == summary.c.decision_id
        )

        def read(connection: Connection) -> Mapping[str, Memory]:
            return {
                row.portfolio_id: Memory(row.last_period, row.since, _decision_of(row))
                for row in connection.execute(query)
            }

        return await self._database.read(read)


def decision_row(decision: Decision) -> dict[str, Any]:
    return {**vars(decision), "numbers": dict(decision.numbers)}


def _decision_of(row: Row[Any]) -> Decision:
    return Decision(**{name: getattr(row, name) for name in Decision.__dataclass_fields__})

"""Where the daily records left each portfolio, in one query for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from portfolio_service.adapters.storage import tables
from portfolio_service.adapters.storage.database import Database
from portfolio_service.domain.models import CloseLevel


class SqlCloseLevels:
    """See ports.CloseLevels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def levels(self, after: int) -> Sequence[CloseLevel]:
        record = tables.performance_history
        of_each = (
            select(
                record.c.portfolio_id,
                func.max(record.c.history_id).label("newest"),
                func.max(record.c.total_return).label("peak"),
                func.max(record.c.calculation_date).label("last_date"),
            )
            .where(record.c.history_id > after)
            .group_by(record.c.portfolio_id)
            .subquery()
        )
        last = (record.c.portfolio_id == of_each.c.portfolio_id) & (record.c.calculation_date == of_each.c.last_date)
        query = select(of_each, record.c.total_return, record.c.total_value).join_from(of_each, record, last)

        def read(connection: Connection) -> Sequence[CloseLevel]:
            return [
                CloseLevel(
                    one.portfolio_id, one.newest, one.peak, one.total_return, float(one.total_value), one.last_date
                )
                for one in connection.execute(query)
            ]

        return await self._database.read(read)

    async def flows(self, after: int) -> Sequence[tuple[int, str, datetime, float]]:
        flow = tables.external_flows
        query = select(flow.c.flow_id, flow.c.portfolio_id, flow.c.recorded_at, flow.c.amount)
        query = query.where(flow.c.flow_id > after).order_by(flow.c.flow_id)
        found = await self._database.read(lambda connection: connection.execute(query).all())
        return [(row[0], row[1], row[2], float(row[3])) for row in found]

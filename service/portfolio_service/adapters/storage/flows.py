"""External flows: written with their change (write.py), read here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, func, select

from portfolio_service.adapters.storage import tables
from portfolio_service.adapters.storage.database import Database
from portfolio_service.domain.models import ExternalFlow, FlowTotals
from portfolio_service.domain.money import ZERO

FLOW = tuple(tables.external_flows.c[name] for name in ExternalFlow.__dataclass_fields__)


class ExternalFlowStore:
    """See ports.ExternalFlows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, portfolio_id: str, limit: int, offset: int) -> tuple[Sequence[ExternalFlow], int]:
        table = tables.external_flows
        own = table.c.portfolio_id == portfolio_id
        query = select(*FLOW).where(own).order_by(table.c.version.desc()).limit(limit).offset(offset)
        count = select(func.count()).select_from(table).where(own)

        def read(connection: Connection) -> tuple[Sequence[ExternalFlow], int]:
            return [flow_of_row(row) for row in connection.execute(query)], int(connection.scalar(count) or 0)

        return await self._database.read(read)

    async def totals(self, portfolio_id: str) -> FlowTotals:
        """Summed by the database, in whole cents."""
        table = tables.external_flows

        def total(kind: str) -> Any:
            return func.sum(case((table.c.kind == kind, table.c.amount)), type_=table.c.amount.type)

        query = select(total("deposit"), total("withdrawal"), total("transfer"))
        query = query.where(table.c.portfolio_id == portfolio_id)
        row = await self._database.read(lambda connection: connection.execute(query).one())
        deposits, withdrawals, transfers = (value or ZERO for value in row)
        return FlowTotals(deposits, -withdrawals, transfers)

    async def between(self, portfolio_id: str, after: datetime, until: datetime) -> Sequence[ExternalFlow]:
        table = tables.external_flows
        query = select(*FLOW).where(
            table.c.portfolio_id == portfolio_id, table.c.recorded_at > after, table.c.recorded_at <= until
        )
        ordered = query.order_by(table.c.version)
        return await self._database.read(lambda connection: [flow_of_row(row) for row in connection.execute(ordered)])


def flow_of_row(row: Row[Any]) -> ExternalFlow:
    return ExternalFlow(**row._mapping)

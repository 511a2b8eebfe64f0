"""What came in and went out, with the value of the books around it; each day's return beside its metrics.

Flows from before this revision are taken from the ledger; the books were not valued then, so their value is unknown,
but for the first of each portfolio.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from alembic import op

from portfolio_service.adapters.storage.audit import flow_hash
from portfolio_service.adapters.storage.migrations.kinds import HASH, MONEY, NUMBER, TIME, append_only, column, owner
from portfolio_service.adapters.storage.types import Utc, money_type, units_type
from portfolio_service.domain.models import ExternalFlow
from portfolio_service.domain.money import ZERO, worth

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "external_flows"
SIGNS = {"deposit": 1, "withdrawal": -1, "transfer_in": 1, "transfer_out": -1, "capital_released": 0}


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("flow_id", NUMBER, primary_key=True),
        owner(),
        column("version", sa.Integer),
        column("kind", sa.String(32)),
        column("amount", MONEY),
        column("value_after", MONEY, nullable=True),
        column("note", sa.Text, nullable=True),
        column("recorded_at", TIME),
        column("flow_hash", HASH),
        sa.UniqueConstraint("portfolio_id", "version"),
    )
    op.add_column("performance_history", sa.Column("daily_return", sa.Float, nullable=False, server_default="0"))
    connection = op.get_bind()
    if found := list(_earlier_flows(connection)):
        connection.execute(sa.insert(_FLOWS), found)
    _earlier_returns(connection)
    append_only(TABLE)


def downgrade() -> None:
    op.drop_column("performance_history", "daily_return")
    op.drop_table(TABLE)


# The columns read and written here, as exact decimals and times on both databases.
_FLOWS = sa.table(
    TABLE,
    sa.column("portfolio_id"),
    sa.column("version"),
    sa.column("kind"),
    sa.column("amount", money_type()),
    sa.column("value_after", money_type()),
    sa.column("note"),
    sa.column("recorded_at", Utc()),
    sa.column("flow_hash"),
)
_LEDGER = sa.table(
    "ledger",
    sa.column("portfolio_id"),
    sa.column("version"),
    sa.column("entry_id"),
    sa.column("recorded_at", Utc()),
    sa.column("kind"),
    sa.column("amount", money_type()),
    sa.column("quantity", units_type()),
    sa.column("price", units_type()),
)
_HISTORY = sa.table(
    "performance_history",
    sa.column("history_id"),
    sa.column("portfolio_id"),
    sa.column("calculation_date"),
    sa.column("total_value", money_type()),
    sa.column("external_flow", money_type()),
    sa.column("daily_return"),
)


def _earlier_flows(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """One for each change that moved something in or out."""
    query = sa.select(_LEDGER).where(_LEDGER.c.kind.in_(SIGNS))
    rows = connection.execute(query.order_by(_LEDGER.c.portfolio_id, _LEDGER.c.entry_id)).all()
    for (portfolio_id, version), group in groupby(rows, key=itemgetter(0, 1)):
        entries = list(group)
        amount = sum((SIGNS[entry.kind] * _value(entry) for entry in entries), ZERO)
        if amount:
            flow = ExternalFlow(
                portfolio_id=portfolio_id,
                version=version,
                kind=_kind(entry.kind for entry in entries),
                amount=amount,
                value_after=amount if version == 1 else None,  # a portfolio begins with what is paid in
                note=None,
                recorded_at=entries[0].recorded_at,
            )
            yield {**vars(flow), "flow_hash": flow_hash(flow)}


def _value(entry: sa.Row[Any]) -> Decimal:
    """Money as it is, a transfer at its market price."""
    return worth(entry.quantity, entry.price) if entry.kind.startswith("transfer") else Decimal(entry.amount)


def _kind(kinds: Iterable[str]) -> str:
    """A statement's, when it moved units or released capital; else the one kind there is."""
    found = list(kinds)
    stated = any(kind.startswith("transfer") or kind == "capital_released" for kind in found)
    return "transfer" if stated else found[0]


def _earlier_returns(connection: sa.Connection) -> None:
    """As they were chained until now: what came in or went out counted from the start of its day."""
    query = sa.select(_HISTORY).order_by(_HISTORY.c.portfolio_id, _HISTORY.c.calculation_date)
    last, previous, found = None, ZERO, []
    for row in connection.execute(query).all():
        base = row.external_flow + (previous if row.portfolio_id == last else ZERO)
        found.append({"row": row.history_id, "earned": float(row.total_value / base) - 1.0 if base > 0 else 0.0})
        last, previous = row.portfolio_id, row.total_value
    if found:
        change = sa.update(_HISTORY).where(_HISTORY.c.history_id == sa.bindparam("row"))
        connection.execute(change.values(daily_return=sa.bindparam("earned")), found)

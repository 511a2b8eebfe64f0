"""What came in and went out, with the value of the books around it; each day's return beside its metrics.

Flows from before this revision are taken from the ledger; the books were not valued then, so their value is unknown.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "external_flows"
SIGNS = {"deposit": 1, "withdrawal": -1, "transfer_in": 1, "transfer_out": -1}
GRID = 10**14  # units of 1e-8 times prices of 1e-8, in cents


def upgrade() -> None:
    flows = op.create_table(
        TABLE,
        sa.Column("flow_id", sa.Integer, primary_key=True),
        sa.Column("portfolio_id", sa.String(32), sa.ForeignKey("portfolios.portfolio_id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("value_after", sa.BigInteger, nullable=True),
        sa.Column("note", sa.Text, nullable=True),
        sa.Column("recorded_at", sa.String(27), nullable=False),
        sa.UniqueConstraint("portfolio_id", "version"),
    )
    op.add_column("performance_history", sa.Column("daily_return", sa.Float, nullable=False, server_default="0"))
    connection = op.get_bind()
    if found := list(_earlier_flows(connection)):
        connection.execute(sa.insert(flows), found)
    _earlier_returns(connection)
    if connection.dialect.name == "sqlite":
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {TABLE}_no_{what.lower()} BEFORE {what} ON {TABLE} "
                f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
            )


def downgrade() -> None:
    op.drop_column("performance_history", "daily_return")
    op.drop_table(TABLE)


def _earlier_flows(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """One for each change that moved something in or out."""
    query = sa.text(
        "SELECT portfolio_id, version, recorded_at, kind, amount, quantity, price FROM ledger "
        "WHERE kind IN ('deposit', 'withdrawal', 'transfer_in', 'transfer_out') ORDER BY portfolio_id, version"
    )
    for (owner, version), group in groupby(connection.execute(query).all(), key=itemgetter(0, 1)):
        entries = list(group)
        amount = sum(SIGNS[entry.kind] * _value(entry) for entry in entries)
        if amount:
            yield {
                "portfolio_id": owner,
                "version": version,
                "kind": _kind(entry.kind for entry in entries),
                "amount": amount,
                "recorded_at": entries[0].recorded_at,
            }


def _value(entry: sa.Row[Any]) -> int:
    """Money as it is; a transfer at its market price, in cents, half even."""
    if not entry.kind.startswith("transfer"):
        return int(entry.amount)
    cents, rest = divmod(entry.quantity * entry.price, GRID)
    return int(cents + (2 * rest > GRID or (2 * rest == GRID and cents % 2 == 1)))


def _kind(kinds: Iterable[str]) -> str:
    found = list(kinds)
    return "transfer" if any(kind.startswith("transfer") for kind in found) else found[0]


def _earlier_returns(connection: sa.Connection) -> None:
    """As they were chained until now: what came in or went out counted from the start of its day."""
    query = sa.text(
        "SELECT history_id, portfolio_id, total_value, external_flow FROM performance_history "
        "ORDER BY portfolio_id, calculation_date"
    )
    owner, previous, found = None, 0, []
    for row in connection.execute(query).all():
        base = row.external_flow + (previous if row.portfolio_id == owner else 0)
        found.append({"id": row.history_id, "r": row.total_value / base - 1.0 if base > 0 else 0.0})
        owner, previous = row.portfolio_id, row.total_value
    if found:
        connection.execute(sa.text("UPDATE performance_history SET daily_return = :r WHERE history_id = :id"), found)

"""What the migrations share: the types of columns on both databases, and the guard of append-only tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

MONEY = sa.BigInteger().with_variant(sa.Numeric(19, 2), "postgresql")  # cents in SQLite
UNITS = sa.BigInteger().with_variant(sa.Numeric(19, 8), "postgresql")  # 1e-8 in SQLite
TIME = sa.String(27).with_variant(sa.DateTime(timezone=True), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # a key that counts up
HASH = sa.String(64)

_REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def column(name: str, kind: type[TypeEngine[Any]] | TypeEngine[Any], nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def owner() -> sa.Column[str]:
    """The portfolio that a row belongs to."""
    return sa.Column("portfolio_id", sa.String(32), sa.ForeignKey("portfolios.portfolio_id"), nullable=False)


def append_only(table: str) -> None:
    """Refuse every change of a row that is there; dropping the table drops the guard."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def make_guard() -> None:
    """The function behind `append_only` in PostgreSQL; once, before the first table."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_REFUSE)


def drop_guard() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")

"""The books: the documented tables, and ledger, trades, outbox and audit beside them.

Revision ID: 0001
Revises: none
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MONEY = sa.BigInteger  # cents
UNITS = sa.BigInteger  # 1e-8
TIME = sa.String(27)
HASH = sa.String(64)
APPEND_ONLY = ("ledger", "trades", "audit")


def upgrade() -> None:
    _documented()
    _beside()
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            for what in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )


def downgrade() -> None:
    for table in (
        "heartbeat", "audit", "outbox", "trades", "ledger",
        "performance_history", "optimizations", "positions", "portfolios",
    ):  # fmt: skip
        op.drop_table(table)


def _column(name: str, kind: type[TypeEngine[Any]] | TypeEngine[Any], nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _owner() -> sa.Column[str]:
    return sa.Column("portfolio_id", sa.String(32), sa.ForeignKey("portfolios.portfolio_id"), nullable=False)


def _documented() -> None:
    op.create_table(
        "portfolios",
        sa.Column("portfolio_id", sa.String(32), primary_key=True),
        _column("portfolio_name", sa.Text),
        _column("total_value", MONEY),
        _column("cash_balance", MONEY),
        _column("optimization_method", sa.String(32)),
        _column("rebalance_frequency", sa.String(16)),
        _column("created_at", TIME),
        _column("last_rebalanced", TIME, nullable=True),
        _column("initial_value", MONEY),
        _column("unallocated_capital", MONEY),
        _column("status", sa.String(16)),
        _column("provider", sa.String(32)),
        _column("version", sa.Integer),
        _column("target", sa.JSON, nullable=True),
        _column("policy", sa.JSON, nullable=True),
        _column("metadata", sa.JSON),
        _column("client_prices", sa.JSON),
        _column("state_hash", HASH),
    )
    op.create_index("ix_portfolios_status", "portfolios", ["status"])
    op.create_table(
        "positions",
        sa.Column("position_id", sa.Text, primary_key=True),
        _owner(),
        _column("symbol", sa.Text),
        _column("quantity", UNITS),
        _column("avg_cost", UNITS),
        _column("market_value", MONEY),
        _column("weight", sa.Float),
        _column("last_updated", TIME, nullable=True),
        _column("basis", MONEY),
        sa.UniqueConstraint("portfolio_id", "symbol"),
    )
    op.create_table(
        "optimizations",
        sa.Column("optimization_id", sa.String(32), primary_key=True),
        _owner(),
        _column("method", sa.String(32)),
        _column("target_weights", sa.JSON),
        _column("expected_return", sa.Float),
        _column("expected_risk", sa.Float),
        _column("sharpe_ratio", sa.Float),
        _column("created_at", TIME),
        _column("status", sa.String(32)),
        _column("optimization_time_ms", sa.Float),
        _column("details", sa.JSON),
    )
    op.create_index("ix_optimizations_portfolio_id_created_at", "optimizations", ["portfolio_id", "created_at"])
    op.create_index("ix_optimizations_created_at", "optimizations", ["created_at"])
    metrics = ("total_return", "annualized_return", "volatility", "sharpe_ratio",
               "max_drawdown", "alpha", "beta", "var_95")  # fmt: skip
    op.create_table(
        "performance_history",
        sa.Column("history_id", sa.Integer, primary_key=True),
        _owner(),
        _column("calculation_date", TIME),
        *(_column(name, sa.Float) for name in metrics),
        _column("calculated_at", TIME),
        _column("total_value", MONEY),
        _column("external_flow", MONEY),
        sa.UniqueConstraint("portfolio_id", "calculation_date"),
    )


def _beside() -> None:
    op.create_table(
        "ledger",
        sa.Column("entry_id", sa.Integer, primary_key=True),
        _owner(),
        _column("version", sa.Integer),
        _column("kind", sa.String(32)),
        _column("amount", MONEY),
        _column("symbol", sa.Text, nullable=True),
        _column("quantity", UNITS),
        _column("price", UNITS),
        _column("trade_id", sa.String(32), nullable=True),
        _column("recorded_at", TIME),
    )
    op.create_index("ix_ledger_portfolio_id_entry_id", "ledger", ["portfolio_id", "entry_id"])
    op.create_table(
        "trades",
        sa.Column("trade_number", sa.Integer, primary_key=True),
        _column("trade_id", sa.String(32)),
        _owner(),
        _column("version", sa.Integer),
        _column("symbol", sa.Text),
        _column("side", sa.String(4)),
        _column("quantity", UNITS),
        _column("price", UNITS),
        _column("value", MONEY),
        _column("cost", MONEY),
        _column("executed_at", TIME),
        _column("reason", sa.String(32)),
        sa.UniqueConstraint("trade_id"),
    )
    op.create_index("ix_trades_portfolio_id_trade_number", "trades", ["portfolio_id", "trade_number"])
    op.create_table(
        "outbox",
        sa.Column("message_id", sa.Integer, primary_key=True),
        _column("topic", sa.String(64)),
        _column("payload", sa.JSON),
        _column("published", sa.Boolean),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_published_message_id", "outbox", ["published", "message_id"])
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.Integer, primary_key=True),
        _owner(),
        _column("version", sa.Integer),
        _column("at", TIME),
        _column("actor", sa.Text),
        _column("request_id", sa.Text),
        _column("action", sa.String(64)),
        _column("before_hash", HASH, nullable=True),
        _column("after_hash", HASH),
        _column("content_hash", HASH),
        _column("record_hash", HASH),
        sa.UniqueConstraint("portfolio_id", "version"),
    )
    op.create_index("ix_audit_action_at", "audit", ["action", "at"])
    op.create_table("heartbeat", sa.Column("id", sa.Integer, primary_key=True), _column("beats", sa.Integer))

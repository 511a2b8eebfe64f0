"""The books: the documented tables, and ledger, trades, outbox and audit beside them.

Revision ID: 0001
Revises: none
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portfolio_service.adapters.storage.migrations.kinds import (
    HASH,
    MONEY,
    NUMBER,
    TIME,
    UNITS,
    append_only,
    column,
    drop_guard,
    make_guard,
    owner,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("ledger", "trades", "audit")


def upgrade() -> None:
    make_guard()
    _documented()
    _beside()
    for table in APPEND_ONLY:
        append_only(table)


def downgrade() -> None:
    for table in (
        "heartbeat", "audit", "outbox", "trades", "ledger",
        "performance_history", "optimizations", "positions", "portfolios",
    ):  # fmt: skip
        op.drop_table(table)
    drop_guard()


def _documented() -> None:
    op.create_table(
        "portfolios",
        sa.Column("portfolio_id", sa.String(32), primary_key=True),
        column("portfolio_name", sa.Text),
        column("total_value", MONEY),
        column("cash_balance", MONEY),
        column("optimization_method", sa.String(32)),
        column("rebalance_frequency", sa.String(16)),
        column("created_at", TIME),
        column("last_rebalanced", TIME, nullable=True),
        column("initial_value", MONEY),
        column("unallocated_capital", MONEY),
        column("status", sa.String(16)),
        column("provider", sa.String(32)),
        column("version", sa.Integer),
        column("target", sa.JSON, nullable=True),
        column("policy", sa.JSON, nullable=True),
        column("metadata", sa.JSON),
        column("client_prices", sa.JSON),
        column("state_hash", HASH),
    )
    op.create_index("ix_portfolios_status", "portfolios", ["status"])
    op.create_table(
        "positions",
        sa.Column("position_id", sa.Text, primary_key=True),
        owner(),
        column("symbol", sa.Text),
        column("quantity", UNITS),
        column("avg_cost", UNITS),
        column("market_value", MONEY),
        column("weight", sa.Float),
        column("last_updated", TIME, nullable=True),
        column("basis", MONEY),
        sa.UniqueConstraint("portfolio_id", "symbol"),
    )
    op.create_table(
        "optimizations",
        sa.Column("optimization_id", sa.String(32), primary_key=True),
        owner(),
        column("method", sa.String(32)),
        column("target_weights", sa.JSON),
        column("expected_return", sa.Float),
        column("expected_risk", sa.Float),
        column("sharpe_ratio", sa.Float),
        column("created_at", TIME),
        column("status", sa.String(32)),
        column("optimization_time_ms", sa.Float),
        column("details", sa.JSON),
    )
    op.create_index("ix_optimizations_portfolio_id_created_at", "optimizations", ["portfolio_id", "created_at"])
    op.create_index("ix_optimizations_created_at", "optimizations", ["created_at"])
    metrics = ("total_return", "annualized_return", "volatility", "sharpe_ratio",
               "max_drawdown", "alpha", "beta", "var_95")  # fmt: skip
    op.create_table(
        "performance_history",
        sa.Column("history_id", NUMBER, primary_key=True),
        owner(),
        column("calculation_date", TIME),
        *(column(name, sa.Float) for name in metrics),
        column("calculated_at", TIME),
        column("total_value", MONEY),
        column("external_flow", MONEY),
        sa.UniqueConstraint("portfolio_id", "calculation_date"),
    )


def _beside() -> None:
    op.create_table(
        "ledger",
        sa.Column("entry_id", NUMBER, primary_key=True),
        owner(),
        column("version", sa.Integer),
        column("kind", sa.String(32)),
        column("amount", MONEY),
        column("symbol", sa.Text, nullable=True),
        column("quantity", UNITS),
        column("price", UNITS),
        column("trade_id", sa.String(32), nullable=True),
        column("recorded_at", TIME),
    )
    op.create_index("ix_ledger_portfolio_id_entry_id", "ledger", ["portfolio_id", "entry_id"])
    op.create_table(
        "trades",
        sa.Column("trade_number", NUMBER, primary_key=True),
        column("trade_id", sa.String(32)),
        owner(),
        column("version", sa.Integer),
        column("symbol", sa.Text),
        column("side", sa.String(4)),
        column("quantity", UNITS),
        column("price", UNITS),
        column("value", MONEY),
        column("cost", MONEY),
        column("executed_at", TIME),
        column("reason", sa.String(32)),
        sa.UniqueConstraint("trade_id"),
    )
    op.create_index("ix_trades_portfolio_id_trade_number", "trades", ["portfolio_id", "trade_number"])
    op.create_table(
        "outbox",
        sa.Column("message_id", NUMBER, primary_key=True),
        column("topic", sa.String(64)),
        column("payload", sa.JSON),
        column("published", sa.Boolean),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_published_message_id", "outbox", ["published", "message_id"])
    op.create_table(
        "audit",
        sa.Column("audit_id", NUMBER, primary_key=True),
        owner(),
        column("version", sa.Integer),
        column("at", TIME),
        column("actor", sa.Text),
        column("request_id", sa.Text),
        column("action", sa.String(64)),
        column("before_hash", HASH, nullable=True),
        column("after_hash", HASH),
        column("content_hash", HASH),
        column("record_hash", HASH),
        sa.UniqueConstraint("portfolio_id", "version"),
    )
    op.create_index("ix_audit_action_at", "audit", ["action", "at"])
    op.create_table("heartbeat", sa.Column("id", sa.Integer, primary_key=True), column("beats", sa.Integer))

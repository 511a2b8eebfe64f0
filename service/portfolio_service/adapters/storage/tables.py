"""The tables: the four documented ones, and beside them ledger, trades, outbox, audit and a heartbeat."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from portfolio_service.adapters.storage.types import Utc, money_type, number_type, units_type

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _portfolio_id() -> Column[str]:
    return Column("portfolio_id", String(32), ForeignKey("portfolios.portfolio_id"), nullable=False)


portfolios = Table(
    "portfolios",
    metadata,
    Column("portfolio_id", String(32), primary_key=True),
    Column("portfolio_name", Text, nullable=False),
    Column("total_value", money_type(), nullable=False),  # at the prices of the last change to the books
    Column("cash_balance", money_type(), nullable=False),
    Column("optimization_method", String(32), nullable=False),
    Column("rebalance_frequency", String(16), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("last_rebalanced", Utc),
    Column("initial_value", money_type(), nullable=False),
    Column("unallocated_capital", money_type(), nullable=False),
    Column("status", String(16), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("target", JSON(none_as_null=True)),  # {weights, relaxed, optimization_id}
    Column("policy", JSON(none_as_null=True)),
    Column("limits", JSON(none_as_null=True)),  # {limit: {warning, breach, enabled}}, None for the documented ones
    Column("metadata", JSON, nullable=False),
    Column("client_prices", JSON, nullable=False),  # {symbol: [price, time]}
    Column("state_hash", String(64), nullable=False),
    Index(None, "status"),
)

positions = Table(
    "positions",
    metadata,
    Column("position_id", Text, primary_key=True),  # portfolio_id:symbol
    _portfolio_id(),
    Column("symbol", Text, nullable=False),
    Column("quantity", units_type(), nullable=False),
    Column("avg_cost", units_type(), nullable=False),
    Column("market_value", money_type(), nullable=False),
    Column("weight", Float, nullable=False),
    Column("last_updated", Utc),
    Column("basis", money_type(), nullable=False),
    UniqueConstraint("portfolio_id", "symbol"),
)

optimizations = Table(
    "optimizations",
    metadata,
    Column("optimization_id", String(32), primary_key=True),
    _portfolio_id(),
    Column("method", String(32), nullable=False),
    Column("target_weights", JSON, nullable=False),
    Column("expected_return", Float, nullable=False),
    Column("expected_risk", Float, nullable=False),
    Column("sharpe_ratio", Float, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("status", String(32), nullable=False),
    Column("optimization_time_ms", Float, nullable=False),
    Column("details", JSON, nullable=False),
    Index(None, "portfolio_id", "created_at"),
    Index(None, "created_at"),
)

performance_history = Table(
    "performance_history",
    metadata,
    Column("history_id", number_type(), primary_key=True),
    _portfolio_id(),
    Column("calculation_date", Utc, nullable=False),
    Column("total_return", Float, nullable=False),
    Column("annualized_return", Float, nullable=False),
    Column("volatility", Float, nullable=False),
    Column("sharpe_ratio", Float, nullable=False),
    Column("max_drawdown", Float, nullable=False),
    Column("alpha", Float, nullable=False),
    Column("beta", Float, nullable=False),
    Column("var_95", Float, nullable=False),
    Column("calculated_at", Utc, nullable=False),
    Column("total_value", money_type(), nullable=False),
    Column("external_flow", money_type(), nullable=False),
    Column("daily_return", Float, nullable=False, server_default="0"),
    UniqueConstraint("portfolio_id", "calculation_date"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("entry_id", number_type(), primary_key=True),
    _portfolio_id(),
    Column("version", Integer, nullable=False),  # of the portfolio, after the change that wrote it
    Column("kind", String(32), nullable=False),
    Column("amount", money_type(), nullable=False),
    Column("symbol", Text),
    Column("quantity", units_type(), nullable=False),
    Column("price", units_type(), nullable=False),
    Column("trade_id", String(32)),
    Column("recorded_at", Utc, nullable=False),
    Index(None, "portfolio_id", "entry_id"),
)

trades = Table(
    "trades",
    metadata,
    Column("trade_number", number_type(), primary_key=True),
    Column("trade_id", String(32), nullable=False),
    _portfolio_id(),
    Column("version", Integer, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", String(4), nullable=False),
    Column("quantity", units_type(), nullable=False),
    Column("price", units_type(), nullable=False),
    Column("value", money_type(), nullable=False),
    Column("cost", money_type(), nullable=False),
    Column("executed_at", Utc, nullable=False),
    Column("reason", String(32), nullable=False),
    UniqueConstraint("trade_id"),
    Index(None, "portfolio_id", "trade_number"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("message_id", number_type(), primary_key=True),
    Column("topic", String(64), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("published", Boolean, nullable=False),
    Index(None, "published", "message_id"),
    sqlite_autoincrement=True,  # an id is never given twice, not even after old events are removed
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", number_type(), primary_key=True),
    _portfolio_id(),
    Column("version", Integer, nullable=False),
    Column("at", Utc, nullable=False),
    Column("actor", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("before_hash", String(64)),  # None when the change created the portfolio
    Column("after_hash", String(64), nullable=False),
    Column("content_hash", String(64), nullable=False),  # of the ledger entries and trades it wrote
    Column("record_hash", String(64), nullable=False),  # of this record and the one before it: the chain
    UniqueConstraint("portfolio_id", "version"),
    Index(None, "action", "at"),
)

external_flows = Table(
    "external_flows",
    metadata,
    Column("flow_id", number_type(), primary_key=True),
    _portfolio_id(),
    Column("version", Integer, nullable=False),  # of the portfolio, after the change
    Column("kind", String(32), nullable=False),
    Column("amount", money_type(), nullable=False),  # in +, out -
    Column("value_after", money_type()),  # of the books at that moment; None when it was not known
    Column("note", Text),
    Column("recorded_at", Utc, nullable=False),
    Column("flow_hash", String(64), nullable=False),
    UniqueConstraint("portfolio_id", "version"),
)

receipts = Table(
    "receipts",
    metadata,
    Column("scope", String(64), primary_key=True),  # hash of method, path and Idempotency-Key
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("recorded_at", Utc, nullable=False),
    Index(None, "recorded_at"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", number_type(), primary_key=True),
    _portfolio_id(),
    Column("at", Utc, nullable=False),
    Column("trigger", String(16), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("code", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("period", Date),  # its first day
    Column("concludes", String(32)),  # frequency:period when the period is done with this
    Column("numbers", JSON, nullable=False),
    UniqueConstraint("portfolio_id", "concludes"),
    Index(None, "portfolio_id", "decision_id"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_number", number_type(), primary_key=True),
    Column("alert_id", String(32), nullable=False),
    _portfolio_id(),
    Column("limit_name", String(32), nullable=False),
    Column("subject", Text, nullable=False),  # symbol or sector, "" when the limit is about the whole
    Column("severity", String(16), nullable=False),
    Column("level", Float, nullable=False),
    Column("value", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("raised_at", Utc, nullable=False),
    Column("cleared_at", Utc),
    Column("acknowledged_at", Utc),
    Column("acknowledged_by", Text),
    Column("note", Text),
    UniqueConstraint("alert_id"),
    Index(None, "cleared_at"),
    Index(None, "portfolio_id", "alert_number"),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("beats", Integer, nullable=False),
)

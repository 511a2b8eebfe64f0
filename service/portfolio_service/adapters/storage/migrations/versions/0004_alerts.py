"""Risk limits by portfolio, and the alerts they raised.

Going back drops the alerts. It is refused while a portfolio has limits of its own: they are part of its state's hash,
and the earlier version would take the books for damaged. PUT {} to its limits first.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portfolio_service.adapters.storage.migrations.kinds import NUMBER, TIME, column, owner

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PORTFOLIOS = sa.table(
    "portfolios", sa.column("portfolio_id"), sa.column("status"), sa.column("limits", sa.JSON(none_as_null=True))
)


def upgrade() -> None:
    op.add_column("portfolios", column("limits", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "alerts",
        sa.Column("alert_number", NUMBER, primary_key=True),
        column("alert_id", sa.String(32)),
        owner(),
        column("limit_name", sa.String(32)),
        column("subject", sa.Text),
        column("severity", sa.String(16)),
        column("level", sa.Float),
        column("value", sa.Float),
        column("message", sa.Text),
        column("raised_at", TIME),
        column("cleared_at", TIME, nullable=True),
        column("acknowledged_at", TIME, nullable=True),
        column("acknowledged_by", sa.Text, nullable=True),
        column("note", sa.Text, nullable=True),
        sa.UniqueConstraint("alert_id"),
    )
    op.create_index("ix_alerts_cleared_at", "alerts", ["cleared_at"])
    op.create_index("ix_alerts_portfolio_id_alert_number", "alerts", ["portfolio_id", "alert_number"])


def downgrade() -> None:
    own = sa.select(_PORTFOLIOS.c.portfolio_id).where(_PORTFOLIOS.c.limits.is_not(None))
    found = op.get_bind().scalars(own.where(_PORTFOLIOS.c.status != "archived")).all()  # archived ones are not loaded
    if found:
        raise ValueError(f"[downgrade 0004] expected no portfolio with limits of its own, got {', '.join(found)}")
    op.drop_table("alerts")
    op.drop_column("portfolios", "limits")

"""What the scheduler decided, and why.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portfolio_service.adapters.storage.migrations.kinds import NUMBER, TIME, append_only, column, owner

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision_id", NUMBER, primary_key=True),
        owner(),
        column("at", TIME),
        column("trigger", sa.String(16)),
        column("outcome", sa.String(16)),
        column("code", sa.String(64)),
        column("reason", sa.Text),
        column("period", sa.Date, nullable=True),
        column("concludes", sa.String(32), nullable=True),
        column("numbers", sa.JSON),
        sa.UniqueConstraint("portfolio_id", "concludes"),
    )
    op.create_index("ix_decisions_portfolio_id_decision_id", "decisions", ["portfolio_id", "decision_id"])
    append_only("decisions")


def downgrade() -> None:
    op.drop_table("decisions")

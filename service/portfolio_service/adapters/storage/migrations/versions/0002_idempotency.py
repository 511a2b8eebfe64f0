"""The first answers to requests with an Idempotency-Key.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portfolio_service.adapters.storage.migrations.kinds import HASH, TIME

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "receipts",
        sa.Column("scope", HASH, primary_key=True),
        sa.Column("fingerprint", HASH, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
    )
    op.create_index("ix_receipts_recorded_at", "receipts", ["recorded_at"])


def downgrade() -> None:
    op.drop_table("receipts")

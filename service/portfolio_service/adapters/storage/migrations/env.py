"""Runs migrations on the connection that the repository (or a test) hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from portfolio_service.adapters.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite has it; a failed migration leaves nothing behind
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

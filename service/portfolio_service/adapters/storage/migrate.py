"""Brings a database to the newest schema, or back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from portfolio_service.domain.errors import Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Alembic is slow to import and an ordinary start has nothing to migrate, so it is asked only where it has."""
    there, latest = current(connection), newest()
    if there is not None and there > latest:
        detail = f"the database has schema {there}, made by a newer program; this one knows {latest}"
        raise Unavailable("storage_unavailable", detail)
    if revision == "head" and there == latest:
        return
    from alembic import command

    command.upgrade(_config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    from alembic import command

    command.downgrade(_config(connection), revision)


def newest() -> str:
    """The newest revision: the files' names begin with their numbers."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def current(connection: Connection) -> str | None:
    """The revision that the database is at, None when it has no schema."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config

"""Where a life's books are kept: a copy of a fresh SQLite file, or a fresh database of a PostgreSQL server."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from portfolio_service.adapters.storage.database import Database

if TYPE_CHECKING:
    from tests.service.postgres import Postgres

SATURDAY = datetime(2025, 8, 23, 1, 0, tzinfo=UTC)  # no session for more than a day: nothing is traded by itself


@dataclass(frozen=True)
class Spot:
    """One database."""

    folder: str
    url: str


class Place(Protocol):
    def fresh(self) -> Spot: ...

    def drop(self, spot: Spot) -> None: ...


class Files:
    """SQLite: the file is migrated once and copied for each life."""

    def __init__(self, folder: Path) -> None:
        self._first = folder / "first.db"

        async def make() -> None:
            await (await Database.open(self._first)).close()

        asyncio.run(make())

    def fresh(self) -> Spot:
        folder = tempfile.mkdtemp(prefix="life-", dir=self._first.parent)
        shutil.copy(self._first, Path(folder) / "portfolio.db")
        return Spot(folder, f"sqlite:///{folder}/portfolio.db")

    def drop(self, spot: Spot) -> None:
        shutil.rmtree(spot.folder)


class Server:
    """PostgreSQL."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self._server = server
        self._folder = folder

    def fresh(self) -> Spot:
        return Spot(tempfile.mkdtemp(prefix="life-", dir=self._folder), self._server.create())

    def drop(self, spot: Spot) -> None:
        self._server.drop(spot.url)
        shutil.rmtree(spot.folder)

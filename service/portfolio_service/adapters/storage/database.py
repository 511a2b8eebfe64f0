"""The SQLite connections: exactly one that writes and checkpoints, several that only read."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from portfolio_service.adapters.storage.migrate import upgrade
from portfolio_service.domain.errors import Unavailable

BUSY_TIMEOUT_MS = 2000
POOL_TIMEOUT_S = 10
READERS = 4
COMMON = ("mmap_size=0", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}")
WRITER = ("journal_mode=WAL", "synchronous=FULL", "fullfsync=1", "checkpoint_fullfsync=1", *COMMON)
READER = ("query_only=ON", *COMMON)


class Database:
    """One SQLite file, held by one process: a second one is refused, because two writers corrupt a WAL file."""

    def __init__(self, path: Path, lock_file: int) -> None:
        self._lock_file = lock_file
        location = f"file:{quote(str(path))}"
        self._writer = _engine(f"{location}?mode=rwc", WRITER, size=1, begin="BEGIN IMMEDIATE")
        self._readers = _engine(f"{location}?mode=ro", READER, size=READERS, begin="BEGIN")

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or create the file and migrate it; Unavailable("storage_unavailable") when that cannot be done."""
        database = cls(path, _take(path))
        try:
            async with database.write() as connection:
                await connection.run_sync(upgrade)
        except BaseException:
            await database.close()
            raise
        return database

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """The one writer, in a transaction that commits at the end of the block or leaves nothing."""
        with _storage_errors():
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot for all reads of the block."""
        with _storage_errors():
            async with self._readers.begin() as connection:
                yield connection

    async def close(self) -> None:
        await self._readers.dispose()
        await self._writer.dispose()
        os.close(self._lock_file)


def _engine(location: str, pragmas: tuple[str, ...], size: int, begin: str) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{location}&uri=true",
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        connect_args={"isolation_level": None},  # we say BEGIN, sqlite3 does not guess
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _take(path: Path) -> int:
    """Lock the database for this process until it ends, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock_file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable("storage_unavailable", f"cannot use the folder {path.parent}: {error.strerror}") from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock_file)
        raise Unavailable("storage_in_use", f"another process already keeps its books in {path}") from error
    return lock_file


@contextmanager
def _storage_errors() -> Iterator[None]:
    """A full disk, a read-only folder, a lock or a damaged file are one domain error; our own mistakes stay loud."""
    try:
        yield
    except (IntegrityError, ProgrammingError):
        raise
    except DBAPIError as error:
        raise Unavailable("storage_unavailable", f"the database cannot be used now: {error.orig}") from error
    except (TimeoutError, sqlite3.Error, OSError) as error:
        raise Unavailable("storage_unavailable", f"the database cannot be used now: {error}") from error

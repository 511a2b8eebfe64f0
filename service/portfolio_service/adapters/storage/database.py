"""The database of one process: one writer, readers on snapshots, and its failures as one domain error."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, TimeoutError

from portfolio_service.adapters.storage import postgresql, sqlite
from portfolio_service.adapters.storage.engines import READERS, Engines
from portfolio_service.adapters.storage.inspector import Inspector
from portfolio_service.adapters.storage.migrate import upgrade
from portfolio_service.adapters.storage.transactions import Transactions, Work
from portfolio_service.domain.durations import Durations
from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.spans import timed

P = ParamSpec("P")
T = TypeVar("T")
Location = Path | str  # a SQLite file, or the URL of a PostgreSQL database


class Database:
    """Held by one process: a second one is refused, since the books in memory follow one writer only."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._writer = Transactions(engines.writer, "books-writer", 1, commits=True)
        self._readers = Transactions(engines.readers, "books-reader", READERS, commits=False)
        self._inspector = Inspector(engines.threads, engines.interrupt)
        self.transactions = {"read": Durations(), "write": Durations()}  # with the wait for a connection

    @classmethod
    async def open(cls, where: Location) -> Self:
        """Open or create it and migrate it; Unavailable("storage_unavailable") when that cannot be done."""
        database = cls(engines_of(where))
        try:
            await database.write(upgrade)
        except BaseException:
            await database.close()
            raise
        return database

    @property
    def name(self) -> str:
        """For messages, without a password."""
        return self._engines.name

    async def write(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        """`work(connection, ...)` by the one writer: committed when it returns, nothing left when it raises.

        OutcomeUnknown when the connection broke in the middle of the COMMIT.
        """
        with _storage_errors(), self.transactions["write"].measured(), timed("database"):
            return await self._writer.run(work, *args, **options)

    async def read(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        """`work(connection, ...)` on one snapshot."""
        with _storage_errors(), self.transactions["read"].measured(), timed("database"):
            return await self._readers.run(work, *args, **options)

    async def in_thread(self, work: Callable[[Connection, Callable[[], bool]], T]) -> T:
        """`work(connection, stopped)` on one snapshot in a thread of its own; it ends early once `stopped()`."""
        with _storage_errors():
            return await self._inspector.run(work)

    async def close(self) -> None:
        await self._inspector.close()
        await self._readers.close()
        await self._writer.close()
        self._engines.release()


def engines_of(where: Location) -> Engines:
    return sqlite.engines(where) if isinstance(where, Path) else postgresql.engines(postgresql.url_of(where))


@contextmanager
def reading(where: Location) -> Iterator[Connection]:
    """One read-only snapshot for another program; the process that holds the database may go on."""
    engine = sqlite.reader(where) if isinstance(where, Path) else postgresql.reader(postgresql.url_of(where))
    with _storage_errors(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def _storage_errors() -> Iterator[None]:
    """A full disk, a read-only folder, a lock or a damaged file are one domain error; our own mistakes stay loud."""
    try:
        yield
    except (IntegrityError, ProgrammingError, DataError):
        raise
    except DBAPIError as error:
        raise Unavailable("storage_unavailable", f"the database cannot be used now: {_reason(error)}") from error
    except (TimeoutError, sqlite3.Error, OSError) as error:
        raise Unavailable("storage_unavailable", f"the database cannot be used now: {error}") from error


def _reason(error: DBAPIError) -> str:
    """What the driver says, in a few words; where the server is, is nobody's business who calls the API."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is None or diagnosis.message_primary:
        return str(diagnosis.message_primary if diagnosis else error.orig)
    # 'connection to server at "db" (10.0.0.3), port 5432 failed: FATAL:  password authentication failed ...'
    said = str(error.orig).strip().partition("\n")[0].rpartition("failed: ")[2]
    return "no connection, " + said.removeprefix("FATAL:").strip()

"""SQLite: exactly one connection that writes and checkpoints, several that only read."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from portfolio_service.adapters.storage.engines import POOL_TIMEOUT_S, READERS, Engines
from portfolio_service.domain.errors import Unavailable

BUSY_TIMEOUT_MS = 2000
COMMON = ("mmap_size=0", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}")
LOG_BYTES = 64 * 2**20  # what a long reader made the log grow beyond this is given back
DURABLE = ("journal_mode=WAL", "synchronous=FULL", "fullfsync=1", "checkpoint_fullfsync=1")
WRITER = (*DURABLE, f"journal_size_limit={LOG_BYTES}", *COMMON)
READER = ("query_only=ON", *COMMON)

# we say BEGIN, sqlite3 does not guess; a connection is used by one thread at a time, not always the same one
BETWEEN_THREADS: dict[str, Any] = {"isolation_level": None, "check_same_thread": False}


def engines(path: Path) -> Engines:
    """The file at `path`, held by this process: a second one is refused, two writers corrupt a WAL file."""
    lock_file = _take(path)
    return Engines(
        name=str(path),
        writer=_writer(path),
        readers=_readers(path),
        threads=reader(path),
        interrupt=lambda connection: connection.interrupt(),
        release=lambda: os.close(lock_file),
    )


def reader(path: Path) -> Engine:
    """Read-only connections for threads and for other programs; each one is new."""
    location = f"sqlite+pysqlite:///{_location(path, 'ro')}"
    engine = create_engine(location, poolclass=NullPool, connect_args=BETWEEN_THREADS, hide_parameters=True)
    return _configured(engine, READER, "BEGIN")


def _location(path: Path, mode: str) -> str:
    return f"file:{quote(str(path))}?mode={mode}&uri=true"


def _writer(path: Path) -> Engine:
    return _configured(_pooled(_location(path, "rwc"), 1), WRITER, "BEGIN IMMEDIATE")


def _readers(path: Path) -> Engine:
    return _configured(_pooled(_location(path, "ro"), READERS), READER, "BEGIN")


def _pooled(location: str, size: int) -> Engine:
    return create_engine(
        f"sqlite+pysqlite:///{location}",
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        connect_args=BETWEEN_THREADS,
        hide_parameters=True,
    )


def _configured(engine: Engine, pragmas: tuple[str, ...], begin: str) -> Engine:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
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

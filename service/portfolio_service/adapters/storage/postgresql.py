"""PostgreSQL: one connection that writes and holds the lock that keeps other processes away, several that read."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.pool import NullPool

from portfolio_service.adapters.storage.engines import POOL_TIMEOUT_S, READERS, Engines
from portfolio_service.domain.errors import Unavailable

LOCK = 0x706F7274666F6C69  # "portfoli"; advisory locks belong to one database
WAIT_FOR_LOCK_MS = 3000  # after a kill the server needs a moment to end the old session
LOCK_NOT_AVAILABLE = "55P03"
CONNECTION = {
    "connect_timeout": 5,
    "application_name": "portfolio-engine",
    "client_encoding": "utf8",
    # a network that died silently is noticed within half a minute, on both sides
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
SESSION = {
    "timezone": "UTC",
    "lock_timeout": "2s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


def url_of(text: str) -> URL:
    """postgresql://user:password@host/database for SQLAlchemy and psycopg 3; ValueError without its text."""
    match = re.fullmatch(r"postgres(?:ql)?(?:\+psycopg)?(://.+)", text)
    try:
        url = make_url(f"postgresql+psycopg{match[1]}") if match else None
    except ValueError:  # its message may hold a part of the password
        url = None
    if url is None or not url.database:
        raise ValueError("not postgresql://user:password@host/database")
    return url


def engines(url: URL) -> Engines:
    # a ping before use: a restarted database costs no request
    pool = {"max_overflow": 0, "pool_timeout": POOL_TIMEOUT_S, "pool_pre_ping": True}
    common: dict[str, Any] = {**pool, "connect_args": CONNECTION, "hide_parameters": True}
    writer = create_engine(url, pool_size=1, **common)
    _prepare(writer, {**SESSION, "synchronous_commit": "on"})
    event.listen(writer, "connect", _take)
    readers = create_engine(url, pool_size=READERS, **common)
    _prepare(readers, SESSION)
    return Engines(
        name=str(url.set(password=None, query={})),
        writer=writer,
        readers=readers.execution_options(**_SNAPSHOT),
        threads=reader(url),
        interrupt=lambda connection: connection.cancel_safe(timeout=2),
        release=lambda: None,  # the lock ends with the writer's session
    )


_SNAPSHOT: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def reader(url: URL) -> Engine:
    """Read-only connections for threads and for other programs; each one is new."""
    engine = create_engine(url, poolclass=NullPool, connect_args=CONNECTION, hide_parameters=True)
    _prepare(engine, {**SESSION, "statement_timeout": "0"})  # an audit or a backup takes as long as it takes
    return engine.execution_options(**_SNAPSHOT)


def _prepare(engine: Engine, settings: dict[str, str]) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for name, value in settings.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        cursor.close()
        connection.commit()


def _take(connection: Any, _record: Any) -> None:
    """Lock the books for the writer's session: whoever loses it has lost the connection too, and writes nothing."""
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{WAIT_FOR_LOCK_MS}ms",))
        cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        connection.commit()
    except Exception as error:
        connection.rollback()
        if getattr(error, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        where = "this PostgreSQL database"
        raise Unavailable("storage_in_use", f"another process already keeps its books in {where}") from error
    finally:
        cursor.close()

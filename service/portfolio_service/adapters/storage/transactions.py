"""Transactions in threads: each is one function of its connection and one hop, so that the event loop never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from portfolio_service.adapters.storage.engines import POOL_TIMEOUT_S
from portfolio_service.domain.errors import OutcomeUnknown, Unavailable

P = ParamSpec("P")
T = TypeVar("T")
Work = Callable[Concatenate[Connection, P], T]


class Transactions:
    """At most `threads` at once; with one thread they come one after the other, in the order they were asked for."""

    def __init__(self, engine: Engine, name: str, threads: int, *, commits: bool) -> None:
        self._engine = engine
        self._commits = commits
        self._threads = ThreadPoolExecutor(threads, name)

    async def run(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        """`work(connection, ...)`: a writer's commits when it returns and leaves nothing when it raises.

        A caller who is cancelled leaves a transaction that has begun to end by itself, whole.
        Unavailable when it could not begin in time; OutcomeUnknown when the COMMIT broke off.
        """
        job = self._threads.submit(self._transaction, lambda connection: work(connection, *args, **options))
        outcome = asyncio.wrap_future(job)
        try:
            await asyncio.wait({outcome}, timeout=POOL_TIMEOUT_S)
        except asyncio.CancelledError:
            job.cancel()
            raise
        if job.cancel():
            raise Unavailable("storage_unavailable", "the database is busy; nothing was changed")
        return await asyncio.shield(outcome)

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)  # the last ones give their connections back
        self._engine.dispose()

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        connection = self._engine.connect()
        try:
            connection.begin()
            result = work(connection)
            if self._commits:
                _commit(connection)
            return result
        finally:
            with suppress(DBAPIError):  # rolls back; a lost connection has ended already
                connection.close()


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise OutcomeUnknown("the connection to the database was lost while it committed") from error
        raise

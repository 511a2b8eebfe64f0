"""Snapshots to read from, in a few threads: one hop to a thread for each statement, the event loop never waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from threading import Lock
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, Executable, Result
from sqlalchemy.exc import DBAPIError

from portfolio_service.adapters.storage.engines import POOL_TIMEOUT_S, READERS
from portfolio_service.domain.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")


class Readers:
    """At most READERS snapshots at once: each has its connection, and there is a thread for each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(READERS, "books-reader")
        self._free = asyncio.Semaphore(READERS)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reading]:
        """One snapshot for all reads of the block; taken by the first of them."""
        try:
            async with asyncio.timeout(POOL_TIMEOUT_S):
                await self._free.acquire()
        except TimeoutError:
            raise Unavailable("storage_unavailable", "the database is busy; nothing was changed") from None
        reading = Reading(self._engine, self._threads)
        try:
            yield reading
        finally:
            try:
                await asyncio.shield(reading.close())
            finally:
                self._free.release()

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)  # the last readings give their connections back
        self._engine.dispose()


class Reading:
    """One read transaction."""

    def __init__(self, engine: Engine, threads: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._threads = threads
        self._connection: Connection | None = None
        self._one_at_a_time = Lock()  # whoever is cancelled leaves his statement in its thread

    async def run_sync(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **options: P.kwargs) -> T:
        """`work(connection, ...)` in a thread."""

        def run() -> T:
            with self._one_at_a_time:
                if self._connection is None:
                    self._connection = self._engine.connect()
                    self._connection.begin()
                return work(self._connection, *args, **options)

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    async def execute(self, statement: Executable) -> Result[*tuple[Any, ...]]:
        """The rows, all of them fetched."""
        return await self.run_sync(lambda connection: connection.execute(statement).freeze()())

    async def scalar(self, statement: Executable) -> Any:
        """The first value of the first row."""
        return await self.run_sync(lambda connection: connection.scalar(statement))

    def close(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._threads, self._close)

    def _close(self) -> None:
        with self._one_at_a_time:
            if self._connection is not None:
                with suppress(DBAPIError):  # a lost connection has ended already
                    self._connection.close()

"""Long readings (an audit) in one thread of their own, which end when the database is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from time import perf_counter
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

T = TypeVar("T")
WORK_S = 0.002  # at a stretch: requests wait for the interpreter meanwhile
REST = 4  # times as long it rests then


class Inspector:
    """One reading at a time, each on a snapshot and a connection of its own."""

    def __init__(self, engine: Engine, interrupt: Callable[[Any], None]) -> None:
        self._engine = engine
        self._interrupt = interrupt  # ends the statement that a driver's connection is at, from another thread
        self._thread = ThreadPoolExecutor(1, "books-inspector")
        self._stop = Event()
        self._driver: Any = None
        self._rested = 0.0

    async def run(self, work: Callable[[Connection, Callable[[], bool]], T]) -> T:
        """`work(connection, stopped)`, which asks `stopped()` between rows: there it rests; it ends early once true."""

        def inspect() -> T:
            with self._engine.connect() as connection, connection.begin():
                self._driver = connection.connection.driver_connection
                self._rested = perf_counter()
                try:
                    return work(connection, self._stopped)
                finally:
                    self._driver = None

        return await asyncio.get_running_loop().run_in_executor(self._thread, inspect)

    def _stopped(self) -> bool:
        if (worked := perf_counter() - self._rested) < WORK_S:
            return self._stop.is_set()
        stopped = self._stop.wait(min(REST * worked, 1.0))
        self._rested = perf_counter()
        return stopped

    async def close(self) -> None:
        self._stop.set()
        if (driver := self._driver) is not None:
            with suppress(Exception):  # it may have ended just now, and its connection with it
                await asyncio.to_thread(self._interrupt, driver)
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

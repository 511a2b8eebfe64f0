"""Long readings (an audit) in one thread of their own, which end when the database is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

T = TypeVar("T")


class Inspector:
    """One reading at a time, each on a snapshot and a connection of its own."""

    def __init__(self, engine: Engine, interrupt: Callable[[Any], None]) -> None:
        self._engine = engine
        self._interrupt = interrupt  # ends the statement that a driver's connection is at, from another thread
        self._thread = ThreadPoolExecutor(1, "books-inspector")
        self._stop = Event()
        self._driver: Any = None

    async def run(self, work: Callable[[Connection, Callable[[], bool]], T]) -> T:
        """`work(connection, stopped)`; it may end early once `stopped()`."""

        def inspect() -> T:
            with self._engine.connect() as connection, connection.begin():
                self._driver = connection.connection.driver_connection
                try:
                    return work(connection, self._stop.is_set)
                finally:
                    self._driver = None

        return await asyncio.get_running_loop().run_in_executor(self._thread, inspect)

    async def close(self) -> None:
        self._stop.set()
        if (driver := self._driver) is not None:
            with suppress(Exception):  # it may have ended just now, and its connection with it
                await asyncio.to_thread(self._interrupt, driver)
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

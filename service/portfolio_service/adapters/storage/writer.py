"""The one connection that writes, in a thread of its own: the event loop never waits for SQL or a disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.exc import DBAPIError

from portfolio_service.adapters.storage.engines import POOL_TIMEOUT_S
from portfolio_service.domain.errors import OutcomeUnknown, Unavailable

P = ParamSpec("P")
T = TypeVar("T")
Parameters = dict[str, Any] | Sequence[dict[str, Any]]


class Writer:
    """Transactions one after the other, in the order they were asked for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, "books-writer")
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Writing]:
        """Commits at the end of the block or leaves nothing; OutcomeUnknown when the COMMIT broke off."""
        try:
            async with asyncio.timeout(POOL_TIMEOUT_S):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable("storage_unavailable", "the database is busy; nothing was changed") from None
        # Whoever is cancelled leaves his work in the thread; what he asked for last is still done before the next turn.
        writing = Writing(self._engine, self._thread)
        try:
            await writing.open()
            yield writing
        except BaseException:
            await asyncio.shield(writing.end(commit=False))
            raise
        else:
            await asyncio.shield(writing.end(commit=True))
        finally:
            self._turn.release()

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)


class Writing:
    """One transaction."""

    def __init__(self, engine: Engine, thread: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._thread = thread
        self._connection: Connection | None = None

    async def run_sync(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **options: P.kwargs) -> T:
        """`work(connection, ...)` in the writer's thread."""

        def run() -> T:
            assert self._connection is not None
            return work(self._connection, *args, **options)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        return await self.run_sync(lambda connection: connection.execute(statement, parameters))

    async def open(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open)

    def end(self, *, commit: bool) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._thread, self._commit if commit else self._rollback)

    def _open(self) -> None:
        self._connection = self._engine.connect()
        self._connection.begin()

    def _commit(self) -> None:
        assert self._connection is not None
        try:
            self._connection.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise OutcomeUnknown("the connection to the database was lost while it committed") from error
            raise
        finally:
            self._connection.close()

    def _rollback(self) -> None:
        if self._connection is not None:
            with suppress(DBAPIError):  # a lost connection has rolled back already
                self._connection.close()

"""A TCP proxy before PostgreSQL that cuts the connection exactly when a COMMIT passes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal, Self

COMMIT = b"COMMIT\0"


class CutProxy:
    """`cut` says what happens to the next COMMIT: "before" the server hears of it, or "after" it has done it."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.cut: Literal["before", "after"] | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.refusing = False  # new connections, while the network is away

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await asyncio.sleep(0)  # the closed transports close their sockets

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(writer.close)
            if self.refusing:
                return
            upstream, down = await asyncio.open_connection("127.0.0.1", self._target)
            stack.callback(down.close)
            answers = asyncio.create_task(_pass_on(upstream, writer))
            stack.callback(answers.cancel)
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(65536):
                    cut, self.cut = (self.cut, None) if COMMIT in data else (None, self.cut)
                    if cut == "before":
                        return
                    if cut == "after":
                        answers.cancel()
                        await asyncio.wait({answers})
                    down.write(data)
                    await down.drain()
                    if cut == "after":
                        await upstream.read(65536)  # the server has committed and says so; nobody hears it
                        return


async def _pass_on(upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await upstream.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()

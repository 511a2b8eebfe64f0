"""A TCP proxy in front of a real market data server that breaks its answers in the ways a source can break."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, Self
from urllib.parse import urlsplit

SLOW_S = 30.0
FAULTS = (
    "down",
    "slow",
    "drip",
    "reset",
    "status_500",
    "rate_limited",
    "redirect",
    "garbage",
    "not_http",
    "truncated",
    "huge",
    "negative",
    "zero",
    "nan",
    "absurd",
    "text",
    "wrong_symbol",
    "no_fields",
    "future",
    "jump",
    "half",
)


class FaultProxy:
    """Runs in a thread of its own; `mode` is "ok" or one of FAULTS and holds from the next request on."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.mode = "ok"
        self.requests = 0
        self.body: Callable[[str, bytes], bytes] | None = None  # changes a good body, when set
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def set(self, mode: str) -> None:
        """Change the fault; connections that are open end."""
        assert mode == "ok" or mode in FAULTS, mode
        self._run(self._stop())
        self.mode = mode
        if mode != "down":
            self._run(self._listen())

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in set(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            async for request in _requests(reader):
                self.requests += 1
                await self._answer(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            await _closed(writer)
            self._open.discard(task)

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        path = request.split(b" ")[1].decode()
        mode = self.mode
        if mode == "half" and sum(path.split("/")[2].split("?")[0].encode()) % 2:
            return await _send(writer, 404, b'{"detail":"no such symbol"}')
        if mode == "slow":
            await asyncio.sleep(SLOW_S)
        if mode == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            raise ConnectionResetError
        if mode == "status_500":
            return await _send(writer, 500, b"oops")
        if mode == "rate_limited":
            return await _send(writer, 429, b"{}", {"Retry-After": "1"})
        if mode == "redirect":
            return await _send(writer, 307, b"", {"Location": f"http://127.0.0.1:{self._upstream[1]}{path}"})
        if mode == "garbage":
            return await _send(writer, 200, bytes(range(256)) * 4)
        if mode == "not_http":
            writer.write(b"\x00\xff\x13hello\r\n\r\n")
            return await writer.drain()
        if mode == "huge":
            return await _send(writer, 200, b'{"symbol": "' + b"A" * 20_000_000)
        status, body = await self._ask(request)
        if status == 200:
            body = self.body(path, body) if self.body else _changed(mode, body)
        if mode == "truncated":
            body = body[: len(body) // 2]
        return await (_drip(writer, body) if mode == "drip" else _send(writer, status, body))

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection(*self._upstream)
        try:
            head, _, rest = request.partition(b"\r\n")
            writer.write(head + b"\r\nConnection: close\r\n" + rest)
            answer = await reader.read()
        finally:
            await _closed(writer)
        top, _, body = answer.partition(b"\r\n\r\n")
        return int(top.split(b" ")[1]), body


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Requests of one connection, one after the other; those of the engine have no body."""
    while True:
        with contextlib.suppress(asyncio.IncompleteReadError):
            yield await reader.readuntil(b"\r\n\r\n")
            continue
        return


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    await writer.drain()


async def _drip(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(f"HTTP/1.1 200 X\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    for byte in body:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


def _changed(mode: str, body: bytes) -> bytes:
    """A good answer, spoiled: prices of snapshots and closes of bars."""
    values = {
        "negative": lambda price: -price,
        "zero": lambda price: 0,
        "absurd": lambda price: 1e300,
        "text": str,
        "jump": lambda price: price * 100,
    }
    content = json.loads(body)
    parts = content.get("snapshot")
    if mode == "wrong_symbol":
        content["symbol"] = "OTHER"
    elif mode == "no_fields":
        content = {"symbol": content["symbol"]}
    elif mode == "future" and parts:
        parts["last_trade"]["timestamp"] = "2150-01-01T00:00:00Z"
    elif mode == "nan" and parts:
        parts["last_trade"]["price"] = float("nan")
    elif mode in values and parts:
        parts["last_trade"]["price"] = values[mode](parts["last_trade"]["price"])
    elif mode in {*values, "nan"} - {"jump"}:
        for bar in content["data"]:
            bar["data"]["close"] = float("nan") if mode == "nan" else values[mode](bar["data"]["close"])
    return json.dumps(content).encode()

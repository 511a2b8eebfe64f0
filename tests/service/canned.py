"""A real HTTP server on a free port whose answers a test writes down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.service.fakes import START


def snapshot(symbol: str = "AAPL", price: Any = 150.25, at: Any = None, **daily: Any) -> dict[str, Any]:
    """An answer in the documented shape, stamped with the time at which test clocks start."""
    stamp = at if at is not None else START.isoformat()
    return {
        "symbol": symbol,
        "timestamp": stamp,
        "snapshot": {
            "last_trade": {"price": price, "size": 100, "timestamp": stamp},
            "quote": {"bid": 150.2, "ask": 150.3, "bid_size": 3, "ask_size": 4},
            "daily_stats": {"open": 149, "high": 151.5, "low": 148.5, "volume": 12345678, **daily},
        },
    }


def bars(closes: dict[str, Any], symbol: str = "AAPL") -> dict[str, Any]:
    """Daily bars in the documented shape: {timestamp: close}."""
    rows = [
        {
            "timestamp": stamp,
            "data_type": "bar",
            "source": "feed",
            "data": {"open": close, "high": close, "low": close, "close": close, "volume": 1},
            "latency_ms": 0.4,
        }
        for stamp, close in closes.items()
    ]
    return {"symbol": symbol, "data_type": "bar", "data": rows, "count": len(rows)}


class Canned:
    """`answer(method, path)` says what comes back: a status, or a document, or bytes."""

    def __init__(self, answer: Callable[[str, str], Any]) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.gate: asyncio.Event | None = None  # when set, answers wait for it
        self.at_once = self.most_at_once = 0
        self.url = ""
        self._open: set[asyncio.Task[None]] = set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, _ = head.decode().split(" ", 2)
                self.asked.append(path)
                self.at_once += 1
                self.most_at_once = max(self.at_once, self.most_at_once)
                if self.gate is not None:
                    await self.gate.wait()
                self.at_once -= 1
                status, body = _encoded(self.answer(method, path))
                lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
                lines += [f"{name}: {value}" for name, value in self.headers.items()]
                writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def close(self) -> None:
        for task in set(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


@asynccontextmanager
async def serving(answer: Callable[[str, str], Any]) -> AsyncIterator[Canned]:
    canned = Canned(answer)
    server = await asyncio.start_server(canned.connected, "127.0.0.1", 0)
    canned.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield canned
    finally:
        server.close()
        await canned.close()


def _encoded(answer: Any) -> tuple[int, bytes]:
    if isinstance(answer, int):
        return answer, b"{}"
    return 200, answer if isinstance(answer, bytes) else json.dumps(answer).encode()

"""SIGTERM under load: what is under way is finished within 10 s, nobody is reset, no event is left, exit code 0."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.workers import Workers
from tests.service.conftest import TECH, Server, start_server

CLIENTS = 30
ONE_CORE = {"PORTFOLIO_OPTIMIZATION_WORKERS": "1", "OMP_NUM_THREADS": "1"}  # long computations leave one to the test


async def test_a_wait_for_a_computation_ends_with_a_word() -> None:
    workers, running = Workers(threads=1), asyncio.Event()
    loop, release = asyncio.get_running_loop(), asyncio.Event()

    def compute() -> None:
        loop.call_soon_threadsafe(running.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    waiting = [asyncio.create_task(workers.run(compute)) for _ in range(3)]
    await running.wait()
    workers.stop_waiting()
    for answer in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(answer, Unavailable)
        assert answer.code == "stopping"
    with pytest.raises(Unavailable, match="stopping"):
        await workers.run(compute)
    release.set()
    await asyncio.to_thread(workers.close, wait=True)


class Crowd:
    """Clients that keep their connections, read and write without a pause, and count what happens to them."""

    def __init__(self, session: aiohttp.ClientSession, paths: list[str]) -> None:
        self.session = session
        self.paths = paths
        self.seen: Counter[str] = Counter()
        self.written = 0

    async def client(self, number: int) -> None:
        path = self.paths[number % len(self.paths)]
        for k in range(100_000):
            try:
                if k % 5 == 0:
                    quantity = {"quantity": k + 1, "market_value": 10.0}
                    asked = self.session.post(f"{path}/positions", json={"positions": {"OWNFUND": quantity}})
                else:
                    asked = self.session.get(path)
                async with asked as answer:
                    await answer.read()
                    self.seen[str(answer.status)] += 1
                    self.written += k % 5 == 0 and answer.status == 200
            except aiohttp.ClientConnectorError:  # new connections are refused: it has stopped listening
                self.seen["refused"] += 1
                return
            except (aiohttp.ClientError, OSError) as error:
                self.seen[type(error).__name__] += 1
                return

    async def long(self, path: str) -> None:
        body = {"weights": {symbol: 0.2 for symbol in TECH}, "scenarios": 1_000_000, "horizon_days": 900}
        async with self.session.post(path, json=body) as answer:
            code = "" if answer.status == 200 else (await answer.json())["code"]
            self.seen[f"simulate {answer.status} {code}".strip()] += 1

    async def follow(self) -> None:
        async with self.session.get("/events") as stream:
            self.seen["events"] += 1
            async for _ in stream.content:
                pass
            self.seen["events ended"] += 1


def outbox(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "data" / "portfolio.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM outbox WHERE NOT published").fetchone()[0])


@pytest.mark.slow
async def test_sigterm_under_load(tmp_path: Path) -> None:
    server = await asyncio.to_thread(start_server, tmp_path, LOG_LEVEL="warning", **ONE_CORE)
    connector = aiohttp.TCPConnector(limit=4 * CLIENTS)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(server.url, connector=connector, timeout=timeout) as session:
        paths = []
        for name in "abcde":
            async with session.post("/portfolios/with-symbols", json={"portfolio_name": name, "symbols": TECH}) as made:
                paths.append(made.headers["Location"])
        crowd = Crowd(session, paths)
        tasks = [asyncio.create_task(crowd.client(k)) for k in range(CLIENTS)]
        tasks += [asyncio.create_task(crowd.long("/simulate")) for _ in range(3)]
        tasks += [asyncio.create_task(crowd.follow()) for _ in range(3)]
        while crowd.written < 100:
            await asyncio.wait(tasks, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
        began = time.monotonic()
        code = await asyncio.to_thread(server.stop, signal.SIGTERM)
        took = time.monotonic() - began
        await asyncio.gather(*tasks)
    seen = crowd.seen
    assert code == 0
    assert took < 10
    assert seen["refused"] == CLIENTS, seen
    long = seen["simulate 200"] + seen["simulate 503 stopping"]
    assert (long, seen["events"], seen["events ended"]) == (3, 3, 3), seen
    assert {*seen} <= {"200", "refused", "simulate 200", "simulate 503 stopping", "events", "events ended"}, seen
    assert outbox(tmp_path) == 0
    written = server.log.read_text()
    assert "Traceback" not in written
    assert "Exception" not in written


@pytest.mark.slow
async def test_idle_connections_are_closed_and_not_reset(start: Callable[..., Server]) -> None:
    server = await asyncio.to_thread(start)
    host, port = server.url.removeprefix("http://").split(":")
    idle = [await asyncio.open_connection(host, int(port)) for _ in range(20)]
    for reader, writer in idle:
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await reader.readline()).endswith(b"200 OK\r\n")
    server.process.send_signal(signal.SIGTERM)
    for k, (reader, writer) in enumerate(idle):
        rest = await reader.read()  # to its end: a reset would raise
        assert rest.endswith(b'{"status":"alive"}')
        if k % 2:  # a request that crosses the end is dropped, its sender still not reset
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert await reader.read() == b""
        writer.close()
    assert await asyncio.to_thread(server.stop, signal.SIGTERM) == 0

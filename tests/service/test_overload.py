"""Overload is refused, not suffered: bounded lanes, 503 with Retry-After, slow senders let go, normal again at once."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
from fastapi import FastAPI

from portfolio_service.api.admission import MAX_CHANGES, MAX_CHANGES_EACH, MAX_REQUESTS, Load
from portfolio_service.api.body_limit import BodyLimit
from portfolio_service.connection import MAX_HEAD_BYTES
from portfolio_service.domain.errors import Unavailable
from tests.service.conftest import TECH, Server, create_tech

CROWD = 2000
POST_HEAD = (
    b"POST /portfolios HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n"
)


def connect(server: Server, timeout_s: float = 30) -> socket.socket:
    where = urlsplit(server.url)
    return socket.create_connection((where.hostname or "", where.port or 0), timeout_s)


def answer_of(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what comes until the other side closes; b"" is no answer."""
    received = b""
    while data := connection.recv(65536):
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split(" ")[1]) if first else 0, headers, body


class TestLanes:
    @pytest.mark.parametrize(
        ("method", "path", "most"),
        [
            ("GET", "/portfolios", MAX_REQUESTS),
            ("POST", "/portfolios", MAX_CHANGES),
            ("POST", "/portfolios/port_000000000001/rebalance", MAX_CHANGES_EACH),
            ("DELETE", "/portfolios/port_000000000001", MAX_CHANGES_EACH),
            ("POST", "/simulate", 10),
            ("POST", "/portfolios/port_000000000001/optimize", 10),
        ],
    )
    def test_is_full_at_its_limit_and_free_again(self, method: str, path: str, most: int) -> None:
        load = Load(computations=10)
        with ExitStack() as stack:
            for _ in range(most):
                stack.enter_context(load.room_for(method, path))
            with pytest.raises(Unavailable) as refused, load.room_for(method, path):
                pass
            assert refused.value.retry_after_s >= 1
            assert sum(load.refused.values()) == 1
        assert not load.in_flight
        with load.room_for(method, path):
            assert load.in_flight

    def test_one_busy_portfolio_leaves_room_for_the_others(self) -> None:
        load = Load(computations=10)
        with ExitStack() as stack:
            for _ in range(MAX_CHANGES_EACH):
                stack.enter_context(load.room_for("POST", "/portfolios/port_000000000001/positions"))
            with load.room_for("POST", "/portfolios/port_000000000002/positions"):
                pass
            with load.room_for("GET", "/portfolios/port_000000000001"):
                pass


async def test_health_and_metrics_are_always_answered(client: httpx.AsyncClient, app: FastAPI) -> None:
    portfolio_id = await create_tech(client)
    with ExitStack() as stack:
        for _ in range(MAX_REQUESTS):
            stack.enter_context(app.state.load.room_for("GET", "/portfolios"))
        refused = await client.get(f"/portfolios/{portfolio_id}")
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        for path in ("/health", "/health/live", "/health/ready", "/metrics", "/metrics/prometheus"):
            assert (await client.get(path)).status_code == 200
    assert (await client.get(f"/portfolios/{portfolio_id}")).status_code == 200


async def test_a_body_that_does_not_arrive_in_time_is_408() -> None:
    sent = []

    async def never() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def application(*_: object) -> None:
        raise AssertionError("reached the application")

    scope = {"type": "http", "method": "POST", "path": "/portfolios", "query_string": b"", "headers": []}
    await BodyLimit(application, within_s=0.01)(scope, never, send)
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["code"] == "request_timeout"


@pytest.mark.slow
class TestServer:
    async def test_a_burst_is_refused_and_soon_over(self, server: Server) -> None:
        """Ten times the clients of the load test at once: every answer is 200 or a 503 that says when to come again."""
        timeout = aiohttp.ClientTimeout(total=60)
        connector = aiohttp.TCPConnector(limit=CROWD)
        async with aiohttp.ClientSession(server.url, connector=connector, timeout=timeout) as session:
            body = {"portfolio_name": "Busy", "symbols": TECH}
            async with session.post("/portfolios/with-symbols", json=body) as made:
                path = f"/portfolios/{(await made.json())['portfolio_id']}"

            async def ask(k: int) -> int:
                weights = {"AAPL": 0.1 + 0.001 * (k % 50)}
                calls = (
                    ("GET", path, None),
                    ("POST", f"{path}/rebalance", {"target_weights": weights, "rebalance_threshold": 0.0}),
                    ("POST", "/efficient-frontier", {"symbols": TECH, "lookback_days": 100 + k % 500}),
                    ("GET", "/health", None),
                )
                method, where, body = calls[k % 4]
                async with session.request(method, where, json=body) as answer:
                    assert answer.status == 200 or (answer.status == 503 and answer.headers["Retry-After"])
                    if k % 4 == 3:
                        assert answer.status == 200
                    await answer.read()
                    return answer.status

            statuses = Counter(await asyncio.gather(*map(ask, range(CROWD))))
            over = time.monotonic()
            assert statuses[503] > 0
            assert statuses[200] > CROWD / 4
            while True:
                began = time.monotonic()
                async with session.get(path) as answer:
                    assert answer.status == 200
                if time.monotonic() - began < 0.5:
                    break
            assert time.monotonic() - over < 5

    def test_slow_senders_are_let_go(self, start: Callable[..., Server]) -> None:
        """Half a body, half a head, nothing at all: answered 408 or closed in time, and nobody else waits for them."""
        server = start()
        with ExitStack() as stack:
            self._send_slowly(server, [stack.enter_context(connect(server)) for _ in range(53)])
        assert "Traceback" not in server.log.read_text()

    def _send_slowly(self, server: Server, connections: list[socket.socket]) -> None:
        body, head, silent, *others = connections
        body.sendall(POST_HEAD + b'{"portfolio_name"')
        head.sendall(b"GET /portfolios HTTP/1.1\r\nHost: local")
        for other in others:
            other.sendall(POST_HEAD)
        assert httpx.get(f"{server.url}/portfolios", timeout=5).status_code == 200
        for slow, what in ((body, b"body: "), (head, b"head: ")):
            status, headers, text = answer_of(slow)
            assert (status, headers["connection"]) == (408, "close")
            assert what in text
            assert "content-security-policy" in headers
        assert answer_of(silent)[0] == 0
        for other in others:
            assert answer_of(other)[0] == 408

    def test_a_sender_that_leaves_is_no_error(self, start: Callable[..., Server]) -> None:
        server = start()
        for _ in range(20):
            gone = connect(server)
            gone.sendall(POST_HEAD + b'{"port')
            gone.close()
        assert httpx.get(f"{server.url}/portfolios", timeout=30).json()["count"] == 0
        server.stop()
        assert "Traceback" not in server.log.read_text()
        assert "request failed" not in server.log.read_text()

    @pytest.mark.parametrize(
        ("sent", "status", "code"),
        [
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * MAX_HEAD_BYTES * 2, 431, "head_too_large"),
            (b"nonsense\r\n\r\n", 400, "http_error"),
            (b"GET / HTTP/1.1\r\n\r\n", 400, "http_error"),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400, "http_error"),
            (b"GET \xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "http_error"),
            (POST_HEAD.replace(b"Content-Length: 40", b"Transfer-Encoding: chunked") + b"zz\r\n", 400, "http_error"),
        ],
    )
    def test_what_is_no_request_gets_the_documented_shape(
        self, server: Server, sent: bytes, status: int, code: str
    ) -> None:
        with connect(server) as connection:
            connection.sendall(sent)
            got, headers, body = answer_of(connection)
        assert (got, json.loads(body)["code"]) == (status, code)
        assert headers["x-content-type-options"] == "nosniff"

    def test_a_body_of_10_mb_hears_413_and_no_reset(self, server: Server) -> None:
        head = POST_HEAD.replace(b"Content-Length: 40", b"Content-Length: 10485760")
        with connect(server) as connection:
            connection.sendall(head + b"x" * 10 * 2**20)
            status, _, body = answer_of(connection)
        assert (status, json.loads(body)["code"]) == (413, "body_too_large")

"""GET /events over real connections: resume, restart, stop, access, and a client that does not read."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from portfolio_service.api import events as stream
from portfolio_service.app import create_app, running
from portfolio_service.config import Settings
from portfolio_service.domain import events
from portfolio_service.domain.events import TOPICS
from portfolio_service.domain.models import Event
from tests.service.conftest import TECH, Server, create_tech, start_server

EVENT = dict[str, Any]


def parsed(lines: Iterator[str]) -> Iterator[EVENT]:
    """Server-sent events as a browser reads them; comments are left out."""
    event: EVENT = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if not line:
            if "data" in event:
                yield event
            event = {}
            continue
        name, _, value = line.partition(": ")
        event[name] = json.loads(value) if name in ("data", "id", "retry") else value


@contextmanager
def following(url: str, after: int | None = None, **options: Any) -> Iterator[Iterator[EVENT]]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with httpx.stream("GET", f"{url}/events", params=options, headers=headers, timeout=20) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield parsed(response.iter_lines())


def take(found: Iterator[EVENT], count: int) -> list[EVENT]:
    return [next(found) for _ in range(count)]


def create(url: str, name: str) -> str:
    body = {"portfolio_name": name, "symbols": TECH}
    return str(httpx.post(f"{url}/portfolios/with-symbols", json=body, timeout=60).json()["portfolio_id"])


def test_two_readers_get_the_documented_envelope_live(server: Server) -> None:
    with following(server.url) as first, following(server.url, topic="portfolio.rebalanced") as second:
        portfolio_id = create(server.url, "Watched")
        weights = {"target_weights": {symbol: 0.1 for symbol in TECH}}
        httpx.post(f"{server.url}/portfolios/{portfolio_id}/rebalance", json=weights, timeout=60).raise_for_status()
        created, *others = take(first, 2)
        rebalanced = take(second, 1)[0]
    assert created["event"] == created["data"]["topic"] == "portfolio.created"
    assert created["data"]["payload"]["portfolio_id"] == portfolio_id
    assert created["data"]["payload"]["timestamp"].endswith("Z")
    assert rebalanced["event"] == "portfolio.rebalanced"
    assert rebalanced["data"]["payload"]["trades_executed"] == 5
    assert all(set(event["data"]) == {"topic", "payload"} for event in [created, *others, rebalanced])
    with following(server.url, rebalanced["id"] - 1, follow="false") as again:
        assert next(again) == rebalanced  # the same id, the same words


@pytest.mark.slow
def test_a_restart_loses_and_repeats_nothing(tmp_path: Path) -> None:
    server = start_server(tmp_path)
    created = {"topic": "portfolio.created"}  # alerts may come in between
    with following(server.url, **created) as found:
        ids = [create(server.url, f"Before {i}") for i in range(2)]
        seen = take(found, 2)
        began = time.monotonic()
        stopped = threading.Thread(target=server.stop)
        stopped.start()
        assert list(found) == []  # the stream ends with the service, at once
        stopped.join()
    assert server.process.returncode == 0
    assert time.monotonic() - began < 4
    assert "Traceback" not in server.log.read_text()
    server = start_server(tmp_path)
    ids.append(create(server.url, "After"))
    with following(server.url, after=seen[0]["id"], **created) as found:
        seen = [seen[0], *take(found, 2)]
    with following(server.url, follow="false", last_event_id=0, **created) as found:
        replayed = list(found)
    assert server.stop() == 0
    assert [event["data"]["payload"]["portfolio_id"] for event in seen] == ids
    assert [event["id"] for event in seen] == sorted({event["id"] for event in seen})
    assert replayed == seen


@pytest.mark.slow
def test_key_and_host_are_asked_for(start: Callable[..., Server]) -> None:
    server = start(API_KEY="a-key-of-some-length")
    assert httpx.get(f"{server.url}/events", timeout=20).status_code == 401
    headers = {"X-API-Key": "a-key-of-some-length"}
    elsewhere = httpx.get(f"{server.url}/events", headers={**headers, "Host": "evil.example"}, timeout=20)
    assert elsewhere.json()["code"] == "host_not_allowed"
    with httpx.stream("GET", f"{server.url}/events", headers=headers, timeout=20) as response:
        assert response.status_code == 200
        assert next(response.iter_lines()).startswith(":")
        assert "access-control-allow-origin" not in response.headers


async def test_what_cannot_be_answered_is_an_error_and_no_stream(client: httpx.AsyncClient) -> None:
    await create_tech(client)
    for given, status, code in (
        ({"headers": {"Last-Event-ID": "99"}}, 409, "event_gap"),
        ({"params": {"last_event_id": 99}}, 409, "event_gap"),
        ({"headers": {"Last-Event-ID": "abc"}}, 422, "validation_error"),
        ({"params": {"topic": "portfolio.unknown"}}, 422, "validation_error"),
        ({"params": {"portfolio_id": "17"}}, 422, "validation_error"),
    ):
        response = await client.get("/events", **given)
        assert (response.status_code, response.json()["code"]) == (status, code)
    header_wins = {"params": {"last_event_id": 0, "follow": "false"}, "headers": {"Last-Event-ID": "1"}}
    text = (await client.get("/events", **header_wins)).text
    assert "id: 1\n" not in text  # an alert may have come meanwhile


async def test_too_many_followers_are_asked_to_come_later(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = client._transport.app.state.services.feed
    monkeypatch.setattr(feed, "_max_followers", 0)
    response = await client.get("/events", params={"follow": "false"})
    assert (response.status_code, response.json()["code"]) == (503, "overloaded")
    assert int(response.headers["Retry-After"]) > 0


def test_every_topic_can_be_asked_for() -> None:
    assert set(stream.TOPIC.__args__) == set(TOPICS)


@pytest.mark.slow
async def test_a_client_that_does_not_read_is_let_go_and_can_resume(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SEND_WITHIN_S", 0.2)
    payload = {"portfolio_id": "port_000000000001", "message": "x" * 20_000, "timestamp": "2025-08-25T15:00:00Z"}
    app = create_app(settings)
    async with running(app):
        services = app.state.services
        await services.repository.append_events([Event(events.RISK_ALERT, payload)] * 1000)  # 20 MB: no buffer has it
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            async with asyncio.timeout(30):
                received = await _read_late(listener.getsockname()[1], services.feed)
            server.should_exit = True
            await serving
        assert (services.feed.dropped, services.feed.followers) == (1, 0)
        ids = [event["id"] for event in parsed(iter(received.split("\n"))) if "id" in event]
        rest = [one.message_id async for one in services.feed.follow(ids[-1], stream.Wanted(), until=1000)]
        assert 0 < len(ids) < 1000
        assert ids + rest == list(range(1, 1001))


async def _read_late(port: int, feed: Any) -> str:
    """What a client gets that begins to read only after it was let go: complete events."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
    writer.write(b"GET /events?last_event_id=0 HTTP/1.0\r\nHost: localhost\r\n\r\n")
    while not feed.dropped:  # noqa: ASYNC110  (a counter; nothing signals it)
        await asyncio.sleep(0.02)
    received = (await reader.read(-1)).decode()
    writer.close()
    return received.partition("\r\n\r\n")[2].rpartition("\n\n")[0] + "\n\n"

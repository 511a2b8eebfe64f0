"""The nasty list against a real process: never a 5xx, every refusal in the documented shape, memory as before."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psutil
import pytest

from portfolio_service.app import create_app
from portfolio_service.config import load_settings
from tests.service.conftest import TECH, Server
from tests.service.test_api_errors import NASTY

pytestmark = pytest.mark.slow
HEADERS = {"Content-Type": "application/json"}
MOST_GROWTH = 50 * 2**20
HERE = "@here@"  # marks where a wrong value goes: some of them are no JSON that a library would write
WRONG = {
    "null": "null",
    "bool": "true",
    "text": '"x"',
    "number as text": '"1"',
    "-1": "-1",
    "-0": "-0.0",
    "a half": "0.5",
    "1e300": "1e300",
    "1e400": "1e400",
    "NaN": "NaN",
    "huge integer": "1" + "0" * 400,
    "list": "[]",
    "list of lists": "[[[]]]",
    "object": "{}",
    "object of anything": '{"": null, "AAPL": true}',
    "deep": "[" * 100 + "]" * 100,
    "lone surrogate": '"\\udfff"',
    "NUL": '"\\u0000"',
    "long text": '"' + "x" * 10_000 + '"',
}


@pytest.fixture(scope="module")
def books(start: Callable[..., Server]) -> Iterator[tuple[Server, httpx.Client, str]]:
    """A server that keeps few portfolios, a client of it, and a portfolio."""
    server = start(MAX_PORTFOLIOS="20", LOG_LEVEL="warning")
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        body = {"portfolio_name": "Nasty", "symbols": TECH}
        yield server, client, client.post("/portfolios/with-symbols", json=body).json()["portfolio_id"]


def placed(value: Any, path: tuple[Any, ...]) -> Any:
    """`value` with the mark at `path`."""
    if not path:
        return HERE
    if isinstance(value, list):
        return [placed(item, path[1:]) if k == path[0] else item for k, item in enumerate(value)]
    return {key: placed(item, path[1:]) if key == path[0] else item for key, item in value.items()}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, the whole first."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def bodies() -> list[tuple[str, str, Any]]:
    """Method, path and an example body of every operation that takes one."""
    document = create_app(load_settings(log_level="error")).openapi()
    found = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "requestBody" in operation:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                found.append((method.upper(), path, schema["examples"][0]))
    return found


def test_wrong_types_at_each_field(books: tuple[Server, httpx.Client, str]) -> None:
    server, client, portfolio_id = books
    process, asked = psutil.Process(server.process.pid), 0
    began = 0
    for method, path, example in bodies():
        url = path.format(portfolio_id=portfolio_id, alert_id="alert_0a1b2c3d4e5f")
        for where in places(example):
            text = json.dumps(placed(example, where))
            for name, value in WRONG.items():
                body = text.replace(f'"{HERE}"', value)
                answer = client.request(method, url, content=body.encode(), headers=HEADERS)
                assert answer.status_code < 500, (method, path, where, name, answer.text)
                if answer.status_code >= 400:
                    assert {"detail", "code", "errors", "request_id"} == set(answer.json())
                asked += 1
        began = began or process.memory_info().rss  # after the first operation everything is loaded
    assert asked > 1000
    assert process.memory_info().rss - began < MOST_GROWTH
    assert client.get("/health").json()["status"] in ("healthy", "degraded")
    assert "Traceback" not in server.log.read_text()
    server.assert_books_verify()


@pytest.mark.parametrize("name", NASTY)
def test_nasty_bodies(books: tuple[Server, httpx.Client, str], name: str) -> None:
    """The same list as inside the process, through the HTTP parser and the connection."""
    server, client, _ = books
    body, status, code = NASTY[name]
    answer = client.post("/portfolios", content=body, headers=HEADERS)
    if answer.status_code == 409:  # the books are full: it passed every check of its own
        assert (status, answer.json()["code"]) == (201, "portfolio_limit_reached")
    else:
        assert (answer.status_code, answer.json().get("code", "")) == (status, code)
    assert server.process.poll() is None


def test_a_compressed_bomb_is_never_opened(books: tuple[Server, httpx.Client, str]) -> None:
    server, client, _ = books
    bomb = gzip.compress(b"0" * 500 * 2**20, compresslevel=1)[: 2**20 - 1]
    before = psutil.Process(server.process.pid).memory_info().rss
    for encoding in ("gzip", "GZIP", "deflate", "br", "gzip, gzip", "x-unknown"):
        answer = client.post("/portfolios", content=bomb, headers={**HEADERS, "Content-Encoding": encoding})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert client.post("/portfolios", content=bomb, headers=HEADERS).status_code == 400
    assert psutil.Process(server.process.pid).memory_info().rss - before < MOST_GROWTH


@pytest.mark.parametrize(
    "path",
    [
        "/portfolios/%00",
        "/portfolios/%ff%fe",
        "/portfolios/%ed%a0%80/trades",
        "/portfolios/..%2f..%2fetc%2fpasswd",
        "/static/..%2f..%2fpyproject.toml",
        "/static/%00",
        "/portfolios?limit=%00",
        "/portfolios?limit=9999999999999999999999999999",
        "/portfolios?limit=1&limit=2&offset=-0",
        "/portfolios?%ff=%ff",
        "/events?follow=false&last_event_id=99999999999999999999",
        "//portfolios",
        "/portfolios/" + "x" * 4000,
    ],
)
def test_nasty_urls(books: tuple[Server, httpx.Client, str], path: str) -> None:
    server, client, _ = books
    answer = client.get(path)
    assert answer.status_code < 500, answer.text
    assert "root:" not in answer.text
    assert "requires-python" not in answer.text
    assert server.process.poll() is None

"""Methods and headers: HEAD is GET without a body, Allow names every method, no answer lacks its security headers."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from portfolio_service.api.body_limit import MAX_URL_BYTES
from tests.service.conftest import create_tech

CHANGING = {"date", "x-request-id", "content-length"}  # the length of a number that moved between two requests
SECURITY = {
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-resource-policy",
    "cache-control",
}
PAGES = ["/", "/docs", "/redoc", "/openapi.json", "/static/page.css"]


async def get_paths(client: httpx.AsyncClient, app: FastAPI) -> list[str]:
    """Every path with a GET, of a portfolio that exists; the event stream ends where there is nothing more."""
    portfolio_id = await create_tech(client)
    documented = [path for path, item in app.openapi()["paths"].items() if "get" in item]
    ended = {"/events": "/events?follow=false"}
    return [*(ended.get(path, path.format(portfolio_id=portfolio_id)) for path in documented), *PAGES]


async def test_head_is_get_without_a_body(client: httpx.AsyncClient, app: FastAPI) -> None:
    for path in await get_paths(client, app):
        got, head = await client.get(path), await client.head(path)
        assert head.status_code == got.status_code == 200, path
        assert head.content == b""
        assert {*head.headers} == {*got.headers}, path
        assert {k: v for k, v in head.headers.items() if k not in CHANGING} == {
            k: v for k, v in got.headers.items() if k not in CHANGING
        }


async def test_head_of_what_is_not_there(client: httpx.AsyncClient) -> None:
    assert (await client.head("/portfolios/port_000000000000")).status_code == 404
    assert (await client.head("/simulate")).status_code == 405


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/portfolios", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("/portfolios/with-symbols", {"OPTIONS", "POST"}),
        ("/portfolios/port_000000000000/optimize", {"OPTIONS", "POST"}),
        ("/health", {"GET", "HEAD", "OPTIONS"}),
    ],
)
async def test_allow_names_every_method(client: httpx.AsyncClient, path: str, allowed: set[str]) -> None:
    options = await client.options(path)
    assert (options.status_code, options.content) == (204, b"")
    wrong = await client.request("PROPFIND", path)
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    for answer in (options, wrong):
        assert {*answer.headers["allow"].split(", ")} == allowed
        assert len(answer.headers.get_list("allow")) == 1


async def test_a_collection_route_is_no_portfolio(client: httpx.AsyncClient) -> None:
    assert (await client.get("/portfolios/with-symbols")).status_code == 405
    assert (await client.options("/portfolios/with-nothing/optimize/more")).status_code == 404


@pytest.mark.parametrize("accept", ["application/json", "text/plain", "application/openmetrics-text"])
async def test_what_depends_on_accept_says_so(client: httpx.AsyncClient, accept: str) -> None:
    for path in ("/metrics", "/metrics/prometheus"):
        answer = await client.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["vary"]) == (200, "Accept")


async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, app: FastAPI) -> None:
    answers = [await client.get(path) for path in await get_paths(client, app)]
    answers += [
        await client.get("/nothing"),
        await client.get("/portfolios/with-symbols"),
        await client.options("/portfolios"),
        await client.get("/health", headers={"Host": "evil.example"}),
        await client.post("/portfolios", content=b"{"),
        await client.post("/portfolios", json={"portfolio_name": "P", "initial_value": -1}),
        await client.post("/portfolios", content=b"x" * 2**20 + b"x"),
        await client.get("/static/nothing.css"),
    ]
    assert {answer.status_code for answer in answers} == {200, 204, 400, 404, 405, 413, 415, 422}
    for answer in answers:
        assert {*answer.headers} >= SECURITY, (answer.request.url, answer.headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["x-request-id"]


async def test_an_answer_to_a_fault_has_them_too(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state.services.books, "all", None)
    answer = await client.get("/portfolios")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert {*answer.headers} >= SECURITY


async def test_a_long_url_is_refused(client: httpx.AsyncClient) -> None:
    fits = await client.get("/portfolios?limit=1&note=" + "x" * (MAX_URL_BYTES - 40))
    assert fits.status_code == 200
    answer = await client.get("/portfolios?limit=1&note=" + "x" * MAX_URL_BYTES)
    assert (answer.status_code, answer.json()["code"]) == (414, "url_too_long")
    assert answer.headers["connection"] == "close"

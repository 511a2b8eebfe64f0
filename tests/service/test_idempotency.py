"""Idempotency-Key: done once, answered the same for 24 hours, also to twins, after errors and after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from portfolio_service.app import create_app, running
from portfolio_service.config import Settings
from portfolio_service.domain.errors import Unavailable
from tests.service.conftest import TECH, Server, create_tech, start_server
from tests.service.fakes import ManualClock

KEY = {"Idempotency-Key": "order-1"}
NEW = {"portfolio_name": "Once", "symbols": TECH}
BODIES: dict[str, dict[str, Any]] = {
    "positions": {"positions": {"AAPL": {"quantity": 2}}},
    "optimize": {"method": "min_variance"},
    "rebalance": {"target_weights": dict.fromkeys(TECH, 0.15)},
}


async def names(client: httpx.AsyncClient) -> list[str]:
    return [row["portfolio_name"] for row in (await client.get("/portfolios")).json()["portfolios"]]


async def version(client: httpx.AsyncClient, portfolio_id: str) -> int:
    return int((await client.get(f"/portfolios/{portfolio_id}")).json()["version"])


@pytest.mark.parametrize("path", ["/portfolios", "/portfolios/with-symbols"])
async def test_a_creation_is_done_once(client: httpx.AsyncClient, path: str) -> None:
    body = NEW if path.endswith("symbols") else {"portfolio_name": "Once"}
    first = await client.post(path, json=body, headers=KEY)
    again = await client.post(path, json=body, headers=KEY)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"]
    assert first.headers["etag"] == again.headers["etag"] == '"1"'
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert await names(client) == ["Once"]
    await client.post(path, json=body, headers={"Idempotency-Key": "order-2"})
    await client.post(path, json=body)
    assert await names(client) == ["Once"] * 3


@pytest.mark.parametrize("name", BODIES)
async def test_a_change_is_done_once(client: httpx.AsyncClient, name: str) -> None:
    path = f"/portfolios/{await create_tech(client)}"
    first = await client.post(f"{path}/{name}", json=BODIES[name], headers=KEY)
    assert first.status_code == 200, first.text
    assert first.headers["etag"] == '"2"'
    await client.post(f"{path}/positions", json={"positions": {"AAPL": {"quantity": 9}}})
    again = await client.post(f"{path}/{name}", json=BODIES[name], headers={**KEY, "If-Match": '"1"'})
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["etag"] == '"2"'
    assert await version(client, path.rpartition("/")[2]) == 3


async def test_twins_wait_for_the_first_and_get_its_answer(client: httpx.AsyncClient) -> None:
    twins = [client.post("/portfolios/with-symbols", json=NEW, headers=KEY) for _ in range(32)]
    answers = await asyncio.gather(*twins)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 31
    assert await names(client) == ["Once"]


async def test_no_turn_is_kept_when_nobody_waits(client: httpx.AsyncClient, app: FastAPI) -> None:
    await asyncio.gather(*(client.post("/portfolios", json={"portfolio_name": "P"}, headers=KEY) for _ in range(5)))
    assert len(app.state.services.turns) == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/portfolios", {"portfolio_name": "Other"}),
        ("/portfolios?note=1", {"portfolio_name": "Once"}),
    ],
)
async def test_a_key_belongs_to_one_request(client: httpx.AsyncClient, path: str, body: dict[str, str]) -> None:
    await client.post("/portfolios", json={"portfolio_name": "Once"}, headers=KEY)
    reused = await client.post(path, json=body, headers=KEY)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert await names(client) == ["Once"]


async def test_the_same_json_written_otherwise_is_the_same_request(client: httpx.AsyncClient) -> None:
    headers = {**KEY, "Content-Type": "application/json"}
    first = await client.post("/portfolios", content=b'{"portfolio_name":"A","initial_value":1000}', headers=headers)
    again = await client.post("/portfolios", content=b'{"initial_value": 1000, "portfolio_name": "A"}', headers=headers)
    assert first.content == again.content


async def test_a_key_is_of_one_path(client: httpx.AsyncClient) -> None:
    one, two = await create_tech(client), await create_tech(client)
    for portfolio_id in (one, two):
        done = await client.post(f"/portfolios/{portfolio_id}/rebalance", json=BODIES["rebalance"], headers=KEY)
        assert done.json()["portfolio_id"] == portfolio_id


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "schlüssel"])
async def test_a_malformed_key_is_refused(client: httpx.AsyncClient, key: str) -> None:
    refused = await client.post("/portfolios", json={"portfolio_name": "P"}, headers={b"Idempotency-Key": key.encode()})
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_error")
    assert refused.json()["errors"][0]["field"] == "Idempotency-Key"
    assert await names(client) == []


async def test_errors_are_not_kept(client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a refusal nor a fault: the next attempt with the key is a first attempt."""
    path = f"/portfolios/{await create_tech(client, symbols=['AAPL'])}/rebalance"
    assert (await client.post(path, json={}, headers=KEY)).status_code == 409
    commit = app.state.services.repository.commit

    async def away(_change: object) -> None:
        raise Unavailable("storage_unavailable", "the test switched it off")

    monkeypatch.setattr(app.state.services.repository, "commit", away)
    body = {"target_weights": {"AAPL": 0.5}}
    assert (await client.post(path, json=body, headers=KEY)).status_code == 503
    monkeypatch.setattr(app.state.services.repository, "commit", commit)
    done = await client.post(path, json=body, headers=KEY)
    assert (done.status_code, done.json()["trades_executed"]) == (200, 1)
    assert "idempotency-replayed" not in done.headers


async def test_a_dry_run_is_not_kept(client: httpx.AsyncClient) -> None:
    path = f"/portfolios/{await create_tech(client)}/rebalance"
    planned = await client.post(path, json={**BODIES["rebalance"], "dry_run": True}, headers=KEY)
    assert (planned.json()["status"], planned.headers["etag"]) == ("rebalance_planned", '"1"')
    done = await client.post(path, json=BODIES["rebalance"], headers=KEY)
    assert (done.status_code, done.json()["status"]) == (200, "rebalance_completed")


async def test_a_first_answer_outlives_the_portfolio(client: httpx.AsyncClient) -> None:
    """Who lost the answer to a lost connection gets it, whatever happened to the portfolio since."""
    portfolio_id = await create_tech(client)
    first = await client.post(f"/portfolios/{portfolio_id}/rebalance", json=BODIES["rebalance"], headers=KEY)
    await client.delete(f"/portfolios/{portfolio_id}")
    again = await client.post(f"/portfolios/{portfolio_id}/rebalance", json=BODIES["rebalance"], headers=KEY)
    assert (again.status_code, again.content) == (200, first.content)


async def test_kept_for_24_hours(client: httpx.AsyncClient, clock: ManualClock, app: FastAPI) -> None:
    body = {"portfolio_name": "P"}
    first = await client.post("/portfolios", json=body, headers=KEY)
    clock.advance(timedelta(hours=23, minutes=59))
    assert (await client.post("/portfolios", json=body, headers=KEY)).content == first.content
    clock.advance(timedelta(minutes=2))
    second = await client.post("/portfolios", json=body, headers=KEY)
    assert second.json()["portfolio_id"] != first.json()["portfolio_id"]
    assert (await client.post("/portfolios", json=body, headers=KEY)).content == second.content


async def test_an_answer_that_cannot_be_made_changes_nothing(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made before the commit: never a change whose answer is an error."""
    path = f"/portfolios/{await create_tech(client)}"

    def broken(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("a mistake in an answer")

    monkeypatch.setattr("portfolio_service.api.schemas.trading.TradeOut.of", broken)
    assert (await client.post(f"{path}/rebalance", json=BODIES["rebalance"], headers=KEY)).status_code == 500
    assert await version(client, path.rpartition("/")[2]) == 1


async def test_what_changes_nothing_takes_no_key(app: FastAPI) -> None:
    document = app.openapi()
    keyed = {
        path
        for path, item in document["paths"].items()
        for parameter in item.get("post", {}).get("parameters", [])
        if parameter["name"] == "Idempotency-Key"
    }
    without = {"/efficient-frontier", "/simulate", "/portfolios/{portfolio_id}/stress-test"}
    assert keyed == {path for path, item in document["paths"].items() if "post" in item} - without


async def test_a_restart_keeps_the_answers(settings: Settings, clock: ManualClock) -> None:
    answers = []
    for _ in range(2):
        app = create_app(settings, clock)
        async with (
            running(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as c,
        ):
            answers.append(await c.post("/portfolios/with-symbols", json=NEW, headers=KEY))
            assert await names(c) == ["Once"]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotency-replayed"] == "true"


@pytest.mark.slow
def test_a_killed_server_keeps_the_answers(tmp_path: Path, start: Callable[..., Server]) -> None:
    server = start_server(tmp_path)
    first = httpx.post(f"{server.url}/portfolios/with-symbols", json=NEW, headers=KEY, timeout=60)
    server.process.kill()
    server.stop()
    server = start_server(tmp_path)
    again = httpx.post(f"{server.url}/portfolios/with-symbols", json=NEW, headers=KEY, timeout=60)
    assert (again.status_code, again.content) == (201, first.content)
    assert httpx.get(f"{server.url}/portfolios", timeout=60).json()["count"] == 1
    assert server.stop() == 0

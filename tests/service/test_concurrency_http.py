"""ETag and If-Match: the version of the books; and many changes of one portfolio at once lose nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.service.conftest import TECH, create_tech

EQUAL = dict.fromkeys(TECH, 0.15)
CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/positions", {"positions": {"AAPL": {"quantity": 2}}}),
    ("POST", "/optimize", {"method": "min_variance"}),
    ("POST", "/rebalance", {"target_weights": EQUAL}),
    ("POST", "/deposit", {"amount": 10}),
    ("POST", "/withdraw", {"amount": 10}),
    ("DELETE", "", None),
]


async def change(
    client: httpx.AsyncClient, call: tuple[str, str, Any], portfolio_id: str, if_match: str
) -> httpx.Response:
    method, path, body = call
    named = {} if body is None else {"json": body}
    return await client.request(method, f"/portfolios/{portfolio_id}{path}", headers={"If-Match": if_match}, **named)


async def details(client: httpx.AsyncClient, portfolio_id: str) -> dict[str, Any]:
    return dict((await client.get(f"/portfolios/{portfolio_id}")).json())


@pytest.mark.parametrize("call", CHANGES, ids=lambda call: call[1] or call[0])
async def test_if_match(client: httpx.AsyncClient, call: tuple[str, str, Any]) -> None:
    portfolio_id = await create_tech(client)
    await client.post(f"/portfolios/{portfolio_id}/positions", json={"positions": {"AAPL": {"quantity": 1}}})
    for stale in ('"1"', '"3"', 'W/"2"', '"1", W/"2"', '"two"', '"02"', '"1","3"'):
        refused = await change(client, call, portfolio_id, stale)
        assert (refused.status_code, refused.json()["code"]) == (412, "stale_version"), stale
    assert (await details(client, portfolio_id))["version"] == 2
    for malformed in ("2", '"2', "two", "*, 2", '"2" "3"', ""):
        refused = await change(client, call, portfolio_id, malformed)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_error"), malformed
        assert refused.json()["errors"][0]["field"] == "If-Match"
    assert (await change(client, call, portfolio_id, '"1", "2" ,W/"3"')).status_code == 200


@pytest.mark.parametrize("call", CHANGES, ids=lambda call: call[1] or call[0])
async def test_any_version(client: httpx.AsyncClient, call: tuple[str, str, Any]) -> None:
    portfolio_id = await create_tech(client)
    assert (await change(client, call, portfolio_id, "*")).status_code == 200
    missing = await change(client, call, "port_000000000000", "*")
    assert (missing.status_code, missing.json()["code"]) == (404, "portfolio_not_found")


async def test_the_etag_follows_the_books_and_not_the_prices(client: httpx.AsyncClient) -> None:
    created = await client.post("/portfolios/with-symbols", json={"portfolio_name": "P", "symbols": TECH})
    path = created.headers["location"]
    assert created.headers["etag"] == (await client.get(path)).headers["etag"] == '"1"'
    done = await client.post(f"{path}/rebalance", json={"target_weights": EQUAL})
    read = await client.get(path, headers={"If-None-Match": '"2"'})
    assert (read.status_code, read.headers["etag"], done.headers["etag"]) == (200, '"2"', '"2"')
    assert read.json()["version"] == 2


async def test_fifty_rebalances_at_once_are_done_one_after_the_other(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    path = f"/portfolios/{portfolio_id}"

    async def one(k: int) -> httpx.Response:
        weights = {"AAPL": 0.1 + 0.01 * (k % 10), "MSFT": 0.2 - 0.01 * (k % 7)}
        body = {"target_weights": weights, "rebalance_threshold": 0.0}
        return await client.post(f"{path}/rebalance", json=body)

    answers = await asyncio.gather(*map(one, range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(int(answer.headers["etag"].strip('"')) for answer in answers) == list(range(2, 52))
    executed = sum(answer.json()["trades_executed"] for answer in answers)
    assert (await client.get(f"{path}/trades?limit=1")).json()["count"] == executed > 50
    after = await details(client, portfolio_id)
    parts = [position["market_value"] for position in after["positions"].values()]
    total = round(sum(parts) + after["cash_balance"] + after["unallocated_capital"], 2)
    assert total == after["total_value"]
    spent = sum(answer.json()["execution_cost"] for answer in answers)
    assert round(after["total_value"] + spent, 2) == pytest.approx(250_000, abs=0.5)  # the market stands still


async def test_one_of_fifty_with_the_same_if_match_wins(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    call = ("POST", "/rebalance", {"target_weights": EQUAL, "rebalance_threshold": 0.0})
    answers = await asyncio.gather(*(change(client, call, portfolio_id, '"1"') for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 49}
    assert (await details(client, portfolio_id))["version"] == 2

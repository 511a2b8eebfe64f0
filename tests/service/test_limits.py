"""Risk limits: levels, the scan over all portfolios, the watch over real books, and limits of a portfolio's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from portfolio_service.adapters.storage.audit import state_hash
from portfolio_service.adapters.storage.database import Database
from portfolio_service.adapters.storage.migrate import downgrade
from portfolio_service.domain.limit_settings import LimitSettings
from portfolio_service.domain.limits import DEFAULTS, Level, LimitScan, Measures, State, judge, readings
from portfolio_service.domain.valuation import LiveValues
from tests.service.conftest import create_tech
from tests.service.fakes import ACTOR
from tests.service.market_support import World, open_world, portfolio_of

SECTORS = {"A": "Tech", "B": "Tech", "C": "Energy"}


def _values(weights: dict[str, float], total: float = 100.0) -> LiveValues:
    return LiveValues(
        portfolio_ids=("port_a",),
        totals=np.array([total]),
        symbols=tuple(weights),
        owners=np.zeros(len(weights), dtype=np.intp),
        columns=np.arange(len(weights), dtype=np.intp),
        market_values=np.array(list(weights.values())) * total,
        basis=np.array(list(weights.values())) * total,
        weights=np.array(list(weights.values())),
        unpriced=0,
    )


@pytest.mark.parametrize(
    ("weights", "volatility", "high", "beyond"),
    [
        ({"A": 0.20, "C": 0.17}, 0.25, 100.0, {"max_position_weight": "warning", "max_volatility": "warning"}),
        ({"A": 0.18, "C": 0.18}, 0.225, 100.0, {}),  # at a level is within it
        ({"A": 0.201, "C": 0.1}, 0.10, 100.0, {"max_position_weight": "breach"}),
        ({"A": 0.16, "B": 0.15, "C": 0.1}, 0.10, 100.0, {"max_sector_weight": "breach"}),
        ({"A": 0.14, "B": 0.14, "C": 0.1}, 0.10, 100.0, {"max_sector_weight": "warning"}),
        ({"X": 0.17, "Y": 0.17, "Z": 0.17}, 0.10, 100.0, {}),  # unknown sectors are no sector
        ({"A": 0.1}, 0.26, 100.0, {"max_volatility": "breach"}),
        ({"A": 0.1}, 0.10, 118.0, {"max_drawdown": "breach"}),
        ({"A": 0.1}, 0.10, 116.5, {"max_drawdown": "warning"}),
        ({"A": 0.1}, 0.10, 115.0, {}),
        ({name: 0.17 for name in "DEFGHIJKL"}, 0.1, 100.0, {"max_leverage": "breach"}),
        ({}, 0.0, 0.0, {}),
    ],
)
def test_levels(weights: dict[str, float], volatility: float, high: float, beyond: dict[str, str]) -> None:
    """One portfolio by itself and the scan over all agree; a day's VaR of 60 % alerts nobody by default."""
    measures = Measures(volatility=volatility, var_95=0.6, high=high)
    found = judge(DEFAULTS, readings(weights, SECTORS.get, 100.0, measures))
    assert {one.limit: one.state for one in found if one.state in ("warning", "breach")} == beyond
    near, levels = LimitScan(SECTORS.get).near(_values(weights), [portfolio_of({})], {"port_a": measures})
    states = {limit: levels["port_a"][limit].state(value) for (_, limit, _), value in near.items()}
    assert {limit: state for limit, state in states.items() if state != "ok"} == beyond


def test_every_limit_has_a_standing_even_when_it_is_not_known() -> None:
    found = {one.limit: one for one in judge(DEFAULTS, readings({"A": 0.1}, SECTORS.get, 100.0, Measures()))}
    assert {name: one.state for name, one in found.items()} == {
        "max_position_weight": "ok",
        "max_sector_weight": "ok",
        "max_volatility": "unknown",
        "max_drawdown": "unknown",
        "max_leverage": "ok",
        "max_var_95": "disabled",
    }
    assert (found["max_position_weight"].subject, found["max_position_weight"].warning) == ("A", 0.18)


@pytest.mark.parametrize(
    ("value", "before", "state"),
    [
        (0.21, "ok", "breach"),
        (0.197, "breach", "breach"),  # below, but not by enough to count as back
        (0.195, "breach", "warning"),
        (0.177, "warning", "warning"),
        (0.175, "warning", "ok"),
        (0.177, "ok", "ok"),
        (0.15, "breach", "ok"),
    ],
)
def test_a_level_holds_until_the_value_is_clearly_back(value: float, before: State, state: str) -> None:
    assert DEFAULTS["max_position_weight"].state(value, before) == state
    assert Level(0.1, 0.2, enabled=False).state(value, before) == "disabled"


def test_a_thousand_portfolios_are_scanned_quickly() -> None:
    rng = np.random.default_rng(2)
    count, held = 1000, 50
    values = LiveValues(
        portfolio_ids=tuple(f"port_{k}" for k in range(count)),
        totals=np.full(count, 100.0),
        symbols=tuple("ABC"),
        owners=np.repeat(np.arange(count, dtype=np.intp), held),
        columns=rng.integers(0, 3, count * held),
        market_values=np.full(count * held, 0.5),
        basis=np.full(count * held, 0.5),
        weights=np.full(count * held, 0.005),
        unpriced=0,
    )
    portfolios = [portfolio_of({}, portfolio_id=f"port_{k}") for k in range(count)]
    measures = {one.portfolio_id: Measures(0.1, 0.01, 100.0) for one in portfolios}
    begin = time.perf_counter()
    near, levels = LimitScan(SECTORS.get).near(values, portfolios, measures)
    assert time.perf_counter() - begin < 0.2
    assert (near, len(levels)) == ({}, count)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def test_the_watch_measures_what_performance_measures(world: World) -> None:
    portfolios = [await world.create("AGG", cash="0"), await world.create("TSLA", "KO"), await world.create()]
    await world.risk.run_once()
    for portfolio in portfolios[:2]:
        metrics, _ = await world.analytics.metrics(portfolio, await world.value(portfolio))
        found = world.risk.latest()[portfolio.portfolio_id]
        assert found.volatility == pytest.approx(metrics.volatility, rel=1e-6)
        assert found.var_95 * 100_000 == pytest.approx(metrics.var_95, rel=1e-3)
        assert found.cvar_95 < found.var_95 < 0
    assert world.risk.latest()[portfolios[2].portfolio_id].volatility == 0.0


async def test_volatility_is_that_of_what_is_held(world: World) -> None:
    calm = await world.create("AGG", cash="0")
    wild = await world.create("TSLA", cash="0")
    risky = {e.payload["portfolio_id"] for e in await world.risk.run_once() if e.payload["limit"] == "max_volatility"}
    assert risky == {wild.portfolio_id} != {calm.portfolio_id}
    await world.hold(wild.portfolio_id, {"TSLA": "0", "AGG": "10"})
    back = [e.payload for e in await world.risk.run_once() if e.payload["limit"] == "max_volatility"]
    assert [(one["status"], one["portfolio_id"]) for one in back] == [("cleared", wild.portfolio_id)]


@pytest.mark.slow
async def test_drawdown_is_measured_from_the_highest_close_of_the_book_itself(world: World) -> None:
    portfolio = await world.create("TSLA", cash="0")
    alerts, fell = [], 0.0
    for _ in range(80):
        world.clock.advance(timedelta(days=1))
        await world.repository.save_daily_records(await world.records.missing(portfolio), [])
        await world.prices.current(["TSLA"])
        world.live.on_ticks(list((await world.market.get_multiple_prices(["TSLA"])).values()))
        raised = [e.payload for e in await world.risk.run_once() if e.payload["limit"] == "max_drawdown"]
        rows = await world.repository.daily_records(portfolio.portfolio_id, portfolio.created_at.date())
        high = max(100_000.0, *(float(row.total_value) for row in rows))
        fell = 1 - world.live.total_aum() / high
        alerts += [one for one in raised if one["severity"] == "breach"]
        if alerts:
            break
    assert len(alerts) == 1
    assert fell > 0.15
    assert alerts[0]["value"] == pytest.approx(fell, rel=1e-3)


async def test_money_taken_out_is_no_drawdown(world: World) -> None:
    portfolio = await world.create("KO", "AGG", "XOM", "JPM", "LIN")
    world.clock.advance(timedelta(days=2))
    await world.repository.save_daily_records(await world.records.missing(portfolio), [])
    await world.hold(portfolio.portfolio_id, dict.fromkeys(("KO", "AGG", "XOM", "JPM"), "0"))
    limits_hit = {event.payload["limit"] for event in await world.risk.run_once()}
    assert "max_drawdown" not in limits_hit
    measures = await world.risk.current(world.books.get(portfolio.portfolio_id))
    assert measures.high == pytest.approx(world.live.total_aum(), rel=0.05)


@pytest.mark.slow
async def test_a_thousand_books_are_refreshed_within_seconds_and_off_the_loop(tmp_path: Path) -> None:
    """Half in memory only: what is measured is the watch, not a thousand commits."""
    async with open_world(tmp_path) as world:
        symbols = list(world.market.known_symbols() or ())
        first = await world.create(*symbols[:50])
        rng = np.random.default_rng(1)
        for k in range(1, 1000):
            names = rng.choice(symbols, 50, replace=False)
            holdings = {str(name): ("10", "1000") for name in names}
            world.books._swap(portfolio_of(holdings, "1000", portfolio_id=f"port_{k:012x}"))
        world.live.on_ticks(list((await world.market.get_multiple_prices(symbols)).values()))
        lags: list[float] = []

        async def watch_the_loop() -> None:
            while True:
                begin = time.perf_counter()
                await asyncio.sleep(0.001)
                lags.append(time.perf_counter() - begin - 0.001)

        watcher = asyncio.create_task(watch_the_loop())
        begin = time.perf_counter()
        await world.risk.current(first)
        took = time.perf_counter() - begin
        watcher.cancel()
        assert len(world.risk.latest()) == 1000
        assert took < 5
        assert np.quantile(lags, 0.99) < 0.05


async def test_limits_of_its_own(client: httpx.AsyncClient, app: FastAPI) -> None:
    portfolio_id = await create_tech(client)
    url = f"/portfolios/{portfolio_id}/limits"
    first = await client.get(url)
    assert first.json()["limits"]["max_position_weight"] == {"warning": 0.18, "breach": 0.2, "enabled": True}
    assert first.json()["limits"]["max_var_95"]["enabled"] is False
    body = {"max_position_weight": {"breach": 0.5}, "max_drawdown": {"breach": 0.3, "warning": 0.1, "enabled": False}}
    response = await client.put(url, json=body, headers={"If-Match": first.headers["etag"]})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["status"] == "limits_updated"
    assert answer["version"] == first.json()["version"] + 1
    assert answer["limits"]["max_position_weight"] == {"warning": 0.45, "breach": 0.5, "enabled": True}
    assert answer["limits"]["max_drawdown"] == {"warning": 0.1, "breach": 0.3, "enabled": False}
    assert answer["source"]["max_drawdown"] == "portfolio"
    assert answer["source"]["max_leverage"] == "default"
    assert response.headers["etag"] == f'"{answer["version"]}"'
    assert (await client.get(url)).json()["limits"] == answer["limits"]
    stale = await client.put(url, json={}, headers={"If-Match": first.headers["etag"]})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    reset = (await client.put(url, json={})).json()
    assert reset["limits"] == first.json()["limits"]
    assert await app.state.services.repository.verify_audit() == []


async def test_wrong_limits_are_refused(client: httpx.AsyncClient) -> None:
    url = f"/portfolios/{await create_tech(client)}/limits"
    wrong: list[tuple[dict[str, object], str]] = [
        ({"max_position_weight": {"breach": 0.2, "warning": 0.3}}, "limit_order"),
        ({"max_position_weight": {"breach": 20}}, "validation_error"),
        ({"max_position_weight": {"breach": 0}}, "validation_error"),
        ({"max_position_weight": {"warning": 0.1}}, "validation_error"),
        ({"max_position": {"breach": 0.2}}, "unknown_field"),
        ({"max_leverage": {"breach": True}}, "validation_error"),
    ]
    for body, code in wrong:
        response = await client.put(url, json=body)
        assert (response.status_code, response.json()["code"]) == (422, code), body
    assert (await client.get(url)).json()["source"]["max_position_weight"] == "default"


async def test_limits_survive_a_restart_and_govern_the_alerts(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        portfolio = await world.create("AGG", cash="0")
        assert {e.payload["limit"] for e in await world.risk.run_once()} == {"max_position_weight"}
        settings = LimitSettings(world.books, world.clock)
        await settings.put(portfolio.portfolio_id, {"max_position_weight": Level.at(1.0, 1.0)}, ACTOR)
    async with open_world(tmp_path) as world:
        assert world.books.get(portfolio.portfolio_id).limits == {
            "max_position_weight": {"warning": 1.0, "breach": 1.0, "enabled": True}
        }
        world.live.on_ticks(list((await world.market.get_multiple_prices(["AGG"])).values()))
        (event,) = await world.risk.run_once()
        assert (event.payload["status"], event.payload["limit"]) == ("cleared", "max_position_weight")


async def test_the_watch_leaves_the_metrics_that_a_request_would_compute(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        held, empty = await world.create("AGG", "TSLA"), await world.create()
        asked = [(one, await world.analytics.metrics(one, await world.value(one))) for one in (held, empty)]
        world.analytics._known.clear()
        await world.risk.run_once()
        for portfolio, (metrics, basis) in asked:
            _, kept = world.analytics._known[portfolio.portfolio_id]
            assert kept[1] == basis
            for name in ("total_return", "volatility", "sharpe_ratio", "max_drawdown", "alpha", "beta", "var_95"):
                assert getattr(kept[0], name) == pytest.approx(getattr(metrics, name), rel=1e-6), name


async def test_trades_are_held_to_the_limits_when_a_request_asks(client: httpx.AsyncClient, app: FastAPI) -> None:
    portfolio_id = await create_tech(client, symbols=["AGG", "KO", "JPM", "XOM", "LIN"])
    url = f"/portfolios/{portfolio_id}/rebalance"
    body = {"target_weights": {"AGG": 0.5, "KO": 0.1, "JPM": 0.1, "XOM": 0.1, "LIN": 0.1}}
    plan = (await client.post(url, json={**body, "dry_run": True})).json()
    after = {one["limit"]: one for one in plan["limits_after"]}
    assert (after["max_position_weight"]["subject"], after["max_position_weight"]["state"]) == ("AGG", "breach")
    assert after["max_position_weight"]["value"] == pytest.approx(0.5, abs=0.01)
    assert after["max_volatility"]["state"] == "ok"
    assert "max_drawdown" not in after
    refused = await client.post(url, json={**body, "enforce_limits": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "limit_breached")
    assert [error["field"] for error in refused.json()["errors"]] == ["max_position_weight"]
    assert (await client.get(f"/portfolios/{portfolio_id}/trades")).json()["count"] == 0
    await client.put(f"/portfolios/{portfolio_id}/limits", json={"max_position_weight": {"breach": 0.6}})
    done = await client.post(url, json={**body, "enforce_limits": True})
    assert done.status_code == 200, done.text
    assert done.json()["trades_executed"] == 5
    assert {one["state"] for one in done.json()["limits_after"]} <= {"ok", "disabled"}
    beyond = {"target_weights": {**dict.fromkeys(("KO", "JPM", "XOM", "LIN"), 0.05), "AGG": 0.75}}
    assert (await client.post(url, json=beyond)).json()["status"] == "rebalance_completed"  # soft unless asked


async def test_the_schema_goes_back_only_without_limits_of_their_own(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        portfolio = await world.create("AGG")
        settings = LimitSettings(world.books, world.clock)
        await settings.put(portfolio.portfolio_id, {"max_leverage": Level.at(1.0)}, ACTOR)
        hashed = world.books.get(portfolio.portfolio_id)
        assert state_hash(hashed) != state_hash(replace(hashed, limits=None))
    with pytest.raises(ValueError, match=portfolio.portfolio_id):
        await _go_back(tmp_path)
    async with open_world(tmp_path) as world:
        await LimitSettings(world.books, world.clock).put(portfolio.portfolio_id, {}, ACTOR)
    await _go_back(tmp_path)
    async with open_world(tmp_path) as world:
        assert world.books.get(portfolio.portfolio_id).limits is None
        assert await world.repository.verify_audit() == []


async def _go_back(folder: Path) -> None:
    """To the schema before limits, in one transaction."""
    database = await Database.open(folder / "portfolio.db")
    try:
        await database.write(downgrade, "0003")
    finally:
        await database.close()

"""Alerts: on the edge only, durable, in one transaction with their events, listed and acknowledged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from portfolio_service.domain.alerts import Alerts
from portfolio_service.domain.errors import NotFound, Unavailable
from portfolio_service.domain.limits import DEFAULTS, Key, Measures
from tests.service.conftest import DATABASES, create_tech
from tests.service.fakes import ACTOR
from tests.service.market_support import World, open_world

LIMIT = "max_position_weight"


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(where: Path | str) -> Path | str:
    return where.parent if isinstance(where, Path) else where


@pytest.fixture
async def world(place: Path | str) -> AsyncIterator[World]:
    async with open_world(place) as opened:
        yield opened


async def _check(world: World, portfolio_id: str, weights: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """One check of the position limit; what was raised and cleared."""
    near: dict[Key, float] = {(portfolio_id, LIMIT, symbol): weight for symbol, weight in weights.items()}
    found = await world.alerts.update(near, {portfolio_id: DEFAULTS}, {portfolio_id: Measures()})
    return [(e.payload["status"], e.payload["severity"], e.payload["subject"]) for e in found]


async def test_an_alert_is_raised_once_and_again_only_after_coming_back(world: World) -> None:
    owner = (await world.create("KO")).portfolio_id
    assert await _check(world, owner, {"A": 0.21}) == [("raised", "breach", "A")]
    assert await _check(world, owner, {"A": 0.25}) == []
    assert await _check(world, owner, {"A": 0.199}) == []
    assert await _check(world, owner, {"A": 0.21, "B": 0.185}) == [("raised", "warning", "B")]
    assert await _check(world, owner, {"B": 0.185}) == [("cleared", "breach", "A")]
    assert await _check(world, owner, {"A": 0.21, "B": 0.22}) == [
        ("raised", "breach", "A"),
        ("cleared", "warning", "B"),
        ("raised", "breach", "B"),
    ]
    assert await _check(world, owner, {"A": 0.19, "B": 0.177}) == [
        ("cleared", "breach", "A"),
        ("raised", "warning", "A"),
        ("cleared", "breach", "B"),
    ]


async def test_the_event_is_as_documented_and_in_the_outbox_with_the_alert(world: World) -> None:
    owner = (await world.create("KO")).portfolio_id
    await _check(world, owner, {"A": 0.25})
    (alert,), count = await world.alerts.page(owner, "open", None, 10, 0)
    assert count == 1
    events = [event for event in await world.events() if event.topic == "portfolio.risk.alert"]
    assert [dict(event.payload) for event in events] == [
        {
            "portfolio_id": owner,
            "limit": LIMIT,
            "level": 0.2,
            "value": 0.25,
            "message": "A: max_position_weight is 0.25, the limit is 0.2",
            "subject": "A",
            "severity": "breach",
            "alert_id": alert.alert_id,
            "status": "raised",
            "timestamp": "2025-08-25T15:00:00Z",
        }
    ]


async def test_a_restart_raises_nothing_again(place: Path | str) -> None:
    async with open_world(place) as world:
        owner = (await world.create("KO")).portfolio_id
        await _check(world, owner, {"A": 0.25, "B": 0.185})
    async with open_world(place) as world:
        assert await _check(world, owner, {"A": 0.25, "B": 0.185}) == []
        world.clock.advance(60)
        assert await _check(world, owner, {"B": 0.185}) == [("cleared", "breach", "A")]
        (cleared,), _ = await world.alerts.page(None, "cleared", None, 10, 0)
        assert (cleared.subject, cleared.cleared_at) == ("A", world.clock.now())


async def test_what_cannot_be_written_is_raised_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = (await world.create("KO")).portfolio_id

    async def full_disk(*_given: object) -> None:
        raise Unavailable("storage_unavailable", "the disk is full")

    with monkeypatch.context() as fault:
        fault.setattr(world.alerts._store, "record", full_disk)
        with pytest.raises(Unavailable):
            await _check(world, owner, {"A": 0.25})
    assert world.alerts.standing() == []
    assert await _check(world, owner, {"A": 0.25}) == [("raised", "breach", "A")]


async def test_an_unknown_value_leaves_its_alert_and_a_gone_portfolio_ends_it(world: World) -> None:
    owner = (await world.create("KO")).portfolio_id
    near: dict[Key, float] = {(owner, "max_volatility", ""): 0.4}
    await world.alerts.update(near, {owner: DEFAULTS}, {owner: Measures(volatility=0.4)})
    assert await world.alerts.update({}, {owner: DEFAULTS}, {owner: Measures()}) == []
    (event,) = await world.alerts.update({}, {}, {})
    assert event.payload["status"] == "cleared"
    assert world.alerts.standing() == []


async def test_the_watch_over_books(world: World) -> None:
    portfolio = await world.create("AAPL", "MSFT", "KO", cash="0")
    raised = await world.risk.run_once()
    assert sorted(event.payload["subject"] for event in raised if event.payload["severity"] == "breach") == [
        "AAPL",
        "Consumer Staples",
        "Information Technology",
        "KO",
        "MSFT",
    ]
    assert await world.risk.run_once() == []
    await world.portfolios.archive(portfolio.portfolio_id, ACTOR)
    assert {event.payload["status"] for event in await world.risk.run_once()} == {"cleared"}
    assert await world.risk.run_once() == []


async def test_many_alerts_are_pages_of_the_newest_first(world: World) -> None:
    owner = (await world.create("KO")).portfolio_id
    await _check(world, owner, {f"S{k:03}": 0.25 for k in range(450)})
    page, count = await world.alerts.page(owner, "all", "breach", 10, 445)
    assert (count, [alert.subject for alert in page]) == (450, ["S004", "S003", "S002", "S001", "S000"])
    assert len(await world.repository.pending_events(1000)) == 451


async def test_acknowledging_twice_keeps_the_first(world: World) -> None:
    owner = (await world.create("KO")).portfolio_id
    await _check(world, owner, {"A": 0.25})
    (alert,) = world.alerts.standing()
    first = await world.alerts.acknowledge(alert.alert_id, "seen", ACTOR)
    world.clock.advance(timedelta(hours=1))
    assert await world.alerts.acknowledge(alert.alert_id, "again", ACTOR) == first
    assert (first.status, first.note, first.acknowledged_by) == ("acknowledged", "seen", "test")
    assert (await world.alerts.page(None, "open", None, 10, 0))[1] == 0
    assert (await world.alerts.page(None, "acknowledged", None, 10, 0))[1] == 1
    assert await _check(world, owner, {"A": 0.25}) == []
    with pytest.raises(NotFound):
        await world.alerts.acknowledge("alert_000000000000", None, ACTOR)


async def test_over_http(client: httpx.AsyncClient, app: FastAPI) -> None:
    portfolio_id = await create_tech(client, symbols=["AAPL", "MSFT"])
    other = await create_tech(client, symbols=["AGG"])
    await app.state.services.risk.watch.run_once()
    own = (await client.get(f"/portfolios/{portfolio_id}/alerts")).json()
    everything = (await client.get("/alerts", params={"status": "all"})).json()
    assert own["count"] == len(own["alerts"]) >= 3
    assert {alert["portfolio_id"] for alert in everything["alerts"]} == {portfolio_id, other}
    assert len((await client.get("/alerts", params={"limit": 2, "offset": 1})).json()["alerts"]) == 2
    breaches = (await client.get(f"/portfolios/{portfolio_id}/alerts", params={"severity": "breach"})).json()
    assert {alert["severity"] for alert in breaches["alerts"]} == {"breach"}
    alert_id = breaches["alerts"][0]["alert_id"]
    for note in ("first", "second"):
        response = await client.post(f"/alerts/{alert_id}/acknowledge", json={"note": note})
        assert response.status_code == 200, response.text
        assert response.json()["note"] == "first"
    assert response.json()["status"] == "acknowledged"
    assert response.json()["acknowledged_by"] == "api"
    unknown = await client.post("/alerts/alert_000000000000/acknowledge", json={})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "alert_not_found")
    wrong = await client.get("/alerts", params={"status": "new"})
    assert wrong.status_code == 422


async def test_alerts_stay_in_the_database_without_the_service_that_raised_them(world: World) -> None:
    owner = (await world.create("KO")).portfolio_id
    await _check(world, owner, {"A": 0.25})
    again = Alerts(world.alerts._store, world.clock)
    await again.load()
    assert again.standing() == world.alerts.standing()


async def test_the_high_follows_records_and_flows_forward(world: World) -> None:
    """Two portfolios, one with money taken out after its record; a second look reads only what is new."""
    kept, drawn = await world.create("KO", "AGG"), await world.create("KO", "AGG")
    assert [(await world.risk.current(one)).high for one in (kept, drawn)] == [100_000.0, 100_000.0]
    for _ in range(2):
        world.clock.advance(timedelta(days=1))
        for one in (kept, drawn):
            await world.repository.save_daily_records(
                await world.records.missing(world.books.get(one.portfolio_id)), []
            )
    await world.hold(drawn.portfolio_id, {"KO": "0"})
    highs = world.risk._highs
    await highs.follow()
    rows = await world.repository.daily_records(kept.portfolio_id, kept.created_at.date())
    assert highs.of(kept.portfolio_id) == pytest.approx(
        max(100_000, *(float(row.total_value) for row in rows)), rel=1e-6
    )
    assert highs.of(drawn.portfolio_id) == pytest.approx(55_000, rel=0.05)
    assert highs.of("port_000000000000") is None

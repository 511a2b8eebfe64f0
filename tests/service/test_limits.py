"""Risk limits: the documented levels, alerts on the edge only, the watch over real books."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from portfolio_service.domain.limits import RiskLimits
from portfolio_service.domain.models import Event
from portfolio_service.domain.valuation import LiveValues
from tests.service.fakes import ACTOR
from tests.service.market_support import FRIDAY_NOON, World, open_world

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


def _check(limits: RiskLimits, weights: dict[str, float], volatility: float = 0.1, high: float = 100.0) -> list[str]:
    found = limits.check(_values(weights), {"port_a": volatility}, {"port_a": high}, FRIDAY_NOON)
    return [event.payload["limit"] for event in found]


@pytest.fixture
def limits() -> RiskLimits:
    return RiskLimits(SECTORS.get)


@pytest.mark.parametrize(
    ("weights", "volatility", "high", "alerts"),
    [
        ({"A": 0.20, "C": 0.20}, 0.25, 100.0, []),  # at the limit is within it
        ({"A": 0.201, "C": 0.1}, 0.10, 100.0, ["max_position_weight"]),
        ({"A": 0.16, "B": 0.15, "C": 0.1}, 0.10, 100.0, ["max_sector_weight"]),
        ({"X": 0.19, "Y": 0.19, "Z": 0.19}, 0.10, 100.0, []),  # unknown sectors are no sector
        ({"A": 0.1}, 0.26, 100.0, ["max_volatility"]),
        ({"A": 0.1}, 0.10, 118.0, ["max_drawdown"]),
        ({"A": 0.1}, 0.10, 117.0, []),
        ({name: 0.19 for name in "DEFGHIJK"}, 0.1, 100.0, ["max_leverage"]),
        ({}, 0.0, 0.0, []),
    ],
)
def test_documented_levels(
    limits: RiskLimits, weights: dict[str, float], volatility: float, high: float, alerts: list[str]
) -> None:
    assert _check(limits, weights, volatility, high) == alerts


def test_an_alert_names_portfolio_limit_level_value_and_subject(limits: RiskLimits) -> None:
    (event,) = limits.check(_values({"A": 0.25}), {}, {}, FRIDAY_NOON)
    assert event == Event(
        "portfolio.risk.alert",
        {
            "portfolio_id": "port_a",
            "limit": "max_position_weight",
            "level": 0.2,
            "value": 0.25,
            "message": "A: max_position_weight is 0.25, the limit is 0.2",
            "timestamp": "2026-03-13T16:00:00Z",
        },
    )


def test_alerts_come_on_the_edge_and_again_only_after_coming_back(limits: RiskLimits) -> None:
    assert _check(limits, {"A": 0.21}) == ["max_position_weight"]
    assert _check(limits, {"A": 0.25}) == []
    assert _check(limits, {"A": 0.199}) == []  # below, but not by enough to count as back
    assert _check(limits, {"A": 0.21}) == []
    assert _check(limits, {"A": 0.19}) == []
    assert _check(limits, {"A": 0.21}) == ["max_position_weight"]
    assert _check(limits, {"A": 0.21, "C": 0.22}) == ["max_position_weight"]  # another symbol, its own edge


def test_a_thousand_portfolios_are_checked_quickly(limits: RiskLimits) -> None:
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
    begin = time.perf_counter()
    assert limits.check(values, {}, {}, FRIDAY_NOON) == []
    assert time.perf_counter() - begin < 0.1


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def test_the_watch_raises_outbox_events_once(world: World) -> None:
    portfolio = await world.create("AAPL", "MSFT", "KO", cash="0")
    raised = await world.risk.run_once()
    assert sorted(event.payload["message"].split(":")[0] for event in raised) == [
        "AAPL",
        "Consumer Staples",
        "Information Technology",
        "KO",
        "MSFT",
    ]
    stored = [event for event in await world.events() if event.topic == "portfolio.risk.alert"]
    assert [event.payload for event in stored] == [dict(event.payload) for event in raised]
    assert await world.risk.run_once() == []
    await world.portfolios.archive(portfolio.portfolio_id, ACTOR)
    assert await world.risk.run_once() == []


async def test_volatility_is_that_of_what_is_held(world: World) -> None:
    calm = await world.create("AGG", cash="0")
    wild = await world.create("TSLA", cash="0")
    risky = {e.payload["portfolio_id"] for e in await world.risk.run_once() if e.payload["limit"] == "max_volatility"}
    assert risky == {wild.portfolio_id} != {calm.portfolio_id}


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
        alerts += raised
        if raised:
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

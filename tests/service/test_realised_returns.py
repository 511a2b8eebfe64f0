"""The daily record with flows: time-weighted by hand, money-weighted by its equation, made up late as in time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from portfolio_service.adapters.market_data.simulated import SimulatedMarket
from portfolio_service.adapters.storage.flows import ExternalFlowStore
from portfolio_service.domain import realised
from portfolio_service.domain.cash_flows import CashService
from portfolio_service.domain.models import EntryKind, LedgerEntry, Portfolio
from portfolio_service.domain.portfolio import PositionUpdate
from portfolio_service.domain.realised_days import Closes, walk
from portfolio_service.jobs.daily_record import DailyRecordJob
from tests.service.conftest import create_tech
from tests.service.fakes import ACTOR, ManualClock
from tests.service.market_support import World, open_world, portfolio_of

D = Decimal
DAY = timedelta(days=1)


class Away(SimulatedMarket):
    """The simulated market, which can stop answering for prices."""

    away = False

    async def get_multiple_prices(self, symbols: Sequence[str]) -> Any:
        if self.away:
            raise ConnectionError("switched off")
        return await super().get_multiple_prices(symbols)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, Away) as opened:
        yield opened


def _cash(world: World) -> CashService:
    flows = ExternalFlowStore(world.repository._database)
    return CashService(books=world.books, prices=world.prices, flows=flows, clock=world.clock)


def _job(world: World) -> DailyRecordJob:
    return DailyRecordJob(
        books=world.books, market=world.market, repository=world.repository, records=world.records, clock=world.clock
    )


async def _total(world: World, portfolio: Portfolio) -> float:
    return float((await world.value(world.books.get(portfolio.portfolio_id))).total_value)


async def test_two_flows_within_one_day_by_hand(world: World) -> None:
    """Each flow's moment is a valuation: what was there grew up to it, what is there after it grows from it."""
    own, cash = await world.create("KO", "NVDA"), _cash(world)
    world.clock.advance(timedelta(hours=23))  # the next session has begun
    before_one = await _total(world, own)
    await cash.deposit(own.portfolio_id, D(50_000), None, ACTOR)
    world.clock.advance(timedelta(hours=2))
    before_two = await _total(world, own)
    await cash.withdraw(own.portfolio_id, D("30000.50"), None, ACTOR)
    world.clock.advance(timedelta(hours=8))
    assert await _job(world).run_once() == 2
    first, second = await world.repository.daily_records(own.portfolio_id, own.created_at.date())
    v1, v2 = float(first.total_value), float(second.total_value)
    assert first.daily_return == pytest.approx(v1 / 100_000 - 1, abs=1e-12)
    by_hand = before_one / v1 * before_two / (before_one + 50_000) * v2 / (before_two - 30_000.50) - 1
    assert second.daily_return == pytest.approx(by_hand, abs=1e-12)
    assert second.external_flow == D("19999.50")
    found = await world.analytics.realised(world.books.get(own.portfolio_id))
    assert found["time_weighted_return"] == pytest.approx(v1 / 100_000 * (1 + by_hand) - 1, abs=1e-12)
    assert found["annualized"] is False
    assert found["net_external_flow"] == 119999.50
    # the rate that the money earned over the whole time, by its own equation
    end = world.market.last_close(world.clock.now())
    whole = (end - own.created_at).total_seconds()
    growth = 1 + found["money_weighted_return"]
    left = [(whole - hours * 3600) / whole for hours in (0, 23, 25)]
    paid = (100_000, 50_000, -30_000.50)
    assert sum(p * growth**share for p, share in zip(paid, left, strict=True)) == pytest.approx(v2, abs=1e-6)


async def test_a_flow_while_the_market_is_away_is_estimated(world: World) -> None:
    """Modified Dietz between the closes; the stale price of the moment is not taken for a value."""
    own, cash = await world.create("NVDA"), _cash(world)
    await _job(world).run_once()
    world.clock.advance(DAY)
    await _job(world).run_once()
    world.market.away = True
    await cash.deposit(own.portfolio_id, D(80_000), None, ACTOR)  # at 15:00, 19 of 24 hours after the close
    world.market.away = False
    world.clock.advance(timedelta(hours=7))
    await _job(world).run_once()
    first, second = await world.repository.daily_records(own.portfolio_id, own.created_at.date())
    v1, v2 = float(first.total_value), float(second.total_value)
    dietz = (v2 - v1 - 80_000) / (v1 + 80_000 * 5 / 24)
    assert second.daily_return == pytest.approx(dietz, abs=1e-12)


async def test_flows_alone_are_no_return(world: World) -> None:
    own, cash = await world.create(initial="1000", cash="1000"), _cash(world)
    for amount in (500, 250, 9000):
        world.clock.advance(DAY)
        await cash.deposit(own.portfolio_id, D(amount), None, ACTOR)
    await cash.withdraw(own.portfolio_id, D(10_750), None, ACTOR)  # all of it
    world.clock.advance(2 * DAY)
    await cash.deposit(own.portfolio_id, D(40), None, ACTOR)
    world.clock.advance(4 * DAY)
    await _job(world).run_once()
    rows = await world.repository.daily_records(own.portfolio_id, own.created_at.date())
    assert len(rows) >= 5
    assert [row.daily_return for row in rows] == [0.0] * len(rows)
    found = await world.analytics.realised(world.books.get(own.portfolio_id))
    assert found["time_weighted_return"] == 0
    assert found["money_weighted_return"] == pytest.approx(0, abs=1e-12)


@pytest.mark.slow
async def test_beyond_a_year_both_returns_are_a_years(world: World) -> None:
    own = await world.create("KO", cash="0")
    world.clock.advance(500 * DAY)
    await _job(world).run_once()
    found = await world.analytics.realised(own)
    end = world.market.last_close(world.clock.now())
    years = (end - own.created_at) / timedelta(days=365)
    assert found["annualized"] is True
    assert found["time_weighted_return"] == pytest.approx((1 + found["total_return"]) ** (1 / years) - 1, abs=1e-9)
    assert found["money_weighted_return"] == pytest.approx(found["time_weighted_return"], abs=1e-9)


async def test_a_period_of_the_history_has_its_own_returns(world: World) -> None:
    own, cash = await world.create("KO", "NVDA"), _cash(world)
    world.clock.advance(20 * DAY)
    await cash.deposit(own.portfolio_id, D(5000), None, ACTOR)
    world.clock.advance(20 * DAY)
    await _job(world).run_once()
    whole = (await world.analytics.history(own.portfolio_id, 365, "realised")).realised
    part = (await world.analytics.history(own.portfolio_id, 10, "realised")).realised
    assert whole is not None
    assert part is not None
    rows = await world.repository.daily_records(own.portfolio_id, own.created_at.date())
    until = next(row for row in reversed(rows) if (part.end - row.date).days >= 10)
    assert (whole.start_value, part.start_value) == (0, until.total_value)
    assert (whole.net_external_flow, part.net_external_flow) == (105_000, 0)
    grown = (1 + rows[-1].metrics.total_return) / (1 + until.metrics.total_return) - 1
    assert part.time_weighted_return == pytest.approx(grown, abs=1e-9)
    assert part.money_weighted_return == pytest.approx(grown, abs=1e-9)  # no flows in it
    assert whole.money_weighted_status == "unique"


@pytest.mark.slow
async def test_many_portfolios_share_two_looks_at_the_source_and_block_no_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year missed by a dozen of them: two requests for histories, one transaction each, no work on the event loop."""
    for k in range(12):
        await world.create("KO", "NVDA", ("XOM", "JPM")[k % 2])
    world.clock.advance(365 * DAY)
    asked, saved, threads = [], [], set()
    histories, save, measure = world.market.get_histories, world.repository.save_daily_records, realised.measure_each

    async def counted(symbols: Sequence[str], days: int) -> pd.DataFrame:
        asked.append(tuple(symbols))
        return await histories(symbols, days)

    async def once(records: Any, events: Any) -> None:
        saved.append({record.portfolio_id for record in records})
        await save(records, events)

    def where(*arguments: Any) -> Any:
        threads.add(threading.get_ident())
        return measure(*arguments)

    monkeypatch.setattr(world.market, "get_histories", counted)
    monkeypatch.setattr(world.repository, "save_daily_records", once)
    monkeypatch.setattr(realised, "measure_each", where)
    assert await _job(world).run_once() == 12 * 251
    assert len(asked) == 2
    assert len(saved) == 12
    assert all(len(owners) == 1 for owners in saved)
    assert threading.get_ident() not in threads
    await asyncio.sleep(0)


async def test_a_split_is_replayed_from_the_start_of_the_ledger(world: World) -> None:
    """A split says what is held after it; the books before it are folded, not worked back."""
    moments = [datetime(2025, 8, 25 + k, 15, tzinfo=UTC) for k in range(3)]
    entries = [
        LedgerEntry(EntryKind.DEPOSIT, D(1000), moments[0]),
        LedgerEntry(EntryKind.BUY, D(600), moments[0], "KO", D(6), D(100)),
        LedgerEntry(EntryKind.SPLIT, D(0), moments[1], "KO", D(12)),
        LedgerEntry(EntryKind.DIVIDEND, D(5), moments[2], "KO"),
    ]
    frame = pd.DataFrame({"KO": [100.0, 51.0, 52.0]}, index=pd.date_range("2025-08-25", periods=3))
    closes = Closes(frame, world.market)
    now = replace(portfolio_of({"KO": ("12", "600")}, cash="405"), created_at=moments[0])
    days = list(walk(now, entries, [], closes, world.prices, moments[0] - DAY, earlier=[]))
    assert [day.total_value for day in days] == [D("1000"), D("1012"), D("1029")]


async def test_what_the_source_does_not_know_is_valued_at_the_clients_price(world: World) -> None:
    own = await world.create(initial="1000", cash="1000")
    line = PositionUpdate("FUND", D(10), D(90), D(1000))
    await world.portfolios.update_positions(own.portfolio_id, [line], False, ACTOR)
    world.clock.advance(DAY)
    await _job(world).run_once()
    again = PositionUpdate("FUND", D(10), None, D(1100))
    await world.portfolios.update_positions(own.portfolio_id, [again], False, ACTOR)
    world.clock.advance(DAY)
    await _job(world).run_once()
    rows = await world.repository.daily_records(own.portfolio_id, own.created_at.date())
    assert [row.total_value for row in rows] == [D(2000), D(2100)]
    assert rows[1].daily_return == pytest.approx(0.05)


async def test_over_http(client: httpx.AsyncClient, clock: ManualClock) -> None:
    own = await create_tech(client)
    found = (await client.get(f"/portfolios/{own}")).json()["realised_performance"]
    assert (found["time_weighted_return"], found["money_weighted_return"]) == (0.0, None)
    assert found["money_weighted_status"] == "insufficient_data"
    history = (await client.get(f"/portfolios/{own}/performance")).json()
    assert history["realised"] is None
    assert history["performance_history"][0]["daily_return"] is None

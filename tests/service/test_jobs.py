"""The price stream and the daily record: valuations on ticks, rows after closes, failures that pass."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.models import Portfolio, Price
from portfolio_service.jobs.daily_record import DailyRecordJob
from portfolio_service.jobs.price_stream import PriceStream
from tests.service.fakes import ACTOR
from tests.service.market_support import World, open_world

DAY = timedelta(days=1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


def _stream(world: World, **options: float) -> PriceStream:
    return PriceStream(market=world.market, live=world.live, risk=world.risk, clock=world.clock, **options)


def _daily(world: World) -> DailyRecordJob:
    return DailyRecordJob(
        books=world.books,
        market=world.market,
        repository=world.repository,
        records=world.records,
        clock=world.clock,
    )


async def _batch(world: World) -> Sequence[Price]:
    return list((await world.market.get_multiple_prices(world.live.symbols())).values())


async def test_a_batch_revalues_everything_and_says_so_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.create("KO", "AGG", "XOM", "JPM", "LIN", "PLD")
    stream = _stream(world)
    before = world.live.total_aum()
    caplog.set_level(logging.DEBUG, "portfolio_service.jobs.price_stream")
    levels = []
    for _ in range(3):
        world.clock.advance(40)
        await stream.run_once(await _batch(world))
        levels.append(caplog.records[-1].levelno)
        assert caplog.records[-1].message == "market_value"
        assert caplog.records[-1].total_market_value == round(world.live.total_aum(), 2)
    assert levels == [logging.INFO, logging.DEBUG, logging.INFO]  # once a minute for the operator
    assert world.live.total_aum() != before


async def test_limits_are_checked_at_their_own_pace(world: World) -> None:
    stream = _stream(world, check_every_s=5)
    await stream.run_once([])
    await stream.checked()
    await world.create("AAPL", cash="0")
    await stream.run_once(await _batch(world))
    await stream.checked()
    assert not [event for event in await world.events() if event.topic == "portfolio.risk.alert"]
    world.clock.advance(5)
    await stream.run_once(await _batch(world))
    await stream.checked()
    alerts = {event.payload["limit"] for event in await world.events() if event.topic == "portfolio.risk.alert"}
    assert {"max_position_weight", "max_sector_weight"} <= alerts


async def test_ticks_do_not_wait_for_a_check_nor_fail_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await world.create("AAPL", cash="0")
    stream, gate, checks = _stream(world, check_every_s=5), asyncio.Event(), []

    async def held_up() -> None:
        checks.append(1)
        await gate.wait()
        raise Unavailable("storage_unavailable", "the disk is full")

    monkeypatch.setattr(world.risk, "run_once", held_up)
    for _ in range(3):
        await stream.run_once(await _batch(world))
        await asyncio.sleep(0)
        world.clock.advance(5)
    assert checks == [1]  # one at a time
    gate.set()
    await stream.checked()
    assert "risk limits not checked" in caplog.text
    await stream.run_once(await _batch(world))
    await stream.checked()
    assert checks == [1, 1]


class BrokenOnce:
    """The simulated market, whose stream breaks the first time."""

    def __init__(self, world: World) -> None:
        self._market = world.market
        self.source = "simulated"
        self.calls = 0
        self.delivered = asyncio.Event()

    async def stream(self, symbols: Callable[[], Sequence[str]]) -> AsyncIterator[Sequence[Price]]:
        self.calls += 1
        if self.calls == 1:
            raise ConnectionError("provider away")
        yield list((await self._market.get_multiple_prices(symbols())).values())
        self.delivered.set()
        await asyncio.Event().wait()


async def test_the_stream_comes_back_after_a_failure_and_stops_cleanly(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await world.create("KO")
    market = BrokenOnce(world)
    stream = PriceStream(market=market, live=world.live, risk=world.risk, clock=world.clock, retry_s=0.001)
    task = asyncio.create_task(stream.run())
    await asyncio.wait_for(market.delivered.wait(), 10)
    assert market.calls == 2
    assert "price stream failed" in caplog.text
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_row_a_trading_day_and_one_event_a_portfolio(world: World) -> None:
    one, two = await world.create("KO"), await world.create("XOM")
    job = _daily(world)
    assert await job.run_once() == 0  # Monday's session is not over
    world.clock.advance(timedelta(hours=6))
    assert await job.run_once() == 2
    assert await job.run_once() == 0
    world.clock.advance(7 * DAY)  # Labor Day is no trading day
    assert await job.run_once() == 8
    for portfolio in (one, two):
        rows = await world.repository.daily_records(portfolio.portfolio_id, portfolio.created_at.date())
        assert [row.date.day for row in rows] == [25, 26, 27, 28, 29]
    told = [event for event in await world.events() if event.topic == "portfolio.performance.calculated"]
    assert len(told) == 4
    eight = {
        "total_return",
        "annualized_return",
        "volatility",
        "sharpe_ratio",
        "max_drawdown",
        "alpha",
        "beta",
        "var_95",
    }
    assert set(told[-1].payload) == {*eight, "portfolio_id", "timestamp"}


async def test_a_portfolio_of_another_source_gets_no_row_of_this_one(world: World) -> None:
    portfolio = await world.create("KO")
    world.market.source = "other"
    world.clock.advance(3 * DAY)
    assert await _daily(world).run_once() == 0
    world.market.source = portfolio.provider
    assert await _daily(world).run_once() == 3


async def test_a_new_process_makes_up_what_is_missing_and_no_more(world: World) -> None:
    await world.create("KO")
    world.clock.advance(2 * DAY)
    await _daily(world).run_once()
    world.clock.advance(2 * DAY)
    assert await _daily(world).run_once() == 2


async def test_a_portfolio_that_cannot_be_recorded_is_tried_again_and_delays_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = await world.create("KO"), await world.create("XOM")
    job = _daily(world)
    world.clock.advance(DAY)
    real = world.records.inputs

    async def fails(portfolio: Portfolio) -> object:
        if portfolio.portfolio_id == bad.portfolio_id:
            raise Unavailable("storage_unavailable", "locked")
        return await real(portfolio)

    monkeypatch.setattr(world.records, "inputs", fails)
    assert await job.run_once() == 1
    assert await world.repository.daily_records(good.portfolio_id, good.created_at.date())
    monkeypatch.setattr(world.records, "inputs", real)
    assert await job.run_once() == 1


async def test_an_archived_portfolio_is_recorded_no_more(world: World) -> None:
    portfolio = await world.create("KO")
    job = _daily(world)
    world.clock.advance(DAY)
    await job.run_once()
    await world.portfolios.archive(portfolio.portfolio_id, ACTOR)
    world.clock.advance(DAY)
    assert await job.run_once() == 0


async def test_the_running_job_stops_cleanly(world: World) -> None:
    await world.create("KO")
    world.clock.advance(DAY)
    recorded = asyncio.Event()
    job = DailyRecordJob(
        books=world.books,
        market=world.market,
        repository=world.repository,
        records=world.records,
        clock=world.clock,
        on_recorded=recorded.set,
    )
    task = asyncio.create_task(job.run())
    await asyncio.wait_for(recorded.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

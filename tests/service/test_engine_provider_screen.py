"""Prices nobody should believe at once, and the breaker that spares a source which fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from portfolio_service.adapters.market_data.resilience import Breaker, BreakerOpen, CallFailed, Link, Shared
from portfolio_service.adapters.market_data.screening import DailyClose, PriceScreen, Reading
from portfolio_service.domain.models import Price
from portfolio_service.domain.sources import SourceState
from tests.service.canned import bars, snapshot
from tests.service.fakes import START, ManualClock
from tests.service.test_engine_provider import engine_of


class Screen:
    """A screen that is told prices at given seconds."""

    def __init__(self) -> None:
        self.state = SourceState()
        self.screen = PriceScreen(self.state)

    def __call__(self, price: str, second: float = 0, bar: DailyClose | None = None, **day: float) -> bool:
        reading = Reading(Price("AAPL", Decimal(price), START + timedelta(seconds=second), "engine"), **day)
        return self.screen.accept(reading, bar) is None


@pytest.mark.parametrize(("price", "believed"), [("499", True), ("501", False), ("20.1", True), ("19.9", False)])
def test_a_jump_is_held_back(price: str, believed: bool) -> None:
    screen = Screen()
    assert screen("100")
    assert screen(price, 1) is believed
    assert (screen.state.jumps, list(screen.state.held_back)) == ((0, []) if believed else (1, ["AAPL"]))


def test_after_a_jump_back_nothing_is_held_back() -> None:
    screen = Screen()
    assert [screen("100"), screen("10000", 1), screen("101", 2)] == [True, False, True]
    assert screen.state.held_back == {}
    assert screen.state.jumps == 1


def test_many_ticks_over_minutes_confirm_it() -> None:
    screen = Screen()
    screen("100")
    assert [screen("10000", second) for second in range(1, 300)] == [False] * 299
    assert screen("10000", 301)
    assert screen("10100", 302)


def test_few_ticks_or_ticks_that_disagree_confirm_nothing() -> None:
    screen = Screen()
    screen("100")
    assert not any(screen("10000", 100 * k) for k in range(1, 9))
    other = Screen()
    other("100")
    assert not any(other("10000" if k % 2 else "1000", 60 * k) for k in range(1, 30))


def test_the_same_tick_again_is_one_tick() -> None:
    screen = Screen()
    screen("100")
    assert not any(screen("10000", 400) for _ in range(50))


def test_only_a_bar_after_the_last_good_price_confirms() -> None:
    screen = Screen()
    screen("100")
    before, after = START - timedelta(hours=1), START + timedelta(hours=5)
    assert not screen("10000", 1, DailyClose(before, 10000.0))  # a history rewritten by a split, or a broken feed
    assert not screen("10000", 2, DailyClose(after, 100.0))
    assert screen("10000", 3, DailyClose(after, 9000.0))


def test_a_first_price_is_held_against_the_last_close_and_the_days_range() -> None:
    bar = DailyClose(START, 100.0)
    assert not Screen()("10000", 0, bar)
    assert Screen()("110", 0, bar)
    assert not Screen()("10000", 0, low=95, high=105)
    assert not Screen()("1", 0, low=95, high=105)
    assert Screen()("104", 0, low=95, high=105)
    assert Screen()("104")


async def test_the_provider_says_that_a_price_is_held_back() -> None:
    async with engine_of(snapshot(price=150.25)) as (market, canned):
        await market.get_multiple_prices(["AAPL"])
        canned.answer = lambda *_: snapshot(price=15025, at=(START + timedelta(seconds=1)).isoformat())
        stream = market.stream(lambda: ["AAPL"])
        assert list(await anext(stream)) == []
        assert "15025 beside 150.25" in market.state.shown()["held_back"]["AAPL"]
        assert market.state.breaker == "closed"


async def test_a_price_after_its_own_bar_is_believed() -> None:
    clock = ManualClock()
    async with engine_of(snapshot(price=150.25, high=20000), clock) as (market, canned):
        await market.get_multiple_prices(["AAPL"])
        clock.advance(timedelta(hours=6))

        def merged(_method: str, path: str) -> Any:
            closes = {"2025-08-22T20:00:00Z": 150.0, "2025-08-25T20:00:00Z": 15000.0}
            return bars(closes) if path.startswith("/data") else snapshot(price=15025, at=clock.now().isoformat())

        canned.answer = merged
        await market.get_histories(["AAPL"], 5)
        assert (await market.get_multiple_prices(["AAPL"]))["AAPL"].price == 15025


@pytest.mark.parametrize(
    ("trade", "seen", "stamp"),
    [
        ("2025-08-25T19:58:00Z", "2025-08-25T20:30:00Z", "2025-08-25T20:00:00Z"),
        ("2025-08-25T19:30:00Z", "2025-08-25T20:30:00Z", "2025-08-25T19:30:00Z"),  # half an hour without a trade
        ("2025-08-25T19:58:00Z", "2025-08-25T19:59:00Z", "2025-08-25T19:58:00Z"),  # nobody looked after the close
        ("2025-08-25T20:20:00Z", "2025-08-25T20:30:00Z", "2025-08-25T20:20:00Z"),
    ],
)
async def test_the_last_trade_before_the_close_is_the_closes(trade: str, seen: str, stamp: str) -> None:
    clock = ManualClock()
    clock.advance(timedelta(hours=5, minutes=45))
    answer = snapshot(at=trade)
    answer["timestamp"] = seen
    async with engine_of(answer, clock) as (market, _):
        price = (await market.get_multiple_prices(["AAPL"]))["AAPL"]
        assert price.time == datetime.fromisoformat(stamp)


class Line:
    """A breaker and a link on a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.state = SourceState()
        self.breaker = Breaker(self.state, open_s=(1, 2, 4), monotonic=lambda: self.now)
        self.link = Link(self.state, self.breaker)
        self.made = 0

    async def call(self, error: Exception | None = None, timeout_s: float = 1) -> str:
        async def work() -> str:
            self.made += 1
            if error is not None:
                raise error
            return "answer"

        try:
            return await self.link.call(work, timeout_s, 1)
        except CallFailed as failed:
            return failed.kind


FAILURE = CallFailed("status_500", "oops")


async def test_five_failures_open_it_a_probe_closes_it() -> None:
    line = Line()
    assert [await line.call(FAILURE) for _ in range(4)] == ["status_500"] * 4
    assert line.state.breaker == "closed"
    await line.call(FAILURE)
    assert (line.state.breaker, line.state.breaker_opened, line.made) == ("open", 1, 5)
    assert await line.call() == "breaker_open"
    assert line.made == 5
    line.now = 1.0
    assert await line.call() == "answer"
    assert line.state.breaker == "closed"
    assert line.state.failures == {"status_500": 5}


async def test_a_success_in_between_starts_the_count_again() -> None:
    line = Line()
    for _ in range(10):
        await line.call(FAILURE)
        await line.call(FAILURE)
        await line.call()
    assert line.state.breaker == "closed"


async def test_pauses_grow_to_four_seconds_and_no_further() -> None:
    line = Line()
    for _ in range(5):
        await line.call(FAILURE)
    probes = []
    for tenth in range(1, 200):
        line.now = tenth / 10
        if await line.call(FAILURE) != "breaker_open":
            probes.append(line.now)
    assert probes == [1.0, 3.0, 7.0, 11.0, 15.0, 19.0]
    assert line.state.breaker_opened == 1


async def test_one_probe_at_a_time_and_a_cancelled_one_decides_nothing() -> None:
    line = Line()
    for _ in range(5):
        await line.call(FAILURE)
    line.now = 1.0
    forever: Callable[[], Awaitable[Any]] = asyncio.Event().wait
    probe = asyncio.create_task(line.link.call(forever, 60, 1))
    await asyncio.sleep(0)
    assert line.state.breaker == "half_open"
    assert await line.call() == "breaker_open"
    probe.cancel()
    await asyncio.wait({probe})
    assert await line.call() == "answer"


async def test_a_time_out_and_an_answer_that_breaks_our_reading() -> None:
    line = Line()
    with pytest.raises(CallFailed, match=r"no answer within 0.01 s"):
        await line.link.call(asyncio.Event().wait, 0.01, 3)
    assert line.state.failures == {"timeout": 1}
    assert await line.call(ZeroDivisionError()) == "not_understood"
    assert line.state.failures == {"timeout": 1, "not_understood": 1}


def test_an_open_breaker_says_what_failed() -> None:
    line = Line()
    line.state.last_error = "status_500: oops"
    for _ in range(5):
        line.breaker.failed()
    with pytest.raises(BreakerOpen, match="failed 5 times in a row, last: status_500: oops"):
        line.breaker.enter()


async def test_a_failed_question_fails_for_everybody_and_the_next_is_asked_anew() -> None:
    shared: Shared[str, int] = Shared()

    async def broken(keys: Any) -> dict[str, int]:
        await asyncio.sleep(0)
        raise OSError("away")

    async def whole(keys: Any) -> dict[str, int]:
        return dict.fromkeys(keys, 1)

    answers = await asyncio.gather(shared.ask(["a"], broken), shared.ask(["a", "b"], broken), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OSError, OSError]
    assert await shared.ask(["a", "b"], whole) == {"a": 1, "b": 1}
    assert await shared.ask([], whole) == {}
    await shared.close()

"""Histories from an engine: one close a day, read once a day, kept while the engine is away."""

from __future__ import annotations

import json
import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import stamina

from portfolio_service.adapters.market_data.engine_bars import closes_of
from portfolio_service.adapters.market_data.engine_shapes import Bars
from portfolio_service.adapters.market_data.history_cache import Closes, HistoryCache, table
from portfolio_service.domain.sources import SourceUnavailable
from tests.service.canned import bars
from tests.service.fakes import ManualClock
from tests.service.test_engine_provider import engine_of

WEEK = {f"2025-08-{day}T20:00:00Z": 100.0 + day for day in (18, 19, 20, 21, 22)}


@pytest.fixture(autouse=True)
def no_waiting() -> Any:
    with stamina.set_testing(True, attempts=3):
        yield


def parsed(closes: dict[str, Any]) -> Closes:
    return closes_of(Bars.model_validate_json(json.dumps(bars(closes))).data)


def closes(*values: float) -> Closes:
    days = np.datetime64("2025-01-06") + np.arange(len(values))
    return Closes(days, np.array(values))


async def read(answer: Any, days: int = 10) -> dict[str, float]:
    async with engine_of(answer) as (market, _):
        frame = await market.get_histories(["AAPL"], days)
        return {str(day.date()): value for day, value in frame["AAPL"].items()}


async def test_any_order_of_bars_gives_ascending_days() -> None:
    found = await read(bars(dict(reversed(WEEK.items()))))
    assert list(found.items()) == [(f"2025-08-{day}", 100.0 + day) for day in (18, 19, 20, 21, 22)]


async def test_the_running_day_and_weekends_are_left_out() -> None:
    found = await read(bars({**WEEK, "2025-08-23T12:00:00Z": 1.0, "2025-08-25T14:30:00Z": 130.0}))
    assert list(found) == [f"2025-08-{day}" for day in (18, 19, 20, 21, 22)]


@pytest.mark.parametrize(
    ("stamp", "day"),
    [
        ("2025-08-20T00:00:00Z", "2025-08-20"),
        ("2025-08-20", "2025-08-20"),
        ("2025-08-20T04:00:00Z", "2025-08-20"),  # midnight in New York
        ("2025-08-21T00:30:00Z", "2025-08-20"),  # still the evening before there
        (1755720000.0, "2025-08-20"),
    ],
)
def test_the_day_of_a_bar(stamp: Any, day: str) -> None:
    assert str(parsed({stamp: 5.0}).dates[0]) == day


def test_of_a_day_with_many_bars_the_last_one_counts() -> None:
    found = parsed({"2025-08-20T15:00:00Z": 1.0, "2025-08-20T19:59:00Z": 1.2, "2025-08-20T18:00:00Z": 1.1})
    assert found.values.tolist() == [1.2]


def test_an_adjusted_close_is_preferred() -> None:
    answer = bars(WEEK)
    answer["data"][0]["data"]["adj_close"] = 50.0
    assert closes_of(Bars.model_validate_json(json.dumps(answer)).data).values[0] == 50.0


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ((100, 101, 10100, 102, 103), (100, 101, 102, 103)),
        ((100, 101, 1.02, 102, 103), (100, 101, 102, 103)),
        ((100, 101, 10, 10.1, 10.2), (100, 101, 10, 10.1, 10.2)),  # a split, unadjusted: a level, not a spike
        ((100, 130, 90), (100, 130, 90)),
        ((100, 1), (100, 1)),
    ],
)
def test_a_spike_is_no_close(values: tuple[float, ...], kept: tuple[float, ...]) -> None:
    stamps = [f"2025-08-{18 + k}T20:00:00Z" for k in range(len(values))]
    assert parsed(dict(zip(stamps, values, strict=True))).values.tolist() == list(kept)


def test_one_bar_without_a_price_is_a_gap_many_are_a_failure() -> None:
    many = {f"2025-{month:02}-{day:02}T20:00:00Z": 10.0 for month in (5, 6) for day in range(1, 21)}
    many["2025-06-20T20:00:00Z"] = -1.0
    assert len(parsed(many).values) == 39
    with pytest.raises(ValueError, match="2 of 3 bars have no price"):
        parsed({"2025-08-18": 0, "2025-08-19": -1, "2025-08-20": 3})


@pytest.mark.parametrize(
    "answer",
    [
        {**bars(WEEK), "count": 4},
        {**bars(WEEK), "symbol": "MSFT"},
        {**bars(WEEK), "data": {}},
        bars({f"{day}": 1.0 for day in range(800)}),
        bars({"someday": 1.0}),
        json.dumps(bars({**WEEK, "2025-08-15": math.nan})).encode(),
        b'{"symbol": "AAPL", "data": [',
        500,
    ],
)
async def test_an_answer_that_is_no_history(answer: Any) -> None:
    async with engine_of(answer) as (market, _):
        with pytest.raises(SourceUnavailable, match="AAPL"):
            await market.get_histories(["AAPL"], 10)


async def test_is_read_once_a_day_and_again_after_the_close() -> None:
    clock = ManualClock()
    async with engine_of(bars(WEEK), clock) as (market, canned):
        for days in (5, 253, 700):
            await market.get_histories(["AAPL"], days)
        assert canned.asked == ["/data/AAPL?data_type=bar&limit=760"]
        clock.advance(timedelta(hours=6))
        canned.answer = lambda *_: bars({**WEEK, "2025-08-25T20:00:00Z": 130.0})
        assert (await market.get_histories(["AAPL"], 5))["AAPL"].iloc[-1] == 130.0
        assert len(canned.asked) == 2
        await market.get_histories(["AAPL"], 2000)
        assert canned.asked[-1] == "/data/AAPL?data_type=bar&limit=2000"


async def test_a_history_that_lacks_the_last_close_is_asked_for_again_later() -> None:
    now = 0.0
    late = dict(list(WEEK.items())[:4])
    async with engine_of(bars(late), monotonic=lambda: now) as (market, canned):
        await market.get_histories(["AAPL"], 5)
        await market.get_histories(["AAPL"], 5)
        assert len(canned.asked) == 1
        now = 301.0
        await market.get_histories(["AAPL"], 5)
        assert len(canned.asked) == 2


async def test_what_was_read_before_is_given_while_the_engine_is_away() -> None:
    clock = ManualClock()
    async with engine_of(bars(WEEK), clock) as (market, canned):
        before = await market.get_histories(["AAPL"], 5)
        clock.advance(timedelta(days=1))
        canned.answer = lambda *_: 500
        assert (await market.get_histories(["AAPL"], 5)).equals(before)
        with pytest.raises(SourceUnavailable, match="does not answer for MSFT"):
            await market.get_histories(["AAPL", "MSFT"], 5)


async def test_a_history_that_failed_is_left_alone_for_a_while() -> None:
    now = 0.0
    async with engine_of(500, monotonic=lambda: now, spare_s=5.0) as (market, canned):
        for _ in range(4):
            with pytest.raises(SourceUnavailable, match="answered 500"):
                await market.get_histories(["AAPL"], 5)
        assert len(canned.asked) == 3  # one question of three tries
        now = 6.0
        canned.answer = lambda *_: bars(WEEK)
        assert len(await market.get_histories(["AAPL"], 5)) == 5


def test_the_table_aligns_dates_and_keeps_gaps() -> None:
    first, second = closes(1, 2, 3), Closes(np.array(["2025-01-07", "2025-01-09"], "datetime64[D]"), np.array([5.0, 6]))
    found = table({"A": first, "B": second}, ["B", "NOSUCH", "A"], 3)
    assert [str(day.date()) for day in found.index] == ["2025-01-07", "2025-01-08", "2025-01-09"]
    assert found["A"].tolist()[:2] == [2, 3]
    assert found["B"].tolist()[::2] == [5, 6]
    assert found.isna().sum().to_dict() == {"B": 1, "A": 1}
    assert table({}, ["A"], 3).empty


def test_the_cache_is_bounded_by_rows() -> None:
    cache, session = HistoryCache(max_rows=10, monotonic=lambda: 0.0), date(2025, 1, 9)
    for name in ("A", "B", "C"):
        cache.put(name, closes(1, 2, 3, 4), 4, session)
    assert [cache.get(name) is not None for name in ("A", "B", "C")] == [False, True, True]
    cache.put("D", closes(*range(1, 20)), 19, session)
    assert cache.get("D") is None
    assert cache.fresh("C", 4, session)
    assert not cache.fresh("C", 5, session)
    assert not cache.fresh("C", 4, date(2025, 1, 10))

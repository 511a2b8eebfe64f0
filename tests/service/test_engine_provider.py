"""The client of a Market Data Engine: what it understands, and what it refuses to believe."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import stamina

from portfolio_service.adapters.market_data import engine
from portfolio_service.adapters.market_data.engine import EngineFeed, Limits
from portfolio_service.adapters.market_data.remote import RemoteMarketData
from portfolio_service.domain.sources import SourceUnavailable
from tests.service.canned import Canned, bars, serving, snapshot
from tests.service.fakes import START, ManualClock

PATIENT = Limits(snapshot_s=20, bars_s=20, snapshots_s=40, histories_s=40)  # for machines under load


@pytest.fixture(autouse=True)
def no_waiting() -> Any:
    """Retries come at once."""
    with stamina.set_testing(True, attempts=3):
        yield


@asynccontextmanager
async def engine_of(
    answer: Callable[[str, str], Any] | Any, clock: ManualClock | None = None, **options: Any
) -> AsyncIterator[tuple[RemoteMarketData, Canned]]:
    """The provider against a server that answers as told."""
    clock = clock or ManualClock()
    async with serving(answer if callable(answer) else lambda _method, _path: answer) as canned:
        feed = EngineFeed(canned.url, clock, limits=options.pop("limits", PATIENT), wait_s=0.001)
        market = RemoteMarketData(feed, clock, **{"remember_s": 0, "spare_s": 0, "tick_seconds": 0.01, **options})
        yield market, canned
        await market.close()


async def test_asks_and_reads_as_documented() -> None:
    async with engine_of(snapshot()) as (market, canned):
        price = (await market.get_multiple_prices(["AAPL"]))["AAPL"]
        assert canned.asked == ["/symbols/AAPL/snapshot"]
        assert (price.price, price.time, price.source) == (Decimal("150.25"), START, "engine")
        canned.answer = lambda _method, _path: bars({"2025-08-21T20:00:00Z": 149.5, "2025-08-22T20:00:00Z": 150})
        frame = await market.get_histories(["AAPL"], 5)
        assert canned.asked[-1] == "/data/AAPL?data_type=bar&limit=760"
        assert frame["AAPL"].to_dict() == {frame.index[0]: 149.5, frame.index[1]: 150.0}


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("2025-08-25T15:00:00+00:00", 0),
        ("2025-08-25T11:00:00-04:00", 0),
        ("2025-08-25T15:00:00", 0),
        ("2025-08-25T14:59:30.5Z", 29.5),
        (START.timestamp(), 0),
        (int(START.timestamp()) - 60, 60),
        ((START + timedelta(seconds=3)).isoformat(), 0),  # a clock a little ahead of ours
    ],
)
async def test_times(stamp: Any, seconds: float) -> None:
    async with engine_of(snapshot(at=stamp)) as (market, _):
        price = (await market.get_multiple_prices(["AAPL"]))["AAPL"]
        assert price.time == START - timedelta(seconds=seconds)


async def test_without_a_trade_the_middle_of_the_quote() -> None:
    answer = snapshot()
    answer["snapshot"]["last_trade"] = None
    async with engine_of(answer) as (market, _):
        assert (await market.get_multiple_prices(["AAPL"]))["AAPL"].price == Decimal("150.25")
        answer["snapshot"]["quote"] = {"bid": None, "ask": 150}
        assert await market.get_multiple_prices(["AAPL"]) == {}


@pytest.mark.parametrize("status", [404, 422])
async def test_a_symbol_the_engine_does_not_have_is_no_failure(status: int) -> None:
    async with engine_of(status) as (market, _):
        assert await market.get_multiple_prices(["AAPL"]) == {}
        assert not market.state.failures


@pytest.mark.parametrize("symbol", ["../admin", "A/../B", "", "aapl", "A B", "A?x=1", "A#b", "A" * 33, "Ä", ".."])
async def test_what_is_no_symbol_is_not_asked_for(symbol: str) -> None:
    async with engine_of(snapshot(symbol)) as (market, canned):
        assert await market.get_multiple_prices([symbol]) == {}
        assert canned.asked == []


def _without(*path: str) -> dict[str, Any]:
    answer = snapshot()
    part = answer
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    return answer


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "malformed"),
        (b"not json", "malformed"),
        (b"\x00\xff\xfe", "malformed"),
        (b"[]", "malformed"),
        (b"null", "malformed"),
        (b'{"symbol": "AAPL", "timestamp": "2025-08-25T15:00:00Z", "snap', "malformed"),
        (b"[" * 100_000, "too_large"),
        (b"[" * 60_000, "malformed"),
        (b'{"symbol": "' + b"A" * 70_000, "too_large"),
        (json.dumps(snapshot(price=float("nan"))).encode(), "malformed"),
        (json.dumps(snapshot(price=float("inf"))).encode(), "malformed"),
        (json.dumps(snapshot()).replace("150.25", "1e400").encode(), "malformed"),
        (snapshot(price="150.25"), "malformed"),
        (snapshot(price=True), "malformed"),
        (snapshot(price=None), "malformed"),
        (snapshot(price=[1]), "malformed"),
        (snapshot(price=-1), "bad_price"),
        (snapshot(price=0), "bad_price"),
        (snapshot(price=1e-9), "bad_price"),
        (snapshot(price=9e10), "bad_price"),
        (snapshot(price=1e300), "bad_price"),
        (snapshot(price=-1e300), "bad_price"),
        (snapshot(price=10**400), "malformed"),
        (snapshot(at="yesterday"), "bad_price"),
        (snapshot(at="0001-01-01T00:00:00Z"), "bad_price"),
        (snapshot(at=1e18), "bad_price"),
        (snapshot(at=(START + timedelta(seconds=6)).isoformat()), "bad_time"),
        (snapshot(at="2100-01-01T00:00:00Z"), "bad_time"),
        (snapshot("MSFT"), "wrong_symbol"),
        (snapshot(symbol=17), "malformed"),
        (_without("symbol"), "malformed"),
        (_without("timestamp"), "malformed"),
        (_without("snapshot"), "malformed"),
        (_without("snapshot", "last_trade", "price"), "malformed"),
        (_without("snapshot", "last_trade", "timestamp"), "malformed"),
        (snapshot(high="much"), "malformed"),
        (301, "status_301"),
        (307, "status_307"),
        (400, "status_400"),
        (401, "status_401"),
        (500, "status_500"),
        (503, "status_503"),
        (429, "status_429"),
    ],
)
async def test_what_it_refuses(answer: Any, kind: str) -> None:
    async with engine_of(answer) as (market, canned):
        with pytest.raises(SourceUnavailable):
            await market.get_multiple_prices(["AAPL"])
        tries = 3 if kind in ("status_500", "status_503", "status_429") else 1
        assert market.state.failures == {kind: tries}
        assert canned.asked == ["/symbols/AAPL/snapshot"] * tries  # a redirect is not followed either
        assert market.state.last_error is not None
        assert len(market.state.last_error) <= 300


async def test_a_compressed_answer_was_not_asked_for() -> None:
    async with engine_of(gzip.compress(b" " * 50_000_000)) as (market, canned):
        canned.headers = {"Content-Encoding": "gzip"}
        with pytest.raises(SourceUnavailable, match="compressed"):
            await market.get_multiple_prices(["AAPL"])


async def test_nobody_there_is_tried_three_times() -> None:
    feed = EngineFeed("http://127.0.0.1:9", ManualClock(), limits=PATIENT, wait_s=0.001)
    market = RemoteMarketData(feed, ManualClock())
    with pytest.raises(SourceUnavailable, match="engine does not answer for AAPL"):
        await market.get_multiple_prices(["AAPL"])
    assert market.state.failures == {"connection": 3}
    await market.close()


async def test_half_the_symbols_fail_and_the_others_are_there() -> None:
    def answer(_method: str, path: str) -> Any:
        return snapshot("MSFT") if "MSFT" in path else 500

    async with engine_of(answer) as (market, _):
        with pytest.raises(SourceUnavailable) as error:
            await market.get_multiple_prices(["AAPL", "MSFT"])
        assert error.value.prices.keys() == {"MSFT"}
        assert error.value.failed.keys() == {"AAPL"}


async def test_a_retry_that_succeeds_is_a_success() -> None:
    statuses = iter([503, 500])

    async with engine_of(lambda *_: next(statuses, snapshot())) as (market, canned):
        assert (await market.get_multiple_prices(["AAPL"])).keys() == {"AAPL"}
        assert len(canned.asked) == 3
        assert market.state.failures == {"status_503": 1, "status_500": 1}


async def test_a_source_that_asks_for_long_patience_is_not_tried_again() -> None:
    async with engine_of(429) as (market, canned):
        canned.headers = {"Retry-After": "60"}
        with pytest.raises(SourceUnavailable):
            await market.get_multiple_prices(["AAPL"])
        assert len(canned.asked) == 1


async def test_a_slow_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(snapshot_s=0.05, snapshots_s=0.2)
    async with engine_of(snapshot(), limits=limits) as (market, canned):
        canned.gate = asyncio.Event()
        with pytest.raises(SourceUnavailable, match=r"no answer within 0.05 s"):
            await market.get_multiple_prices(["AAPL"])
        assert market.state.failures == {"timeout": 1}  # and is not asked again: the next one would be as slow
        canned.gate.set()


async def test_never_more_at_once_than_allowed() -> None:
    def answer(_method: str, path: str) -> Any:
        return snapshot(path.split("/")[2])

    async with engine_of(answer) as (market, canned):
        names = [f"S{k}" for k in range(40)]
        assert (await market.get_multiple_prices(names)).keys() == set(names)
        assert canned.most_at_once <= Limits().at_once


async def test_what_is_asked_for_at_the_same_time_is_asked_for_once() -> None:
    async with engine_of(snapshot()) as (market, canned):
        canned.gate = asyncio.Event()
        asked = [asyncio.create_task(market.get_multiple_prices(["AAPL"])) for _ in range(20)]
        await asyncio.sleep(0.01)
        asked[0].cancel()  # whoever asked first may leave
        canned.gate.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert all(set(answer) == {"AAPL"} for answer in answers[1:])
        assert canned.asked == ["/symbols/AAPL/snapshot"]


async def test_an_answer_holds_for_a_moment_also_when_it_was_none() -> None:
    async with engine_of(lambda _m, path: snapshot() if "AAPL" in path else 404, remember_s=60) as (market, canned):
        for _ in range(3):
            assert (await market.get_multiple_prices(["AAPL", "NOSUCH"])).keys() == {"AAPL"}
        assert len(canned.asked) == 2


async def test_an_environment_proxy_is_not_used_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with engine_of(snapshot()) as (market, _):
        assert await market.get_multiple_prices(["AAPL"])


async def test_the_stream_takes_turns_when_there_is_too_much() -> None:
    def answer(_method: str, path: str) -> Any:
        return snapshot(path.split("/")[2])

    async with engine_of(answer, symbols_per_tick=2) as (market, _):
        stream = market.stream(lambda: ["A", "B", "C"])
        batches = [{price.symbol for price in await anext(stream)} for _ in range(3)]
        assert batches == [{"A", "B"}, {"C", "A"}, {"B", "C"}]


async def test_the_stream_goes_on_through_failures() -> None:
    answers = iter([500, b"junk", 404])
    async with engine_of(lambda *_: next(answers, snapshot())) as (market, _):
        stream = market.stream(lambda: ["AAPL"])
        assert [len(await anext(stream)) for _ in range(4)] == [0, 0, 0, 1]


def test_defaults_recover_within_ten_seconds() -> None:
    """The worst case: a probe that began just before the fault ended, then the longest pause, then a poll."""
    from portfolio_service.adapters.market_data.resilience import OPEN_S

    assert max(OPEN_S) + Limits().snapshot_s + 2 * 1.0 + 1.0 < 10
    assert engine.MAX_SNAPSHOT_BYTES < 2**20

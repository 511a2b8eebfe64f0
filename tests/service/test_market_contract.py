"""What every source of prices keeps to: one suite over simulated, files, engine (a real server) and yahoo."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from portfolio_service.adapters.market_data.engine import EngineFeed
from portfolio_service.adapters.market_data.files import FilesMarketData
from portfolio_service.adapters.market_data.remote import RemoteMarketData
from portfolio_service.adapters.market_data.simulated import SimulatedMarket
from portfolio_service.adapters.market_data.yahoo import YahooFeed
from portfolio_service.domain.ports import MarketDataClient
from portfolio_service.domain.prices import Prices
from tests.service.fakes import START, ManualClock
from tests.service.market_support import ServerThread, YahooOfSimulated

NAMES = ["AAPL", "MSFT", "JPM"]


@pytest.fixture(params=["simulated", "files", "engine", "yahoo"])
async def market(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> AsyncIterator[MarketDataClient]:
    simulated = SimulatedMarket(clock, tick_seconds=0)
    async with AsyncExitStack() as stack:
        if request.param == "files":
            later = SimulatedMarket(ManualClock(START + timedelta(days=3)))  # a file knows what has not happened yet
            frame = await later.get_histories([*NAMES, "KO"], 800)
            frame.to_csv(tmp_path / "adj_close.csv")
            found: MarketDataClient = FilesMarketData(tmp_path, clock, tick_seconds=0)
        elif request.param == "engine":
            server = stack.enter_context(ServerThread(simulated))
            found = RemoteMarketData(EngineFeed(server.url, clock), clock, tick_seconds=0.01, remember_s=0)
        elif request.param == "yahoo":
            feed = YahooFeed(clock, fetch=YahooOfSimulated(clock))
            found = RemoteMarketData(feed, clock, tick_seconds=0.01, remember_s=0)
        else:
            found = simulated
        yield found
        await found.close()


async def test_prices_name_their_source_and_time(market: MarketDataClient, clock: ManualClock) -> None:
    prices = await market.get_multiple_prices(["AAPL", "NOSUCH", "MSFT", "AAPL"])
    assert list(prices) == ["AAPL", "MSFT"]
    for symbol, price in prices.items():
        assert price.symbol == symbol
        assert price.source == market.source
        assert price.price > 0
        assert price.price == round(price.price, 8)
        assert clock.now() - timedelta(days=4) <= price.time <= clock.now()
        assert not Prices(market, clock).is_stale(price)
    assert await market.get_multiple_prices([]) == {}


async def test_a_price_follows_the_last_close(market: MarketDataClient) -> None:
    closes = await market.get_histories(NAMES, 1)
    prices = await market.get_multiple_prices(NAMES)
    for name in NAMES:
        assert float(prices[name].price) == pytest.approx(closes[name].iloc[-1], rel=0.25)


async def test_histories_are_finished_days_oldest_first(market: MarketDataClient, clock: ManualClock) -> None:
    frame = await market.get_histories(["MSFT", "NOSUCH", "AAPL"], 253)
    assert list(frame.columns) == ["MSFT", "AAPL"]
    assert frame.shape == (253, 2)
    assert isinstance(frame.index, pd.DatetimeIndex)
    assert frame.index.name == "date"
    assert frame.index.is_monotonic_increasing
    assert frame.index.is_unique
    assert frame.index.tz is None
    assert set(frame.index.day_of_week) == {0, 1, 2, 3, 4}
    assert str(frame.index[-1].date()) == "2025-08-22"  # the clock stands in the session of Monday the 25th
    assert (frame > 0).all().all()
    shorter = await market.get_histories(["MSFT"], 20)
    pd.testing.assert_series_equal(shorter["MSFT"], frame["MSFT"].iloc[-20:], check_freq=False)


async def test_a_new_day_is_seen_after_its_close(market: MarketDataClient, clock: ManualClock) -> None:
    before = await market.get_histories(["AAPL"], 5)
    clock.advance(timedelta(hours=6))
    after = await market.get_histories(["AAPL"], 5)
    assert str(after.index[-1].date()) == "2025-08-25"
    assert before["AAPL"].iloc[-1] == after["AAPL"].iloc[-2]


async def test_one_history_by_period(market: MarketDataClient) -> None:
    series = await market.get_historical_data("AAPL", "6mo")
    assert series is not None
    assert len(series) == 126
    assert await market.get_historical_data("NOSUCH", "1y") is None
    with pytest.raises(ValueError, match="period: expected"):
        await market.get_historical_data("AAPL", "yesterday")


async def test_nothing_known_is_an_empty_table(market: MarketDataClient) -> None:
    assert (await market.get_histories(["NOSUCH"], 10)).shape[1] == 0
    assert await market.get_multiple_prices(["NOSUCH"]) == {}


async def test_the_stream_gives_what_is_wanted_at_that_moment(market: MarketDataClient) -> None:
    wanted = ["AAPL", "NOSUCH"]
    stream = market.stream(lambda: wanted)
    assert {price.symbol for price in await anext(stream)} == {"AAPL"}
    wanted[:] = ["MSFT", "JPM"]
    assert {price.symbol for price in await anext(stream)} == {"MSFT", "JPM"}
    wanted.clear()
    assert list(await anext(stream)) == []


async def test_knows_the_last_close(market: MarketDataClient, clock: ManualClock) -> None:
    close = datetime(2025, 8, 22, 20, tzinfo=UTC)
    assert clock.now() == START
    assert market.last_close(clock.now()) == close
    assert market.is_open(clock.now()) is (market.source != "files")
    assert market.is_open(close + timedelta(hours=1)) is False


async def test_at_night_the_last_price_is_fresh(market: MarketDataClient, clock: ManualClock) -> None:
    clock.advance(timedelta(hours=8))
    price = (await market.get_multiple_prices(["AAPL"]))["AAPL"]
    assert not Prices(market, clock).is_stale(price)


async def test_says_what_state_it_is_in(market: MarketDataClient) -> None:
    await market.get_multiple_prices(["AAPL"])
    shown = market.state.shown()
    assert shown["errors"] == {}
    assert (shown["breaker"], shown["calls"]) == (("closed", 1) if market.source in ("engine", "yahoo") else (None, 0))


def test_known_symbols_are_finite_or_open_ended(market: MarketDataClient) -> None:
    known = market.known_symbols()
    assert known is None or "AAPL" in known
    assert market.sector("NOSUCH") is None

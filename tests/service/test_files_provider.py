"""Prices from a file: its own clock, no look ahead, gaps visible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from portfolio_service.adapters.market_data.files import FilesMarketData
from portfolio_service.domain.prices import Prices
from tests.data import market_data, needs_market_data
from tests.service.market_support import SetClock

LINES = """date,aapl,GONE
2026-03-10,100.5,7
2026-03-11,101,7.25
2026-03-12,99.123456789,
"""
THURSDAY_CLOSE = datetime(2026, 3, 12, 20, 0, tzinfo=UTC)  # 16:00 in New York, in summer time


@pytest.fixture
def clock() -> SetClock:
    return SetClock(datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.fixture
def market(tmp_path: Path, clock: SetClock) -> FilesMarketData:
    (tmp_path / "adj_close.csv").write_text(LINES)
    return FilesMarketData(tmp_path, clock, tick_seconds=0)


async def test_after_the_end_of_the_file_its_clock_stands_still(market: FilesMarketData, clock: SetClock) -> None:
    price = (await market.get_multiple_prices(["AAPL", "NOSUCH"]))["AAPL"]
    assert (price.price, price.time, price.source) == (Decimal("99.12345679"), THURSDAY_CLOSE, "files")
    assert market.last_close(clock.now()) == THURSDAY_CLOSE
    assert not Prices(market, clock).is_stale(price)


async def test_a_symbol_that_stopped_is_stale(market: FilesMarketData, clock: SetClock) -> None:
    price = (await market.get_multiple_prices(["GONE"]))["GONE"]
    assert price.price == Decimal("7.25")
    assert price.time == THURSDAY_CLOSE - timedelta(days=1)
    assert Prices(market, clock).is_stale(price)


@pytest.mark.parametrize(
    ("at", "price", "rows"),
    [
        (THURSDAY_CLOSE - timedelta(seconds=1), "101", 2),
        (THURSDAY_CLOSE, "99.12345679", 3),
        (datetime(2026, 3, 10, 19, 59, tzinfo=UTC), None, 0),
    ],
)
async def test_nothing_is_seen_before_its_close(
    market: FilesMarketData, clock: SetClock, at: datetime, price: str | None, rows: int
) -> None:
    clock.time = at
    found = await market.get_multiple_prices(["AAPL"])
    assert (found["AAPL"].price if found else None) == (Decimal(price) if price else None)
    assert len(await market.get_histories(["AAPL"], 10)) == rows


async def test_histories_keep_gaps_and_leave_unknown_symbols_out(market: FilesMarketData) -> None:
    frame = await market.get_histories(["GONE", "NOSUCH", "AAPL"], 2)
    assert list(frame.columns) == ["GONE", "AAPL"]
    assert frame["GONE"].isna().tolist() == [False, True]
    assert await market.get_historical_data("NOSUCH", "1y") is None
    assert len(await market.get_historical_data("AAPL", "max")) == 3


async def test_stream_follows_the_clock_and_the_symbols_wanted(market: FilesMarketData, clock: SetClock) -> None:
    clock.time = THURSDAY_CLOSE - timedelta(hours=1)
    wanted = ["AAPL"]
    stream = market.stream(lambda: wanted)
    assert [str(price.price) for price in await anext(stream)] == ["101.00000000"]
    wanted.append("GONE")
    clock.time = THURSDAY_CLOSE
    assert [str(price.price) for price in await anext(stream)] == ["99.12345679", "7.25000000"]


def test_names_its_symbols(market: FilesMarketData) -> None:
    assert market.known_symbols() == ("AAPL", "GONE")
    assert market.sector("AAPL") is None


@pytest.mark.market_data
@needs_market_data
async def test_real_prices_within_their_range(clock: SetClock) -> None:
    market = FilesMarketData(market_data("prices"), clock)
    clock.time = datetime(2020, 3, 16, 21, tzinfo=UTC)
    frame = await market.get_histories(["AAPL", "SPY", "MSFT"], 252)
    assert frame.shape == (252, 3)
    assert str(frame.index[-1].date()) == "2020-03-16"
    assert frame["AAPL"].pct_change().iloc[-1] == pytest.approx(-0.129, abs=0.001)  # the worst day since 1987
    price = (await market.get_multiple_prices(["AAPL"]))["AAPL"]
    assert float(price.price) == pytest.approx(frame["AAPL"].iloc[-1], abs=1e-8)

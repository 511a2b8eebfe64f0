"""The simulated market: plausible, the same everywhere, and without a look ahead."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
import pandas as pd
import pytest

from portfolio_service.adapters.market_data.periods import trading_days
from portfolio_service.adapters.market_data.simulated import SimulatedMarket
from portfolio_service.adapters.market_data.simulated_model import History, load_universe
from portfolio_service.adapters.market_data.trading_days import TradingDays
from tests.service.market_support import FRIDAY_NOON, SetClock

CONTRACT_SYMBOLS = ("AAPL", "GOOGL", "MSFT", "AMZN", "TSLA", "NVDA", "META", "SPY", "AGG")
FRIDAY_CLOSE = datetime(2026, 3, 13, 20, 0, tzinfo=UTC)
MONDAY_CLOSE = datetime(2026, 3, 16, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(scope="module")
def market(clock: SetClock) -> SimulatedMarket:
    return SimulatedMarket(clock, tick_seconds=0)


@pytest.fixture(autouse=True)
def _noon(clock: SetClock) -> None:
    clock.time = FRIDAY_NOON


async def _prices(market: SimulatedMarket, clock: SetClock, at: datetime, *symbols: str) -> dict[str, float]:
    clock.time = at
    return {s: float(p.price) for s, p in (await market.get_multiple_prices(symbols)).items()}


def test_table_holds_the_contracts_symbols_and_fits_a_factor_model() -> None:
    universe = load_universe()
    symbols = [asset.symbol for asset in universe]
    assert set(CONTRACT_SYMBOLS) <= set(symbols)
    assert 140 <= len(symbols) == len(set(symbols)) <= 170
    assert all(0 < asset.market_share + asset.factor_share <= 1 for asset in universe)
    assert len({asset.sector for asset in universe} - {None}) == 11  # GICS sectors


async def test_returns_are_plausible(market: SimulatedMarket) -> None:
    stocks = [asset.symbol for asset in load_universe() if asset.sector == asset.factor and "SPDR" not in asset.name]
    stocks.remove("VNQ")
    returns = (await market.get_histories(stocks, 2520)).pct_change().iloc[1:]
    volatility = returns.std() * np.sqrt(252)
    assert volatility.between(0.15, 0.60).all()
    assert (returns.kurt() + 3 > 3).all()
    correlation = returns.corr().to_numpy()
    sectors = np.array([market.sector(symbol) for symbol in stocks])
    upper = np.triu_indices(len(stocks), 1)
    same = (sectors[:, None] == sectors)[upper]
    within, across = correlation[upper][same], correlation[upper][~same]
    assert 0.2 < across.mean() < within.mean() < 0.7
    assert correlation[upper].min() > 0.15
    assert within.max() < 0.75


async def test_bonds_are_calmer_than_the_market_and_the_market_calmer_than_its_stocks(market: SimulatedMarket) -> None:
    returns = (await market.get_histories(["AGG", "SPY", "TSLA"], 1260)).pct_change().iloc[1:]
    assert returns.std().is_monotonic_increasing
    assert abs(returns["AGG"].corr(returns["SPY"])) < 0.3


async def test_every_process_sees_the_same_prices(market: SimulatedMarket, clock: SetClock) -> None:
    code = (
        "import asyncio; from datetime import UTC, datetime; from types import SimpleNamespace as Clock;"
        "from portfolio_service.adapters.market_data.simulated import SimulatedMarket;"
        f"m = SimulatedMarket(Clock(now=lambda: datetime.fromisoformat('{FRIDAY_NOON.isoformat()}')));"
        "print({s: str(p.price) for s, p in asyncio.run(m.get_multiple_prices(['SPY', 'AAPL'])).items()})"
    )
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    printed, _ = await other.communicate()
    here = await market.get_multiple_prices(["SPY", "AAPL"])
    assert printed.decode().strip() == str({s: str(p.price) for s, p in here.items()})


async def test_a_price_depends_on_neither_the_order_of_questions_nor_the_other_symbols(clock: SetClock) -> None:
    later_first, earlier_first = SimulatedMarket(clock, history=History()), SimulatedMarket(clock, history=History())
    expected = await _prices(later_first, clock, MONDAY_CLOSE, "AAPL", "SPY")
    await _prices(earlier_first, clock, datetime(2019, 5, 6, 15, tzinfo=UTC), "KO")
    assert await _prices(earlier_first, clock, MONDAY_CLOSE, "SPY", "AAPL", "NOSUCH") == expected


async def test_the_tick_at_the_close_is_the_daily_close(market: SimulatedMarket, clock: SetClock) -> None:
    at_close = await _prices(market, clock, FRIDAY_CLOSE, "AAPL", "TSLA")
    history = await market.get_histories(["AAPL", "TSLA"], 1)
    assert history.index[0] == pd.Timestamp("2026-03-13")
    assert at_close == history.iloc[0].to_dict()
    before = await _prices(market, clock, FRIDAY_CLOSE - timedelta(milliseconds=1), "AAPL")
    assert before["AAPL"] == pytest.approx(at_close["AAPL"], rel=1e-4)


async def test_it_ticks_at_night_by_about_as_much_as_its_volatility_says(
    market: SimulatedMarket, clock: SetClock
) -> None:
    symbols = [asset.symbol for asset in load_universe()]
    volatility = np.array([asset.volatility for asset in load_universe()])
    path = []
    for hour in range(24):
        path.append(list((await _prices(market, clock, FRIDAY_CLOSE + timedelta(hours=2 * hour), *symbols)).values()))
    steps = np.diff(np.log(path), axis=0)
    assert (steps != 0).all()
    daily = np.sqrt((steps**2).sum(axis=0) * 72 / 46)  # 46 of the 72 hours to Monday's close
    assert 0.6 < np.median(daily / (volatility / np.sqrt(252))) < 1.6


async def test_history_ends_at_the_last_close_and_grows_with_the_clock(
    market: SimulatedMarket, clock: SetClock
) -> None:
    clock.time = FRIDAY_CLOSE - timedelta(seconds=1)
    before = await market.get_histories(["AAPL", "NOSUCH", "MSFT"], 5)
    assert list(before.columns) == ["AAPL", "MSFT"]
    assert before.index[-1] == pd.Timestamp("2026-03-12")
    clock.time = FRIDAY_CLOSE
    after = await market.get_histories(["AAPL", "MSFT"], 5)
    pd.testing.assert_frame_equal(before.iloc[1:], after.iloc[:-1])


async def test_history_does_not_change_when_the_calendar_grows(clock: SetClock) -> None:
    market = SimulatedMarket(clock, history=History())
    before = await market.get_histories(["AAPL"], 100)
    clock.time = FRIDAY_NOON + timedelta(days=3 * 365)
    await market.get_multiple_prices(["AAPL"])
    clock.time = FRIDAY_NOON
    pd.testing.assert_frame_equal(await market.get_histories(["AAPL"], 100), before)


async def test_documented_call_returns_a_year(market: SimulatedMarket) -> None:
    year = await market.get_historical_data("AAPL", period="1y")
    assert year is not None
    assert len(year) == 252
    assert await market.get_historical_data("NOSUCH") is None
    everything = await market.get_historical_data("AAPL", period="max")
    assert everything is not None
    assert everything.index[0] == pd.Timestamp("2015-01-02")


@pytest.mark.parametrize(("period", "days"), [("1y", 252), ("6mo", 126), ("2wk", 10), ("756d", 756)])
def test_periods(period: str, days: int) -> None:
    assert trading_days(period) == days


@pytest.mark.parametrize("period", ["", "0d", "1 y", "year", "-1d", "1h", "999999d"])
def test_a_wrong_period_says_what_is_expected(period: str) -> None:
    with pytest.raises(ValueError, match=r"\[get_historical_data\] period: expected 1y, 6mo"):
        trading_days(period)


async def test_before_its_first_close_there_is_no_price(market: SimulatedMarket, clock: SetClock) -> None:
    clock.time = datetime(2015, 1, 2, 15, tzinfo=UTC)
    assert await market.get_multiple_prices(["AAPL"]) == {}
    assert len(await market.get_histories(["AAPL"], 5)) == 0


async def test_prices_are_labelled_simulated(market: SimulatedMarket, clock: SetClock) -> None:
    price = (await market.get_multiple_prices(["AAPL"]))["AAPL"]
    assert (price.source, price.time) == ("simulated", clock.time)


async def test_stream_ticks_the_symbols_wanted_at_that_moment(market: SimulatedMarket) -> None:
    wanted = ["AAPL"]
    stream = market.stream(lambda: wanted)
    first = await anext(stream)
    wanted.append("MSFT")
    second = await anext(stream)
    assert [price.symbol for price in first] == ["AAPL"]
    assert [price.symbol for price in second] == ["AAPL", "MSFT"]


def test_hours_holidays_and_early_closes() -> None:
    days = TradingDays()
    assert days.is_open(FRIDAY_NOON)
    assert not days.is_open(FRIDAY_NOON + timedelta(days=1))
    assert not days.is_open(datetime(2025, 12, 25, 16, tzinfo=UTC))
    assert not days.is_open(datetime(2025, 11, 28, 19, tzinfo=UTC))  # the day after Thanksgiving closes at 13:00
    assert days.close_time(days.last_closed(FRIDAY_NOON)) == datetime(2026, 3, 12, 20, tzinfo=UTC)
    ends = [days.close_time(i).hour for i in islice(range(len(days.dates)), 300)]
    assert set(ends) <= {18, 20, 21}


async def test_fast_enough_for_a_request(market: SimulatedMarket) -> None:
    symbols = [asset.symbol for asset in load_universe()][:150]
    await market.get_multiple_prices(symbols)
    begin = time.perf_counter()
    history = await market.get_histories(symbols, 756)
    after_history = time.perf_counter()
    await market.get_multiple_prices(symbols)
    after_prices = time.perf_counter()
    assert history.shape == (756, 150)
    assert after_history - begin < 0.05
    assert after_prices - after_history < 0.05

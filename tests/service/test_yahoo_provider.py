"""Yahoo through yfinance: the frames it returns, made up here, and every way it can fail; no network is used."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
import stamina

from portfolio_service.adapters.market_data import yahoo
from portfolio_service.adapters.market_data.remote import RemoteMarketData
from portfolio_service.adapters.market_data.yahoo import UnknownSymbol, YahooFeed, unreachable
from portfolio_service.domain.sources import SourceUnavailable
from tests.service.canned import serving
from tests.service.fakes import START, ManualClock

ZONE = "America/New_York"


@pytest.fixture(autouse=True)
def no_waiting() -> Any:
    with stamina.set_testing(True, attempts=3):
        yield


def frame(times: list[str], closes: list[float | None], zone: str | None = ZONE) -> pd.DataFrame:
    """As yfinance's Ticker.history: a zoned index, columns Open, High, Low, Close, Volume."""
    index = pd.DatetimeIndex(times, name="Datetime")
    columns = {name: closes for name in ("Open", "High", "Low", "Close")}
    return pd.DataFrame({**columns, "Volume": 1000}, index=index.tz_localize(zone) if zone else index)


@asynccontextmanager
async def yahoo_of(fetch: Callable[..., Any], **options: Any) -> AsyncIterator[tuple[RemoteMarketData, ManualClock]]:
    clock = ManualClock()
    market = RemoteMarketData(YahooFeed(clock, fetch=fetch, **{"wait_s": 0.001, **options}), clock, remember_s=0)
    yield market, clock
    await market.close()


async def test_the_price_is_the_last_minutes_close() -> None:
    asked: list[dict[str, Any]] = []

    def fetch(symbol: str, **question: Any) -> pd.DataFrame:
        asked.append({"symbol": symbol, **question})
        return frame(["2025-08-25 10:57", "2025-08-25 10:58", "2025-08-25 10:59"], [150.0, 150.25, None])

    async with yahoo_of(fetch) as (market, _):
        price = (await market.get_multiple_prices(["AAPL"]))["AAPL"]
    assert (price.price, price.source) == (Decimal("150.25"), "yahoo")
    assert price.time == START - timedelta(minutes=1)  # the bar of 10:58 ends at 10:59 in New York
    assert asked == [{"symbol": "AAPL", "period": "1d", "interval": "1m", "auto_adjust": False, "timeout": 5.0}]


async def test_histories_are_adjusted_daily_closes() -> None:
    asked: list[dict[str, Any]] = []

    def fetch(symbol: str, **question: Any) -> pd.DataFrame:
        asked.append(question)
        return frame(["2025-08-21", "2025-08-22", "2025-08-25"], [149.0, 150.0, 151.0])

    async with yahoo_of(fetch) as (market, _):
        found = await market.get_histories(["AAPL"], 252)
    assert found["AAPL"].tolist() == [149.0, 150.0]  # Monday is still running
    assert (asked[0]["interval"], asked[0]["auto_adjust"]) == ("1d", True)
    assert asked[0]["start"] < "2022-09-01"  # 760 trading days and some holidays


@pytest.mark.parametrize("zone", [None, "UTC", ZONE])
async def test_a_date_is_a_date_in_any_zone(zone: str | None) -> None:
    async with yahoo_of(lambda *_, **__: frame(["2025-08-21", "2025-08-22"], [1.0, 2.0], zone)) as (market, _):
        found = await market.get_histories(["AAPL"], 5)
    assert [str(day.date()) for day in found.index] == ["2025-08-21", "2025-08-22"]


async def test_an_unknown_symbol_and_an_empty_frame_are_no_failures() -> None:
    def fetch(symbol: str, **_: Any) -> pd.DataFrame:
        if symbol == "NOSUCH":
            raise UnknownSymbol(symbol)
        return frame([], [])

    async with yahoo_of(fetch) as (market, _):
        assert await market.get_multiple_prices(["NOSUCH", "EMPTY"]) == {}
        assert not market.state.failures


class RateLimited(Exception):
    """What yfinance raises of its own when Yahoo has had enough."""


@pytest.mark.parametrize(
    ("answer", "kind", "tries"),
    [
        (ConnectionError("no route"), "connection", 3),
        (TimeoutError(), "connection", 3),
        (RateLimited("429"), "RateLimited", 3),
        (KeyError("chart"), "KeyError", 3),
        (frame(["2025-08-25 10:58"], [-1.0]), "bad_price", 1),
        (frame(["2025-08-25 10:58"], [1e300]), "bad_price", 1),
        (frame(["2026-08-25 10:58"], [1.0]), "bad_time", 1),
        (pd.DataFrame({"Price": [1.0]}), "malformed", 1),
        (pd.DataFrame({"Close": [1.0]}), "malformed", 1),
    ],
)
async def test_failures(answer: Any, kind: str, tries: int) -> None:
    def fetch(*_: Any, **__: Any) -> pd.DataFrame:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with yahoo_of(fetch) as (market, _):
        with pytest.raises(SourceUnavailable, match="yahoo does not answer for AAPL"):
            await market.get_multiple_prices(["AAPL"])
        assert market.state.failures == {kind: tries}


async def test_repeated_dates_are_no_history() -> None:
    async with yahoo_of(lambda *_, **__: frame(["2025-08-21", "2025-08-21"], [1.0, 2.0])) as (market, _):
        with pytest.raises(SourceUnavailable, match="dates out of order"):
            await market.get_histories(["AAPL"], 5)


async def test_a_call_that_hangs_is_given_up_and_the_breaker_opens() -> None:
    hanging = threading.Event()

    def fetch(*_: Any, **__: Any) -> pd.DataFrame:
        hanging.wait(30)
        return frame([], [])

    async with yahoo_of(fetch, call_s=0.05, at_once=2) as (market, _):
        began = time.monotonic()
        with pytest.raises(SourceUnavailable, match=r"no answer within 0.05 s"):
            await market.get_multiple_prices([f"S{k}" for k in range(12)])
        assert market.state.breaker == "open"
        assert time.monotonic() - began < 5
        hanging.set()


async def test_whether_yahoo_answers() -> None:
    async with serving(lambda *_: 404) as canned:
        assert await unreachable(20, canned.url) is None
    error = await unreachable(20, "http://127.0.0.1:9")
    assert error is not None
    assert error.startswith("ConnectError")
    began = time.monotonic()
    async with serving(lambda *_: 200) as canned:
        canned.gate = asyncio.Event()
        assert await unreachable(0.1, canned.url) == "no answer within 0.1 s"
    assert time.monotonic() - began < 5


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yahoo, "installed", lambda: False)
    with pytest.raises(ImportError, match=r"pip install 'portfolio-engine\[yahoo\]'"):
        YahooFeed(ManualClock())


def test_yfinance_is_called_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real package, where it is installed: the names that we use exist, and no network is a clear error."""
    yfinance = pytest.importorskip("yfinance", reason="the extra yahoo is not installed")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    fetch = yahoo._yfinance()
    assert yfinance.config.debug.hide_exceptions is False
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        fetch("AAPL", period="1d", interval="1m", auto_adjust=False, timeout=2)

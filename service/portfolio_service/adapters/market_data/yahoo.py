"""Yahoo Finance through the yfinance package (extra `yahoo`): its calls block, so they run in threads of their own."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pandas as pd

from portfolio_service.adapters.market_data.engine_bars import without_spikes
from portfolio_service.adapters.market_data.fan_out import Failed, FanOut
from portfolio_service.adapters.market_data.history_cache import Closes
from portfolio_service.adapters.market_data.remote import ATTEMPTS
from portfolio_service.adapters.market_data.resilience import Breaker, CallFailed, Link
from portfolio_service.adapters.market_data.screening import Reading, as_price
from portfolio_service.domain.models import Price
from portfolio_service.domain.ports import Clock
from portfolio_service.domain.sources import SourceState
from portfolio_service.domain.workers import THREAD_NAME

TICK_SECONDS = 15.0  # Yahoo limits who asks more often
ADDRESS = "https://query1.finance.yahoo.com/"
MISSING = "MARKET_DATA_PROVIDER=yahoo needs the yfinance package: pip install 'portfolio-engine[yahoo]'"
MAX_SKEW = timedelta(seconds=5)
MINUTE = timedelta(minutes=1)
Fetch = Callable[..., pd.DataFrame]  # fetch(symbol, period=, start=, interval=, auto_adjust=, timeout=)


class UnknownSymbol(Exception):
    """Yahoo has nothing under this symbol."""


def installed() -> bool:
    return importlib.util.find_spec("yfinance") is not None


async def unreachable(within_s: float, address: str = ADDRESS) -> str | None:
    """None when Yahoo answers within that time, whatever it answers; else why not."""
    try:
        async with (
            asyncio.timeout(within_s),
            httpx.AsyncClient(timeout=within_s) as http,
            http.stream("GET", address),
        ):
            return None
    except TimeoutError:
        return f"no answer within {within_s:g} s"
    except (httpx.HTTPError, OSError) as error:
        return f"{type(error).__name__}: {error}"[:200]


class YahooFeed:
    """`fetch` is the boundary: a frame of one symbol's bars with the columns Open, High, Low, Close, Volume."""

    source = "yahoo"

    def __init__(
        self,
        clock: Clock,
        *,
        fetch: Fetch | None = None,
        state: SourceState | None = None,
        breaker: Breaker | None = None,
        call_s: float = 5.0,
        prices_s: float = 10.0,
        histories_s: float = 30.0,
        at_once: int = 8,
        wait_s: float = 0.5,
    ) -> None:
        self.state = state or SourceState()
        self._clock = clock
        self._fetch = fetch or _yfinance()
        self._call_s = call_s
        self._prices_s = prices_s
        self._histories_s = histories_s
        self._link = Link(self.state, breaker or Breaker(self.state), wait_s)
        self._fan_out = FanOut(self._link, at_once)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=THREAD_NAME)

    async def readings(self, symbols: Sequence[str], attempts: int) -> dict[str, Reading | Failed | None]:
        async def one(symbol: str) -> Reading | None:
            return await self._link.call(lambda: self._reading(symbol), self._call_s, attempts)

        return await self._fan_out.ask(symbols, one, self._prices_s)

    async def closes(self, symbols: Sequence[str], days: int) -> dict[str, Closes | Failed | None]:
        async def one(symbol: str) -> Closes | None:
            return await self._link.call(lambda: self._closes(symbol, days), self._call_s, ATTEMPTS)

        return await self._fan_out.ask(symbols, one, self._histories_s)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _reading(self, symbol: str) -> Reading | None:
        frame = await self._frame(symbol, period="1d", interval="1m", auto_adjust=False)
        closes = None if frame is None else _column(frame, "Close").dropna()
        if frame is None or closes is None or closes.empty:
            return None
        now = self._clock.now()
        at = _utc(closes.index)[-1].to_pydatetime() + MINUTE  # a bar is stamped with its start
        try:
            price = as_price(float(closes.iloc[-1]))
        except ValueError as error:
            raise CallFailed("bad_price", f"{symbol}: {error}") from None
        if at > now + MINUTE + MAX_SKEW:
            raise CallFailed("bad_time", f"{symbol}: a price of {at.isoformat()}, which is in the future")
        low, high = float(_column(frame, "Low").min()), float(_column(frame, "High").max())
        found = Price(symbol, price, min(at, now), self.source)
        return Reading(found, low, high, now) if 0 < low <= high < np.inf else Reading(found, as_of=now)

    async def _closes(self, symbol: str, days: int) -> Closes | None:
        # calendar days for trading days, and two weeks of holidays
        start = (self._clock.now() - timedelta(days=days * 365 // 252 + 14)).date().isoformat()
        frame = await self._frame(symbol, start=start, interval="1d", auto_adjust=True)
        if frame is None:
            return None
        found = _column(frame, "Close")
        good = found[(found > 0) & np.isfinite(found)]
        dates = pd.DatetimeIndex(good.index).tz_localize(None).to_numpy().astype("datetime64[D]")
        if len(np.unique(dates)) != len(dates) or (np.diff(dates.astype(np.int64)) < 0).any():
            raise CallFailed("malformed", f"{symbol}: dates out of order")
        return without_spikes(Closes(dates[-days:], good.to_numpy(dtype=np.float64)[-days:]))

    async def _frame(self, symbol: str, **question: Any) -> pd.DataFrame | None:
        """One call in a thread; None for an unknown symbol. A thread cannot be stopped: its own timeout ends it."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._threads, lambda: self._fetch(symbol, timeout=self._call_s, **question)
            )
        except UnknownSymbol:
            return None
        except Exception as error:  # yfinance lets through whatever its HTTP client and its parsing raise
            kind = "connection" if isinstance(error, OSError) else type(error).__name__
            raise CallFailed(kind, f"{type(error).__name__}: {error}"[:300], retry=True) from None


def _yfinance() -> Fetch:
    """yfinance as a Fetch; ImportError with the way to install it."""
    if not installed():
        raise ImportError(MISSING)
    import yfinance  # imported late: an extra, and slow
    from yfinance.exceptions import YFTickerMissingError

    logging.getLogger("yfinance").setLevel(logging.CRITICAL)  # failures are counted and named by us
    yfinance.config.debug.hide_exceptions = False

    def fetch(symbol: str, **question: Any) -> pd.DataFrame:
        try:
            frame: pd.DataFrame = yfinance.Ticker(symbol).history(actions=False, **question)
        except YFTickerMissingError as error:
            raise UnknownSymbol(symbol) from error
        return frame

    return fetch


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame or not isinstance(frame.index, pd.DatetimeIndex):
        raise CallFailed("malformed", f"expected a table of dates with a column {name}, got {list(frame.columns)[:10]}")
    column = pd.to_numeric(frame[name], errors="coerce")
    return column.astype(np.float64)


def _utc(index: pd.Index) -> pd.DatetimeIndex:
    found = pd.DatetimeIndex(index)
    return found.tz_localize("UTC") if found.tz is None else found.tz_convert("UTC")

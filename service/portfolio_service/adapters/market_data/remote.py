"""A MarketDataClient over a source that is elsewhere: bounded, screened, cached, never trusted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import numpy as np
import pandas as pd
from cachetools import TTLCache

from portfolio_service.adapters.market_data.fan_out import Failed
from portfolio_service.adapters.market_data.history_cache import Closes, HistoryCache, table
from portfolio_service.adapters.market_data.periods import trading_days
from portfolio_service.adapters.market_data.resilience import Shared
from portfolio_service.adapters.market_data.screening import DailyClose, PriceScreen, Reading
from portfolio_service.adapters.market_data.trading_days import TradingDays
from portfolio_service.domain.models import Price
from portfolio_service.domain.ports import Clock
from portfolio_service.domain.sources import SourceState, SourceUnavailable

MAX_DAYS = 10_000  # forty years
USUAL_DAYS = 760  # asked for at least: one call then serves valuation, optimisation and limits
LAST_TRADES = timedelta(minutes=15)
ATTEMPTS = 3  # of a call that a request waits for; a poll is its own retry


_NEVER = Failed("never asked")


class Feed(Protocol):
    """The calls of one source. None: the source does not know the symbol. Always answers within a few seconds."""

    source: str
    state: SourceState

    async def readings(self, symbols: Sequence[str], attempts: int) -> Mapping[str, Reading | Failed | None]: ...

    async def closes(self, symbols: Sequence[str], days: int) -> Mapping[str, Closes | Failed | None]: ...

    async def close(self) -> None: ...


class RemoteMarketData:
    """Trading days are those of New York; sectors are unknown."""

    def __init__(
        self,
        feed: Feed,
        clock: Clock,
        *,
        tick_seconds: float = 1.0,
        symbols_per_tick: int = 100,
        remember_s: float = 1.0,
        spare_s: float = 5.0,
        days: TradingDays | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source = feed.source
        self.state = feed.state
        self._feed = feed
        self._clock = clock
        self._tick_seconds = tick_seconds
        self._symbols_per_tick = symbols_per_tick
        self._days = days or TradingDays()
        self._monotonic = monotonic
        self._screen = PriceScreen(feed.state)
        # asked for again within a second, a symbol gets the same answer, also when that was none
        self._recent: TTLCache[str, Price | Failed | None] = TTLCache(20_000, remember_s, timer=monotonic)
        self._histories = HistoryCache(monotonic=monotonic)
        # a history that failed is left alone for a while: a request may not wait for it again and again
        self._lost: TTLCache[str, str] = TTLCache(20_000, spare_s, timer=monotonic)
        self._asking: Shared[str, Price | Failed | None] = Shared()
        self._reading: Shared[tuple[str, int], Closes | Failed | None] = Shared()

    async def get_multiple_prices(self, symbols: Sequence[str]) -> Mapping[str, Price]:
        """Current prices; a symbol the source does not know is left out.

        SourceUnavailable, with the prices that it gave, when it does not answer for some.
        """
        wanted = list(dict.fromkeys(symbols))
        recent = {symbol: self._recent.get(symbol, _NEVER) for symbol in wanted}
        known = {symbol: answer for symbol, answer in recent.items() if answer is not _NEVER}
        missing = [symbol for symbol in wanted if symbol not in known]
        return _prices(self.source, {**known, **await self._ask(missing, ATTEMPTS)})

    async def get_historical_data(self, symbol: str, period: str = "1y") -> pd.Series | None:
        """Daily closes up to the last finished trading day; None for an unknown symbol."""
        frame = await self.get_histories([symbol], trading_days(period))
        return frame.get(symbol)

    async def get_histories(self, symbols: Sequence[str], days: int) -> pd.DataFrame:
        """The last `days` closes, one column per known symbol; a missing cell is NaN.

        While the source is away, what was read before is given again; SourceUnavailable for what never was.
        """
        days = max(1, min(days, MAX_DAYS))
        wanted = list(dict.fromkeys(symbols))
        session = await self._session()
        missing = [symbol for symbol in wanted if not self._histories.fresh(symbol, days, session)]
        failed = {symbol: why for symbol in missing if (why := self._lost.get(symbol)) is not None}
        missing = [symbol for symbol in missing if symbol not in failed]
        failed |= await self._read(missing, max(days, USUAL_DAYS), session) if missing else {}
        kept = {symbol: closes for symbol in wanted if (closes := self._histories.get(symbol)) is not None}
        if lost := {symbol: why for symbol, why in failed.items() if symbol not in kept}:
            raise SourceUnavailable(self.source, lost)
        return table(kept, wanted, days)

    def known_symbols(self) -> Sequence[str] | None:
        """Open-ended: nobody can list them."""
        return None

    def sector(self, symbol: str) -> str | None:
        """The source names none."""
        return None

    def is_open(self, now: datetime) -> bool:
        return self._days.is_open(now)

    def last_close(self, now: datetime) -> datetime:
        return self._days.close_time(max(self._days.last_closed(now), 0))

    async def stream(self, symbols: Callable[[], Sequence[str]]) -> AsyncIterator[Sequence[Price]]:
        """Polls the wanted symbols at a set pace, in turns when there are more than one tick may ask for.

        A source that fails makes smaller batches, or empty ones; the stream itself goes on.
        """
        turn = 0
        while True:
            began = self._monotonic()
            wanted = list(symbols())
            now = (wanted[turn:] + wanted[:turn])[: self._symbols_per_tick]
            turn = (turn + len(now)) % len(wanted) if wanted else 0
            answers = await self._ask(now, attempts=1)
            yield [answer for answer in answers.values() if isinstance(answer, Price)]
            took = self._monotonic() - began
            # at most half of the time goes into polls, but a slow source is not left alone for long
            await asyncio.sleep(max(min(took, 2 * self._tick_seconds), self._tick_seconds - took))

    async def close(self) -> None:
        await self._asking.close()
        await self._reading.close()
        await self._feed.close()

    async def _ask(self, symbols: Sequence[str], attempts: int) -> dict[str, Price | Failed | None]:
        async def fetch(new: Sequence[str]) -> dict[str, Price | Failed | None]:
            await self._session()  # the calendar is read in a thread, before it is asked
            found = await self._feed.readings(new, attempts)
            answers = {symbol: self._judged(found[symbol]) for symbol in new}
            self._recent.update(answers)
            return answers

        return await self._asking.ask(symbols, fetch) if symbols else {}

    def _judged(self, answer: Reading | Failed | None) -> Price | Failed | None:
        if not isinstance(answer, Reading):
            return answer
        answer = self._at_the_close(answer)
        held_back = self._screen.accept(answer, self._last_bar(answer.price.symbol))
        return Failed(held_back) if held_back else answer.price

    def _at_the_close(self, reading: Reading) -> Reading:
        """The last trade of a day comes shortly before the close; what was still the latest after it is the close's."""
        now, at = self._clock.now(), reading.price.time
        close = self.last_close(now)
        if reading.as_of is None or reading.as_of < close or not close - LAST_TRADES <= at < close:
            return reading
        return replace(reading, price=replace(reading.price, time=close))

    def _last_bar(self, symbol: str) -> DailyClose | None:
        closes = self._histories.get(symbol)
        if closes is None or not len(closes.dates):
            return None
        day: date = closes.dates[-1].astype(object)
        closed_at = self.last_close(datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC))
        return DailyClose(closed_at, float(closes.values[-1]))

    async def _read(self, symbols: Sequence[str], days: int, session: date) -> dict[str, str]:
        """Reads histories into the cache; why it failed, for those that did."""

        async def fetch(new: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Closes | Failed | None]:
            found = await self._feed.closes([symbol for symbol, _ in new], days)
            return {(symbol, days): answer for symbol, answer in found.items()}

        failed = {}
        asked = await self._reading.ask([(symbol, days) for symbol in symbols], fetch)
        for (symbol, _), answer in asked.items():
            if isinstance(answer, Failed):
                failed[symbol] = self._lost[symbol] = answer.why
            else:
                self._histories.put(symbol, answer and _finished(answer, session), days, session)
        return failed

    async def _session(self) -> date:
        """The last finished trading day."""
        now = self._clock.now()
        if not self._days.covers(now):
            await asyncio.to_thread(self._days.cover, now)
        found: date = self._days.dates[max(self._days.last_closed(now), 0)].astype(object)
        return found


def _finished(closes: Closes, session: date) -> Closes:
    """Without the running day, and without weekends, on which New York never trades."""
    weekday = (closes.dates.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    keep = (closes.dates <= np.datetime64(session, "D")) & (weekday < 5)
    return Closes(closes.dates[keep], closes.values[keep])


def _prices(source: str, answers: Mapping[str, Price | Failed | None]) -> dict[str, Price]:
    found = {symbol: answer for symbol, answer in answers.items() if isinstance(answer, Price)}
    failed = {symbol: answer.why for symbol, answer in answers.items() if isinstance(answer, Failed)}
    if failed:
        raise SourceUnavailable(source, failed, found)
    return found

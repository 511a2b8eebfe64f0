"""Market data from a file of daily adjusted closes; its clock stops at the file's last date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from portfolio_service.adapters.market_data.periods import trading_days
from portfolio_service.adapters.market_data.price_file import read_prices
from portfolio_service.domain.models import Price
from portfolio_service.domain.money import quantity
from portfolio_service.domain.ports import Clock
from portfolio_service.domain.sources import SourceState

CLOSE = time(16, 0, tzinfo=ZoneInfo("America/New_York"))  # when a row's prices become known


class FilesMarketData:
    """A MarketDataClient over one CSV or Parquet file, or a folder with adj_close.*; see price_file.py.

    At a time within the file a price is the last close at or before it: nothing later is ever seen.
    """

    source = "files"

    def __init__(self, path: str | Path, clock: Clock, tick_seconds: float = 1.0) -> None:
        self.state = SourceState()
        self._clock = clock
        self._tick_seconds = tick_seconds
        self._frame = read_prices(path)
        closes = [datetime.combine(day.date(), CLOSE) for day in self._frame.index]
        self._closes = np.array([close.timestamp() for close in closes])
        self._column = {str(symbol): i for i, symbol in enumerate(self._frame.columns)}
        self._values = self._frame.to_numpy()
        known = ~np.isnan(self._values)
        rows = np.arange(len(self._values))[:, None]
        self._last_row = np.maximum.accumulate(np.where(known, rows, -1), axis=0)  # of each symbol's last price

    @property
    def last_date(self) -> date:
        """The day at which its clock stops."""
        return date.fromisoformat(str(self._frame.index[-1])[:10])

    async def get_multiple_prices(self, symbols: Sequence[str]) -> Mapping[str, Price]:
        """The last closes at or before now; a symbol without one is left out."""
        row = self._row(self._clock.now())
        prices = (self._price(symbol, row) for symbol in dict.fromkeys(symbols))
        return {price.symbol: price for price in prices if price is not None}

    async def get_historical_data(self, symbol: str, period: str = "1y") -> pd.Series | None:
        """Daily adjusted closes up to now; None for an unknown symbol."""
        frame = await self.get_histories([symbol], trading_days(period))
        return frame.get(symbol)

    async def get_histories(self, symbols: Sequence[str], days: int) -> pd.DataFrame:
        """The last `days` rows at or before now, one column per known symbol; a missing cell is NaN."""
        stop = self._row(self._clock.now()) + 1
        rows = slice(max(stop - days, 0), stop)
        known = [symbol for symbol in dict.fromkeys(symbols) if symbol in self._column]
        values = self._values[rows][:, [self._column[symbol] for symbol in known]]
        return pd.DataFrame(values, index=self._frame.index[rows], columns=known)

    def known_symbols(self) -> Sequence[str]:
        return tuple(self._column)

    def sector(self, symbol: str) -> str | None:
        """A price file names no sectors."""
        return None

    def is_open(self, now: datetime) -> bool:
        """Never: there are closes only, so that a price is as old as its date in the file's own time."""
        return False

    def last_close(self, now: datetime) -> datetime:
        return self._close_time(max(self._row(now), 0))

    async def stream(self, symbols: Callable[[], Sequence[str]]) -> AsyncIterator[Sequence[Price]]:
        """The last closes again and again; they change when the clock has passed a close."""
        while True:
            yield list((await self.get_multiple_prices(symbols())).values())
            await asyncio.sleep(self._tick_seconds)

    async def close(self) -> None:
        """Holds nothing that needs closing."""

    def _row(self, now: datetime) -> int:
        """The last row known at `now`; -1 before the first."""
        return int(np.searchsorted(self._closes, now.timestamp(), side="right")) - 1

    def _close_time(self, row: int) -> datetime:
        return datetime.fromtimestamp(float(self._closes[row]), tz=UTC)

    def _price(self, symbol: str, row: int) -> Price | None:
        column = self._column.get(symbol)
        if column is None or row < 0 or (last := int(self._last_row[row, column])) < 0:
            return None
        price = quantity(Decimal(repr(float(self._values[last, column]))))
        return Price(symbol, price, self._close_time(last), self.source)

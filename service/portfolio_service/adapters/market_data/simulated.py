"""Market data without a network: a seeded factor-model market, always labelled "simulated"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from portfolio_service.adapters.market_data.periods import trading_days
from portfolio_service.adapters.market_data.simulated_model import FactorModel, Floats, load_universe
from portfolio_service.adapters.market_data.trading_days import TradingDays
from portfolio_service.domain.models import Price
from portfolio_service.domain.ports import Clock

DECIMALS = 4  # of a simulated price


class SimulatedMarket:
    """A MarketDataClient of about 150 symbols from 2015-01-02 on; it ticks at night too."""

    source = "simulated"

    def __init__(self, clock: Clock, tick_seconds: float = 1.0) -> None:
        self._clock = clock
        self._tick_seconds = tick_seconds
        universe = load_universe()
        self._assets = {asset.symbol: asset for asset in universe}
        self._column = {asset.symbol: i for i, asset in enumerate(universe)}
        self._days = TradingDays()
        self._model = FactorModel(universe, self._days)
        self._closes = np.empty((0, len(universe)))
        self._index = pd.DatetimeIndex([])
        self._warming = asyncio.Lock()

    async def get_multiple_prices(self, symbols: Sequence[str]) -> Mapping[str, Price]:
        """Current prices; a symbol without one is left out."""
        now = await self._ready()
        return {price.symbol: price for price in self._tick(symbols, now)}

    async def get_historical_data(self, symbol: str, period: str = "1y") -> pd.Series | None:
        """Daily closes up to now; None for an unknown symbol."""
        frame = await self.get_histories([symbol], trading_days(period))
        return frame.get(symbol)

    async def get_histories(self, symbols: Sequence[str], days: int) -> pd.DataFrame:
        """The last `days` closes at or before now, one column per known symbol."""
        stop = self._days.last_closed(await self._ready()) + 1
        rows = slice(max(stop - days, 0), stop)
        known = [symbol for symbol in dict.fromkeys(symbols) if symbol in self._column]
        values = self._closes[rows][:, [self._column[symbol] for symbol in known]]
        return pd.DataFrame(values, index=self._index[rows], columns=known)

    def known_symbols(self) -> Sequence[str]:
        return tuple(self._column)

    def sector(self, symbol: str) -> str | None:
        """Its GICS sector; None for a fund that spans sectors and for an unknown symbol."""
        asset = self._assets.get(symbol)
        return asset.sector if asset else None

    def is_open(self, now: datetime) -> bool:
        return self._days.is_open(now)

    def last_close(self, now: datetime) -> datetime:
        return self._days.close_time(max(self._days.last_closed(now), 0))

    async def stream(self, symbols: Callable[[], Sequence[str]]) -> AsyncIterator[Sequence[Price]]:
        """A tick of every wanted symbol each `tick_seconds`."""
        while True:
            now = await self._ready()
            yield self._tick(symbols(), now)
            await asyncio.sleep(self._tick_seconds)

    async def close(self) -> None:
        """Holds nothing that needs closing."""

    async def _ready(self) -> datetime:
        """Now, with prices computed until then; half a second the first time, hence in a thread."""
        async with self._warming:
            now = self._clock.now()
            if len(self._closes) == 0 or len(self._closes) != len(self._days.dates) or not self._days.covers(now):
                await asyncio.to_thread(self._warm, now)
            return now

    def _warm(self, now: datetime) -> None:
        self._days.cover(now)
        self._closes = _rounded(self._model.log_closes())
        self._index = pd.DatetimeIndex(self._days.dates.astype("datetime64[ns]"), name="date")

    def _tick(self, symbols: Sequence[str], now: datetime) -> list[Price]:
        last_closed = self._days.last_closed(now)
        known = [symbol for symbol in dict.fromkeys(symbols) if symbol in self._column]
        if last_closed < 0 or not known:
            return []
        values = _rounded(self._model.log_prices(now.timestamp(), last_closed))
        return [
            Price(symbol, Decimal(f"{values[self._column[symbol]]:.{DECIMALS}f}"), now, self.source) for symbol in known
        ]


def _rounded(log_prices: Floats) -> Floats:
    return np.asarray(np.round(np.exp(log_prices), DECIMALS), dtype=np.float64)

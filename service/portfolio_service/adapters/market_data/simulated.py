"""Market data without a network: a seeded factor-model market, always labelled "simulated"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import pandas as pd

from portfolio_service.adapters.market_data.periods import trading_days
from portfolio_service.adapters.market_data.simulated_model import DECIMALS, History, shared_history
from portfolio_service.domain.models import Price
from portfolio_service.domain.ports import Clock
from portfolio_service.domain.sources import SourceState


class SimulatedMarket:
    """A MarketDataClient of about 150 symbols from 2015-01-02 on; it ticks at night too."""

    source = "simulated"

    def __init__(self, clock: Clock, tick_seconds: float = 1.0, history: History | None = None) -> None:
        self.state = SourceState()
        self._clock = clock
        self._tick_seconds = tick_seconds
        self._history = history or shared_history()
        self._days = self._history.days

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
        known = self._known(symbols)
        values = self._history.closes[rows][:, [self._history.columns[symbol] for symbol in known]]
        return pd.DataFrame(values, index=self._history.dates[rows], columns=known)

    def known_symbols(self) -> Sequence[str]:
        return tuple(self._history.columns)

    def sector(self, symbol: str) -> str | None:
        """Its GICS sector; None for a fund that spans sectors and for an unknown symbol."""
        asset = self._history.assets.get(symbol)
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
        """Now, with closes computed around it; in a thread, because the first time takes half a second."""
        now = self._clock.now()
        if not self._history.covers(now):
            await asyncio.to_thread(self._history.cover, now)
        return now

    def _tick(self, symbols: Sequence[str], now: datetime) -> list[Price]:
        known = self._known(symbols)
        values = self._history.prices(now) if known else None
        if values is None:
            return []
        column = self._history.columns
        return [Price(name, Decimal(f"{values[column[name]]:.{DECIMALS}f}"), now, self.source) for name in known]

    def _known(self, symbols: Sequence[str]) -> list[str]:
        return [symbol for symbol in dict.fromkeys(symbols) if symbol in self._history.columns]

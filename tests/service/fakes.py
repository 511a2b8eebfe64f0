"""Stand-ins for what a test must control: the time, and a market with given prices."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd

from portfolio_service.domain.models import Actor, Price

START = datetime(2025, 8, 25, 15, 0, tzinfo=UTC)
ACTOR = Actor("test", "req-1")


class ManualClock:
    """Stands still until told."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, step: timedelta | float) -> datetime:
        """Move on by a step (a number is seconds)."""
        self._now += step if isinstance(step, timedelta) else timedelta(seconds=step)
        return self._now

    def set(self, now: datetime) -> None:
        assert now >= self._now, "time runs forward"
        self._now = now


class TableMarket:
    """A market whose prices are a table that the test sets; always open; `down` makes it fail."""

    source = "table"

    def __init__(self, clock: ManualClock, prices: Mapping[str, str | Decimal]) -> None:
        self._clock = clock
        self.table = {symbol: Decimal(price) for symbol, price in prices.items()}
        self.down = False

    async def get_multiple_prices(self, symbols: Sequence[str]) -> Mapping[str, Price]:
        if self.down:
            raise ConnectionError("the test switched the market off")
        now = self._clock.now()
        return {s: Price(s, self.table[s], now, self.source) for s in symbols if s in self.table}

    async def get_historical_data(self, symbol: str, period: str = "1y") -> pd.Series | None:
        return None

    async def get_histories(self, symbols: Sequence[str], days: int) -> pd.DataFrame:
        return pd.DataFrame()

    def known_symbols(self) -> Sequence[str] | None:
        return tuple(self.table)

    def sector(self, symbol: str) -> str | None:
        return None

    def is_open(self, now: datetime) -> bool:
        return True

    def last_close(self, now: datetime) -> datetime:
        return now

    async def stream(self, symbols: Callable[[], Sequence[str]]) -> AsyncIterator[Sequence[Price]]:
        yield list((await self.get_multiple_prices(symbols())).values())

    async def close(self) -> None:
        return None

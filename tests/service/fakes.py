"""Stand-ins for what a test must control: the time, and a market with given prices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from portfolio_service.adapters.execution.simulated import SimulatedExecution
from portfolio_service.adapters.storage import SqlRepository
from portfolio_service.adapters.storage.database import Database
from portfolio_service.domain.books import Books
from portfolio_service.domain.models import Actor, Change, Price, Valuation
from portfolio_service.domain.portfolio import PortfolioService
from portfolio_service.domain.ports import MarketDataClient, Repository
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.rebalancing import RebalanceService
from portfolio_service.domain.sources import SourceState
from portfolio_service.domain.valuation import value

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
    state = SourceState()

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


class WatchedRepository(SqlRepository):
    """The real books on SQLite, whose commits a test can watch, hold up or make fail.

    Faults are injected before the commit because only here is the moment exact: a full disk or a slow one fails or
    waits somewhere inside it.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.changes: list[Change] = []  # committed, oldest first
        self.fail_with: Exception | None = None
        self.gate: asyncio.Event | None = None  # when set, a commit waits for it

    async def commit(self, change: Change) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.fail_with is not None:
            raise self.fail_with
        await super().commit(change)
        self.changes.append(change)


@dataclass
class Desk:
    """Books and their services on given parts, as app.py wires them."""

    clock: ManualClock
    market: MarketDataClient
    repository: Repository
    max_portfolios: int = 1000
    cost_bps: Decimal = Decimal(10)

    def __post_init__(self) -> None:
        self.prices = Prices(self.market, self.clock)
        self.books = Books(self.repository)
        self.portfolios = PortfolioService(
            books=self.books,
            prices=self.prices,
            market=self.market,
            repository=self.repository,
            clock=self.clock,
            max_portfolios=self.max_portfolios,
        )
        self.rebalancing = RebalanceService(
            books=self.books,
            prices=self.prices,
            market=self.market,
            execution=SimulatedExecution(),
            clock=self.clock,
            transaction_cost_bps=self.cost_bps,
        )

    def value(self, portfolio_id: str) -> Valuation:
        return value(self.books.get(portfolio_id), self.prices, self.clock.now())


_open: list[tuple[WatchedRepository, TemporaryDirectory[str]]] = []


async def open_desk(prices: Mapping[str, str | Decimal], **options: Any) -> tuple[Desk, TableMarket, WatchedRepository]:
    """A desk on a table of prices and a database of its own; the fixture `desks` closes it."""
    clock, folder = ManualClock(), TemporaryDirectory()
    repository = await WatchedRepository.open(Path(folder.name) / "portfolio.db")
    _open.append((repository, folder))
    market = TableMarket(clock, prices)
    return Desk(clock, market, repository, **options), market, repository


async def close_desks() -> None:
    """Closes every desk that is open."""
    while _open:
        repository, folder = _open.pop()
        await repository.close()
        folder.cleanup()

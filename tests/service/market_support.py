"""Small parts that the tests of market data, valuation, optimisation and jobs share."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import pandas as pd
import uvicorn

from portfolio_service.adapters.market_data.simulated import SimulatedMarket
from portfolio_service.adapters.market_data.simulated_model import shared_history
from portfolio_service.adapters.market_data.yahoo import UnknownSymbol
from portfolio_service.adapters.storage import SqlRepository
from portfolio_service.adapters.storage.alerts import SqlAlerts
from portfolio_service.adapters.storage.close_levels import SqlCloseLevels
from portfolio_service.adapters.storage.daily_records import DailyRecordStore
from portfolio_service.adapters.storage.database import Database
from portfolio_service.adapters.storage.flows import ExternalFlowStore
from portfolio_service.domain.alerts import Alerts
from portfolio_service.domain.analytics import Analytics
from portfolio_service.domain.books import Books
from portfolio_service.domain.highs import Highs
from portfolio_service.domain.models import (
    Book,
    Event,
    Holding,
    OptimizationMethod,
    Portfolio,
    Price,
    RebalanceFrequency,
    Valuation,
)
from portfolio_service.domain.optimisation import OptimisationService
from portfolio_service.domain.portfolio import NewPortfolio, PortfolioService, PositionUpdate
from portfolio_service.domain.ports import Clock, MarketDataClient
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.realised import RealisedRecords
from portfolio_service.domain.risk_watch import RiskWatch
from portfolio_service.domain.valuation import LiveValuation, value
from portfolio_service.listener import listen
from portfolio_service.market_data_server.app import create_app as market_data_app
from tests.service.fakes import ACTOR, ManualClock

FRIDAY_NOON = datetime(2026, 3, 13, 16, 0, tzinfo=UTC)  # in the session that closes at 20:00 UTC


class SetClock:
    """A clock that a test sets."""

    def __init__(self, time: datetime = FRIDAY_NOON) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time


class FailingMarket:
    """A market data source that can be switched off; otherwise prices are given."""

    source = "fake"

    def __init__(self, prices: Mapping[str, str], clock: SetClock) -> None:
        self.prices = dict(prices)
        self.clock = clock
        self.failure: Exception | None = None
        self.open = True
        self.close_time = datetime(2026, 3, 12, 20, 0, tzinfo=UTC)
        self.asked: list[str] = []

    async def get_multiple_prices(self, symbols: Sequence[str]) -> dict[str, Price]:
        self.asked.extend(symbols)
        if self.failure:
            raise self.failure
        now = self.clock.now()
        return {s: Price(s, Decimal(self.prices[s]), now, self.source) for s in symbols if s in self.prices}

    def is_open(self, now: datetime) -> bool:
        return self.open

    def last_close(self, now: datetime) -> datetime:
        return self.close_time


class BooksInMemory:
    """What LiveValuation uses of Books, without a database."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[str, Portfolio | None], None]] = []
        self.portfolios: dict[str, Portfolio] = {}

    def all(self) -> list[Portfolio]:
        return list(self.portfolios.values())

    def subscribe(self, listener: Callable[[str, Portfolio | None], None]) -> None:
        self.listeners.append(listener)

    def swap(self, portfolio: Portfolio) -> None:
        self.portfolios[portfolio.portfolio_id] = portfolio
        for listener in self.listeners:
            listener(portfolio.portfolio_id, portfolio)

    def drop(self, portfolio_id: str) -> None:
        del self.portfolios[portfolio_id]
        for listener in self.listeners:
            listener(portfolio_id, None)


def portfolio_of(
    holdings: Mapping[str, tuple[str, str]], cash: str = "0", unallocated: str = "0", portfolio_id: str = "port_a"
) -> Portfolio:
    """A portfolio that holds {symbol: (quantity, basis)}."""
    return Portfolio(
        portfolio_id=portfolio_id,
        portfolio_name="Test",
        initial_value=Decimal("1000"),
        optimization_method=OptimizationMethod.MEAN_VARIANCE,
        rebalance_frequency=RebalanceFrequency.MONTHLY,
        created_at=FRIDAY_NOON,
        provider="simulated",
        book=Book(
            cash=Decimal(cash),
            unallocated_capital=Decimal(unallocated),
            holdings={s: Holding(s, Decimal(q), Decimal(basis)) for s, (q, basis) in holdings.items()},
        ),
    )


@dataclass
class World:
    """The domain's services over a real SQLite file and the simulated market, at a time that a test sets."""

    clock: ManualClock
    market: MarketDataClient
    repository: SqlRepository
    books: Books
    prices: Prices
    portfolios: PortfolioService
    optimisation: OptimisationService
    analytics: Analytics
    live: LiveValuation
    risk: RiskWatch
    alerts: Alerts
    records: RealisedRecords

    async def create(self, *symbols: str, initial: str = "100000", cash: str | None = None) -> Portfolio:
        new = NewPortfolio(
            "Test", Decimal(initial), None if cash is None else Decimal(cash), symbols=tuple(symbols) or None
        )
        return await self.portfolios.create(new, ACTOR)

    async def hold(self, portfolio_id: str, quantities: Mapping[str, str]) -> Portfolio:
        updates = [PositionUpdate(symbol, Decimal(quantity)) for symbol, quantity in quantities.items()]
        return await self.portfolios.update_positions(portfolio_id, updates, False, ACTOR)

    async def value(self, portfolio: Portfolio) -> Valuation:
        await self.prices.current(list(portfolio.book.holdings))
        return value(portfolio, self.prices, self.clock.now())

    async def events(self) -> list[Event]:
        return [event for _, event in await self.repository.pending_events(1000)]


@asynccontextmanager
async def open_world(
    folder: Path | str, market_of: Callable[[ManualClock], MarketDataClient] = SimulatedMarket, **options: Any
) -> AsyncIterator[World]:
    """`folder` may be the URL of a database; `options` go to the OptimisationService."""
    clock = ManualClock()
    market = market_of(clock)
    database = await Database.open(folder / "portfolio.db" if isinstance(folder, Path) else folder)
    repository = SqlRepository(database)
    books = Books(repository)
    await books.load()
    prices = Prices(market, clock)
    parts = {"books": books, "prices": prices, "market": market, "repository": repository, "clock": clock}
    optimisation = OptimisationService(**parts, **options)
    store = DailyRecordStore(database)
    analytics = Analytics(**parts, records=store, flows=ExternalFlowStore(database), workers=optimisation.workers)
    live = LiveValuation(books, prices)
    alerts = Alerts(SqlAlerts(database), clock)
    await alerts.load()
    highs = Highs(SqlCloseLevels(database), market)
    try:
        yield World(
            clock=clock,
            market=market,
            repository=repository,
            books=books,
            prices=prices,
            portfolios=PortfolioService(**parts),
            optimisation=optimisation,
            analytics=analytics,
            live=live,
            risk=RiskWatch(
                books=books,
                live=live,
                market=market,
                analytics=analytics,
                alerts=alerts,
                highs=highs,
                clock=clock,
            ),
            alerts=alerts,
            records=RealisedRecords(repository=repository, store=store, prices=prices, market=market, clock=clock),
        )
    finally:
        optimisation.close()
        await repository.close()


class ServerThread:
    """A real market data server on a free port, in a thread of this process: its clock can be a test's."""

    def __init__(self, market: MarketDataClient) -> None:
        self._listener = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        app = market_data_app(market, ("127.0.0.1", "localhost"))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._listener.close()


class YahooOfSimulated:
    """What yfinance's Ticker.history returns, made of the simulated market: the boundary of the yahoo provider."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.asked: list[str] = []
        self.failure: Exception | None = None

    def __call__(self, symbol: str, *, interval: str, timeout: float, **question: Any) -> pd.DataFrame:
        self.asked.append(symbol)
        if self.failure is not None:
            raise self.failure
        history, now = shared_history(), self._clock.now()
        history.cover(now)
        if symbol not in history.columns:
            raise UnknownSymbol(symbol)
        column = history.columns[symbol]
        if interval == "1m":
            session = history.days.last_closed(now)
            end = now if history.days.is_open(now) else history.days.close_time(session)
            times = pd.date_range(end=pd.Timestamp(end).floor("min"), periods=6, freq="min")[:-1]
            values = [float(history.prices(time.to_pydatetime() + timedelta(minutes=1))[column]) for time in times]
        else:
            stop = history.days.last_closed(now) + 1 + history.days.is_open(now)  # the running day is there too
            times = history.dates[:stop]
            times = times[times >= question["start"]]
            values = list(history.closes[stop - len(times) : stop, column])
        zone = "America/New_York"
        index = times.tz_convert(zone) if times.tz is not None else times.tz_localize(zone)
        columns = {name: values for name in ("Open", "High", "Low", "Close")}
        return pd.DataFrame({**columns, "Volume": 0}, index=index.rename("Datetime"))

"""Small parts that the tests of market data, valuation and optimisation share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from portfolio_service.domain.models import Book, Holding, OptimizationMethod, Portfolio, Price, RebalanceFrequency

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

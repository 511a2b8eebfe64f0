"""What portfolios are worth now: exactly for a request, and all of them at once in float64 on each tick."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from portfolio_service.domain.books import Books
from portfolio_service.domain.models import Holding, Portfolio, Position, Price, Valuation
from portfolio_service.domain.money import ZERO, quantity, worth
from portfolio_service.domain.prices import Prices, latest

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def value(portfolio: Portfolio, prices: Prices, now: datetime) -> Valuation:
    """Values the book at `prices`, exactly; total_value is the sum of the rounded parts.

    A position without any price counts at its cost and says so: price None and stale.
    """
    book, fresh_since = portfolio.book, prices.fresh_since()
    found, values = _priced(portfolio, prices)
    total = sum(values, book.cash + book.unallocated_capital)
    return Valuation(
        total_value=total,
        cash_balance=book.cash,
        unallocated_capital=book.unallocated_capital,
        positions={
            holding.symbol: _position(holding, price, market_value, total, fresh_since)
            for holding, price, market_value in zip(book.holdings.values(), found, values, strict=True)
        },
        valued_at=now,
    )


def total_value(portfolio: Portfolio, prices: Prices) -> Decimal:
    """The same total without its positions."""
    book = portfolio.book
    return sum(_priced(portfolio, prices)[1], book.cash + book.unallocated_capital)


def _priced(portfolio: Portfolio, prices: Prices) -> tuple[list[Price | None], list[Decimal]]:
    """The price and the market value of each holding, in their order."""
    client, holdings = portfolio.client_prices, portfolio.book.holdings
    found = [latest(prices.get(symbol), client.get(symbol)) for symbol in holdings]
    pairs = zip(holdings.values(), found, strict=True)
    return found, [one.basis if price is None else worth(one.quantity, price.price) for one, price in pairs]


def _position(
    holding: Holding, price: Price | None, market_value: Decimal, total: Decimal, fresh_since: datetime
) -> Position:
    return Position(
        symbol=holding.symbol,
        quantity=holding.quantity,
        market_value=market_value,
        weight=float(market_value / total) if total else 0.0,
        avg_cost=quantity(holding.basis / holding.quantity) if holding.quantity else ZERO,
        unrealized_pnl=market_value - holding.basis,
        last_updated=price.time if price else None,
        price=price.price if price else None,
        price_source=price.source if price else None,
        stale=price is None or price.time < fresh_since,
    )


@dataclass(frozen=True)
class LiveValues:
    """All portfolios after one pass."""

    portfolio_ids: tuple[str, ...]
    totals: Floats  # (portfolios,)
    symbols: tuple[str, ...]
    owners: Ints  # (positions,) index into portfolio_ids
    columns: Ints  # (positions,) index into symbols
    market_values: Floats  # (positions,)
    basis: Floats  # (positions,) what they cost
    weights: Floats  # (positions,) share of the owner's total, 0 where the total is 0
    unpriced: int  # positions that no source has a price for, counted at cost

    def total(self, portfolio_id: str) -> float:
        return float(self.totals[self.portfolio_ids.index(portfolio_id)])


@dataclass(frozen=True)
class _Holdings:
    """One portfolio's book as arrays."""

    columns: Ints
    quantities: Floats
    basis: Floats
    client_prices: Floats  # nan where the client sent none
    client_times: Floats  # -inf where the client sent none
    rest: float  # cash and unallocated capital


class LiveValuation:
    """Every position of every portfolio, revalued in one vectorised pass a tick; float64, for gauges and limits."""

    def __init__(self, books: Books, prices: Prices) -> None:
        self._prices = prices
        self._columns: dict[str, int] = {}
        self._price = np.empty(0)
        self._time = np.empty(0)
        self._held: dict[str, _Holdings] = {}
        self._holders = np.zeros(0, dtype=np.intp)  # portfolios that hold the symbol of a column
        self._flat: tuple[Ints, Ints, Floats, Floats, Floats, Floats, Floats] | None = None
        self._values: LiveValues | None = None
        self._totals: dict[str, float] = {}  # by portfolio, as of its last change or the last pass
        for portfolio in books.all():
            self._changed(portfolio.portfolio_id, portfolio)
        books.subscribe(self._changed)

    def symbols(self) -> Sequence[str]:
        """Every symbol held somewhere now: what the price stream is asked for."""
        return [symbol for symbol, holders in zip(self._columns, self._holders, strict=True) if holders]

    def on_ticks(self, batch: Sequence[Price]) -> LiveValues:
        """Takes a batch of ticks in and revalues everything."""
        self._prices.put(batch)
        self._take(tick.symbol for tick in batch if tick.symbol in self._columns)
        self._values = None
        return self.values()

    def values(self) -> LiveValues:
        """The last pass, repeated when books or prices have changed since."""
        if self._values is None:
            self._values = found = self._revalue()
            self._totals = dict(zip(found.portfolio_ids, found.totals.tolist(), strict=True))
        return self._values

    def total_aum(self) -> float:
        """The value of all portfolios together; a change of one book does not revalue the others."""
        return math.fsum(self._totals.values())

    def _changed(self, portfolio_id: str, portfolio: Portfolio | None) -> None:
        self._flat = self._values = None
        if (before := self._held.get(portfolio_id)) is not None:
            self._holders[before.columns] -= 1
        if portfolio is None:
            self._held.pop(portfolio_id, None)
            self._totals.pop(portfolio_id, None)
            return
        book, client = portfolio.book, portfolio.client_prices
        for symbol in book.holdings:
            self._columns.setdefault(symbol, len(self._columns))
        columns = np.array([self._columns[symbol] for symbol in book.holdings], dtype=np.intp)
        self._grow(len(self._columns) - len(self._holders))
        self._holders[columns] += 1
        self._held[portfolio_id] = held = _Holdings(
            columns=columns,
            quantities=np.array([float(holding.quantity) for holding in book.holdings.values()]),
            basis=np.array([float(holding.basis) for holding in book.holdings.values()]),
            client_prices=np.array([float(client[s].price) if s in client else np.nan for s in book.holdings]),
            client_times=np.array([client[s].time.timestamp() if s in client else -np.inf for s in book.holdings]),
            rest=float(book.cash + book.unallocated_capital),
        )
        self._take(book.holdings)  # prices fetched for a request
        client_prices, client_times = held.client_prices, held.client_times
        values, _ = self._priced(held.columns, held.quantities, held.basis, client_prices, client_times)
        self._totals[portfolio_id] = held.rest + float(values.sum())

    def _take(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            if (held := self._prices.get(symbol)) is not None:
                self._price[self._columns[symbol]] = float(held.price)
                self._time[self._columns[symbol]] = held.time.timestamp()

    def _grow(self, new: int) -> None:
        if new:
            self._price = np.append(self._price, np.full(new, np.nan))
            self._time = np.append(self._time, np.full(new, -np.inf))
            self._holders = np.append(self._holders, np.zeros(new, dtype=np.intp))

    def _revalue(self) -> LiveValues:
        self._flat = self._flat or self._flatten()
        owners, columns, quantities, basis, client_prices, client_times, rest = self._flat
        market_values, unpriced = self._priced(columns, quantities, basis, client_prices, client_times)
        totals = rest + np.bincount(owners, weights=market_values, minlength=len(rest))
        positive = np.where(totals > 0, totals, np.inf)
        return LiveValues(
            portfolio_ids=tuple(self._held),
            totals=totals,
            symbols=tuple(self._columns),
            owners=owners,
            columns=columns,
            market_values=market_values,
            basis=basis,
            weights=market_values / positive[owners],
            unpriced=int(unpriced.sum()),
        )

    def _priced(
        self, columns: Ints, quantities: Floats, basis: Floats, client_prices: Floats, client_times: Floats
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Market values, and which of them are costs because no source has a price."""
        price = np.where(client_times >= self._time[columns], client_prices, self._price[columns])
        unpriced = np.isnan(price)
        return np.where(unpriced, basis, quantities * price), unpriced

    def _flatten(self) -> tuple[Ints, Ints, Floats, Floats, Floats, Floats, Floats]:
        books = list(self._held.values())
        lengths = np.array([len(held.columns) for held in books], dtype=np.intp)
        return (
            np.repeat(np.arange(len(books), dtype=np.intp), lengths),
            np.concatenate([held.columns for held in books] or [np.empty(0, np.intp)]),
            np.concatenate([held.quantities for held in books] or [np.empty(0)]),
            np.concatenate([held.basis for held in books] or [np.empty(0)]),
            np.concatenate([held.client_prices for held in books] or [np.empty(0)]),
            np.concatenate([held.client_times for held in books] or [np.empty(0)]),
            np.array([held.rest for held in books]),
        )

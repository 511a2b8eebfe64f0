"""Creating, restating and archiving portfolios."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolio_service.domain import events
from portfolio_service.domain.amendment import Amendment, schedule_decision
from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import Conflict, Unacceptable, Unavailable
from portfolio_service.domain.ids import new_id
from portfolio_service.domain.ledger import LedgerError, apply_entries, fold
from portfolio_service.domain.models import (
    Actor,
    Change,
    LedgerEntry,
    OptimizationMethod,
    Portfolio,
    PortfolioStatus,
    Price,
    RebalanceFrequency,
    Trade,
)
from portfolio_service.domain.money import MAX_MONEY
from portfolio_service.domain.opening import opening_money, opening_split, opening_unallocated
from portfolio_service.domain.ports import Clock, MarketDataClient, Repository
from portfolio_service.domain.prices import Prices, latest
from portfolio_service.domain.statement import PositionUpdate, clean_updates, client_prices, statement_entries
from portfolio_service.domain.symbols import clean, require_prices
from portfolio_service.domain.valuation import value

__all__ = ["NewPortfolio", "PortfolioService", "PositionUpdate"]


@dataclass(frozen=True)
class NewPortfolio:
    """A portfolio to create; without symbols, what is not cash waits as unallocated capital."""

    portfolio_name: str
    initial_value: Decimal = Decimal(100000)
    cash_balance: Decimal | None = None  # a tenth of initial_value
    optimization_method: OptimizationMethod = OptimizationMethod.MEAN_VARIANCE
    rebalance_frequency: RebalanceFrequency = RebalanceFrequency.MONTHLY
    metadata: Mapping[str, Any] = field(default_factory=dict)
    symbols: tuple[str, ...] | None = None


class PortfolioService:
    """Each method is one change: computed on the current value, committed, then visible."""

    def __init__(
        self,
        *,
        books: Books,
        prices: Prices,
        market: MarketDataClient,
        repository: Repository,
        clock: Clock,
        max_portfolios: int = 1000,
    ) -> None:
        self._books = books
        self._prices = prices
        self._market = market
        self._repository = repository
        self._clock = clock
        self._max_portfolios = max_portfolios
        self._creating = asyncio.Lock()

    async def create(self, new: NewPortfolio, actor: Actor) -> Portfolio:
        """The created portfolio, with the valuation it starts at: total_value == initial_value to the cent."""
        self._check_slot()
        initial, cash = opening_money(new.initial_value, new.cash_balance)
        symbols = clean(new.symbols) if new.symbols is not None else ()
        if new.symbols is not None and not symbols:
            raise Unacceptable("invalid_symbol", "symbols: expected at least one, got none")
        require_prices(symbols, await self._prices.current(symbols), self._market)
        async with self._creating:
            self._check_slot()
            return await self._create(new, initial, cash, symbols, actor)

    async def _create(
        self, new: NewPortfolio, initial: Decimal, cash: Decimal, symbols: Sequence[str], actor: Actor
    ) -> Portfolio:
        now = self._clock.now()
        if symbols:
            held = {symbol: self._prices.get(symbol) for symbol in symbols}  # a tick may have come since
            quotes = {symbol: price for symbol, price in held.items() if price}
            entries = opening_split(initial, cash, symbols, quotes, now)
        else:
            entries = opening_unallocated(initial, cash, now)
        portfolio = Portfolio(
            portfolio_id=new_id("port", {portfolio.portfolio_id for portfolio in self._books.all()}),
            portfolio_name=new.portfolio_name,
            initial_value=initial,
            optimization_method=new.optimization_method,
            rebalance_frequency=new.rebalance_frequency,
            created_at=now,
            provider=self._market.source,
            book=fold(entries),
            metadata=dict(new.metadata),
        )
        portfolio = replace(portfolio, valuation=value(portfolio, self._prices, now))
        told = (events.created(portfolio, symbols, now),)
        receipt = actor.receipt(portfolio, portfolio)
        return await self._books.apply(
            Change("portfolio.create", portfolio, None, actor, now, entries, events=told, receipt=receipt)
        )

    async def update_positions(
        self,
        portfolio_id: str,
        updates: Sequence[PositionUpdate],
        replace_all: bool,
        actor: Actor,
        if_match: int | None = None,
    ) -> Portfolio:
        """Restates what is held by transfers in and out; cash never moves.

        The first statement releases all unallocated capital. A market_value sent becomes the symbol's price in
        this portfolio, source "client", until a later tick; symbols without one are valued at the market's price.
        """
        async with self._books.lock(portfolio_id):
            portfolio = self._books.get(portfolio_id)
            self._books.check_version(portfolio, if_match)
            now = self._clock.now()
            updates = clean_updates(updates)
            own = {**portfolio.client_prices, **client_prices(updates, now)}
            self._check_provider(portfolio, updates)
            unpriced = [u.symbol for u in updates if u.quantity > 0 and u.symbol not in own]
            require_prices(unpriced, await self._prices.current(unpriced), self._market, "positions")
            with suppress(Unavailable):  # what else is held is valued beside it: at the last good price if need be
                await self._prices.current([symbol for symbol in portfolio.book.holdings if symbol not in own])
            symbols = [*portfolio.book.holdings, *(update.symbol for update in updates)]
            found = {symbol: latest(self._prices.get(symbol), own.get(symbol)) for symbol in symbols}
            entries = statement_entries(portfolio.book, updates, replace_all, found, now)
            after = self._after(portfolio, entries, own, now)
            assert after.valuation is not None
            updated = events.position_updated(portfolio_id, after.valuation, now)
            change = Change(
                "portfolio.positions",
                after,
                portfolio.version,
                actor,
                now,
                entries,
                events=(updated,),
                receipt=actor.receipt(after, after),
            )
            return await self._books.apply(change)

    async def amend(
        self, portfolio_id: str, amendment: Amendment, actor: Actor, if_match: int | None = None
    ) -> Portfolio:
        """Another name, method, schedule, status or metadata, as a change of its own; none when all is as asked."""
        async with self._books.lock(portfolio_id):
            portfolio = self._books.get(portfolio_id)
            self._books.check_version(portfolio, if_match)
            after = amendment.applied(portfolio)
            if after is portfolio:
                return portfolio
            now = self._clock.now()
            decision = schedule_decision(portfolio, after, now)
            change = Change("portfolio.amend", after, portfolio.version, actor, now, decision=decision)
            return await self._books.apply(change)

    async def archive(self, portfolio_id: str, actor: Actor, if_match: int | None = None) -> None:
        """Frees the slot; the database keeps the portfolio with its ledger, trades and audit trail."""
        async with self._books.lock(portfolio_id):
            portfolio = self._books.get(portfolio_id)
            self._books.check_version(portfolio, if_match)
            archived = replace(portfolio, status=PortfolioStatus.ARCHIVED, version=portfolio.version + 1)
            now = self._clock.now()
            await self._books.apply(Change("portfolio.archive", archived, portfolio.version, actor, now))

    async def trades(self, portfolio_id: str, limit: int, offset: int) -> tuple[Sequence[Trade], int]:
        """Executed trades, newest first, and how many there are in all."""
        self._books.get(portfolio_id)
        return await self._repository.trades(portfolio_id, limit, offset)

    def _check_provider(self, portfolio: Portfolio, updates: Sequence[PositionUpdate]) -> None:
        """Books kept at one source's prices take none of another's; the client's own are always welcome."""
        mixed = [u.symbol for u in updates if u.quantity > 0 and u.market_value is None]
        if portfolio.provider != self._market.source and mixed:
            raise Conflict(
                "provider_mismatch",
                f"{portfolio.portfolio_id} is kept at prices of {portfolio.provider!r}, this service runs on "
                f"{self._market.source!r}: send a market_value for {', '.join(mixed)}, or start it with "
                f"MARKET_DATA_PROVIDER={portfolio.provider}",
            )

    def _check_slot(self) -> None:
        if len(self._books.all()) >= self._max_portfolios:
            raise Conflict(
                "portfolio_limit_reached",
                f"all {self._max_portfolios} portfolios are in use (MAX_PORTFOLIOS); DELETE one to free its slot",
            )

    def _after(
        self, portfolio: Portfolio, entries: tuple[LedgerEntry, ...], own: Mapping[str, Price], now: datetime
    ) -> Portfolio:
        try:
            book = apply_entries(portfolio.book, entries)
        except LedgerError as error:
            raise Unacceptable("out_of_range", f"positions: {error}") from error
        kept = {symbol: price for symbol, price in own.items() if symbol in book.holdings}
        after = replace(portfolio, book=book, version=portfolio.version + 1, client_prices=kept)
        valuation = value(after, self._prices, now)
        if valuation.total_value >= MAX_MONEY:
            raise Unacceptable("out_of_range", f"positions: expected a total value below {MAX_MONEY:.0e}")
        return replace(after, valuation=valuation)

"""Rebalancing: a plan at current prices, executed and booked as one change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from portfolio_engine.rebalance import RebalancePlan, UnnamedWeightsError, plan_rebalance
from portfolio_service.domain import events
from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import Conflict, FieldError, Unacceptable
from portfolio_service.domain.ids import new_id
from portfolio_service.domain.ledger import LedgerError, apply_entries
from portfolio_service.domain.limits import Standing
from portfolio_service.domain.models import Actor, Change, Decision, EntryKind, LedgerEntry, Portfolio, Price, Trade
from portfolio_service.domain.money import ZERO, money, worth
from portfolio_service.domain.ports import Clock, Execution, MarketDataClient
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.statement import CLIENT
from portfolio_service.domain.symbols import require_prices
from portfolio_service.domain.targets import target_of
from portfolio_service.domain.trade_limits import TradeLimits, refuse_breaches
from portfolio_service.domain.valuation import value

PLANNED = "planned"  # trade_id of a dry run's trades
SIDES = {"buy": EntryKind.BUY, "sell": EntryKind.SELL}


@dataclass(frozen=True)
class RebalanceRequest:
    """What to trade to; None is the stored target."""

    target_weights: Mapping[str, float] | None = None
    rebalance_threshold: float = 0.01
    minimize_turnover: bool = False
    full: bool = False
    dry_run: bool = False
    accept_relaxed: bool = False
    enforce_limits: bool = False  # refuse trades that would leave a risk limit broken


@dataclass(frozen=True)
class RebalanceResult:
    """What was traded (or would be, for a dry run); money to the cent, the ratio is turnover over total value."""

    portfolio: Portfolio
    target_weights: Mapping[str, float]
    trades: tuple[Trade, ...]
    total_turnover: Decimal
    execution_cost: Decimal
    rebalance_ratio: float
    dry_run: bool
    weights_after: Mapping[str, float]
    limits_after: tuple[Standing, ...] = ()  # of a dry run, and where limits were enforced


class Mandate(Protocol):
    """A rebalance that no client asked for: its rules, and the decision that is booked with the trades."""

    def check(self, portfolio: Portfolio, quotes: Mapping[str, Price]) -> None:
        """Raises a DomainError when these books must not be traded at these prices now."""
        ...

    def decision(self, result: RebalanceResult) -> Decision:
        """What is kept about these trades."""
        ...


class RebalanceService:
    """Rebalances of one portfolio are done one after the other, each on the books that the one before left."""

    def __init__(
        self,
        *,
        books: Books,
        prices: Prices,
        market: MarketDataClient,
        execution: Execution,
        clock: Clock,
        transaction_cost_bps: float | Decimal = 10,
        limits: TradeLimits | None = None,
    ) -> None:
        self._books = books
        self._prices = prices
        self._market = market
        self._execution = execution
        self._clock = clock
        self._limits = limits
        self._cost_bps = Decimal(str(transaction_cost_bps))

    async def rebalance(
        self,
        portfolio_id: str,
        request: RebalanceRequest,
        actor: Actor,
        if_match: int | None = None,
        reason: str = "api",
        mandate: Mandate | None = None,
    ) -> RebalanceResult:
        """Trade to the target. When another process changed the books meanwhile it is planned again, once."""
        async with self._books.lock(portfolio_id):
            self._books.get(portfolio_id)
            with self._books.activity(portfolio_id, "rebalancing"):
                try:
                    return await self._once(portfolio_id, request, actor, if_match, reason, mandate)
                except Conflict as conflict:
                    if conflict.code != "version_conflict":
                        raise
                await self._books.reload(portfolio_id)
                return await self._once(portfolio_id, request, actor, if_match, reason, mandate)

    async def _once(
        self,
        portfolio_id: str,
        request: RebalanceRequest,
        actor: Actor,
        if_match: int | None,
        reason: str,
        mandate: Mandate | None,
    ) -> RebalanceResult:
        portfolio = self._books.get(portfolio_id)
        self._books.check_version(portfolio, if_match)
        if portfolio.provider != self._market.source:
            raise Conflict(
                "provider_mismatch",
                f"{portfolio_id} is kept at prices of {portfolio.provider!r}, this service runs on "
                f"{self._market.source!r}; start it with MARKET_DATA_PROVIDER={portfolio.provider} to trade",
            )
        weights = target_of(portfolio, request.target_weights, request.accept_relaxed)
        quotes = await self._quotes(portfolio, weights)
        if mandate is not None:
            mandate.check(portfolio, quotes)
        plan = self._plan(portfolio, weights, quotes, request)
        limits = await self._limits_after(portfolio, plan, request)
        now = self._clock.now()
        if request.dry_run:
            planned = _result(portfolio, weights, plan, _planned(plan, portfolio_id, now, reason), True)
            return replace(planned, limits_after=limits)
        trades = await self._execute(plan, portfolio_id, quotes, now, reason)
        change = self._change(portfolio, trades, quotes, actor, now, reason)
        result = replace(_result(change.portfolio, weights, plan, trades, False), limits_after=limits)
        decision = mandate.decision(result) if mandate is not None else None
        receipt = actor.receipt(change.portfolio, result)
        await self._books.apply(replace(change, receipt=receipt, decision=decision))
        return result

    async def _limits_after(
        self, portfolio: Portfolio, plan: RebalancePlan, request: RebalanceRequest
    ) -> tuple[Standing, ...]:
        if self._limits is None or not (request.enforce_limits or request.dry_run):
            return ()
        weights = {symbol: float(weight) for symbol, weight in plan.weights_after.items()}
        found = await self._limits.after(portfolio, weights)
        if request.enforce_limits:
            refuse_breaches(found)
        return tuple(found)

    async def _quotes(self, portfolio: Portfolio, weights: Mapping[str, float]) -> dict[str, Price]:
        held = portfolio.book.holdings
        named = [symbol for symbol, weight in weights.items() if weight > 0 and symbol not in held]
        quotes = {**portfolio.client_prices, **await self._prices.current([*held, *named])}
        require_prices(named, quotes, self._market, "target_weights")
        if missing := [symbol for symbol in held if symbol not in quotes]:
            raise Conflict("no_price", f"no price for {', '.join(missing)}: POST positions with a market_value first")
        return quotes

    def _plan(
        self,
        portfolio: Portfolio,
        weights: Mapping[str, float],
        quotes: Mapping[str, Price],
        request: RebalanceRequest,
    ) -> RebalancePlan:
        book = portfolio.book
        try:
            return plan_rebalance(
                {symbol: holding.quantity for symbol, holding in book.holdings.items()},
                {symbol: quote.price for symbol, quote in quotes.items()},
                book.cash,
                {symbol: weight for symbol, weight in weights.items() if symbol in quotes},
                unallocated=book.unallocated_capital,
                rebalance_threshold=request.rebalance_threshold,
                minimize_turnover=request.minimize_turnover,
                full=request.full,
                transaction_cost_bps=self._cost_bps,
            )
        except UnnamedWeightsError as error:
            message = str(error).partition("] ")[2].replace("full=True", '"full": true')
            raise Unacceptable(
                "unnamed_positions",
                message,
                [FieldError(f"target_weights.{s}", f"not named, is at {w:.4f}") for s, w in error.unnamed.items()],
            ) from error
        except ValueError as error:
            raise Unacceptable("cannot_rebalance", str(error).partition("] ")[2]) from error

    async def _execute(
        self, plan: RebalancePlan, portfolio_id: str, quotes: Mapping[str, Price], now: datetime, reason: str
    ) -> tuple[Trade, ...]:
        trades = []
        for planned in _planned(plan, portfolio_id, now, reason):
            price = await self._execution.fill(planned.symbol, planned.side, planned.quantity, quotes[planned.symbol])
            filled = worth(planned.quantity, price)
            cost = money(filled * self._cost_bps.scaleb(-4))
            trade_id = new_id("trd", digits=16)
            trades.append(replace(planned, trade_id=trade_id, price=price, value=filled, cost=cost))
        return tuple(trades)

    def _change(
        self,
        portfolio: Portfolio,
        trades: tuple[Trade, ...],
        quotes: Mapping[str, Price],
        actor: Actor,
        now: datetime,
        reason: str,
    ) -> Change:
        entries = _entries(portfolio, trades, now)
        try:
            book = apply_entries(portfolio.book, entries)
        except LedgerError as error:
            raise Unacceptable("out_of_range", f"the trades do not fit the books: {error}") from error
        # the market has been asked: what a client said about its prices before is over
        still_own = {s: quote for s, quote in quotes.items() if quote.source == CLIENT and s in book.holdings}
        after = replace(
            portfolio, book=book, version=portfolio.version + 1, last_rebalanced=now, client_prices=still_own
        )
        valuation = value(after, self._prices, now)
        after = replace(after, valuation=valuation)
        turnover = sum((trade.value for trade in trades), ZERO)
        cost = sum((trade.cost for trade in trades), ZERO)
        told = [events.rebalanced(portfolio.portfolio_id, len(trades), turnover, cost, reason, now)]
        if trades:
            told.append(events.position_updated(portfolio.portfolio_id, valuation, now))
        return Change("portfolio.rebalance", after, portfolio.version, actor, now, entries, trades, events=tuple(told))


def _planned(plan: RebalancePlan, portfolio_id: str, now: datetime, reason: str) -> tuple[Trade, ...]:
    return tuple(
        Trade(PLANNED, portfolio_id, t.symbol, t.side, t.quantity, t.price, t.value, t.cost, now, reason)
        for t in plan.trades
    )


def _entries(portfolio: Portfolio, trades: tuple[Trade, ...], now: datetime) -> tuple[LedgerEntry, ...]:
    """Unallocated capital becomes cash with the first trades; each trade is a buy or sell and its cost a fee."""
    entries = []
    if trades and portfolio.book.unallocated_capital:
        entries.append(LedgerEntry(EntryKind.CAPITAL_RELEASED, portfolio.book.unallocated_capital, now))
    for t in trades:
        entries.append(LedgerEntry(SIDES[t.side], t.value, now, t.symbol, t.quantity, t.price, t.trade_id))
        if t.cost:
            entries.append(LedgerEntry(EntryKind.FEE, t.cost, now, t.symbol, trade_id=t.trade_id))
    return tuple(entries)


def _result(
    portfolio: Portfolio, weights: Mapping[str, float], plan: RebalancePlan, trades: tuple[Trade, ...], dry_run: bool
) -> RebalanceResult:
    return RebalanceResult(
        portfolio=portfolio,
        target_weights=weights,
        trades=trades,
        total_turnover=sum((trade.value for trade in trades), ZERO),
        execution_cost=sum((trade.cost for trade in trades), ZERO),
        rebalance_ratio=float(plan.rebalance_ratio),
        dry_run=dry_run,
        weights_after={symbol: float(weight) for symbol, weight in plan.weights_after.items()},
    )

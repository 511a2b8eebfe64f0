"""One portfolio's automatic rebalancing: what is due is done or refused, and the decision is kept with its numbers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from portfolio_service.domain.books import Books
from portfolio_service.domain.drift import band_of, quotes_of, unusable
from portfolio_service.domain.errors import Conflict, DomainError, TimedOut, Unavailable
from portfolio_service.domain.ids import new_id
from portfolio_service.domain.models import Actor, Change, Decision, Memory, Portfolio, PortfolioStatus
from portfolio_service.domain.models import RebalanceFrequency as Frequency
from portfolio_service.domain.monitor import Monitor
from portfolio_service.domain.optimisation import OptimisationService
from portfolio_service.domain.order import FAILED, NOT_NEEDED, REFUSED, WITHIN_THRESHOLD, Order
from portfolio_service.domain.ports import Clock, MarketDataClient, TradingCalendar
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.rebalancing import RebalanceRequest, RebalanceService
from portfolio_service.domain.requests import OptimizeRequest
from portfolio_service.domain.schedule import Run, due_run, in_session, next_run
from portfolio_service.domain.second_try import attempt_after, retry_at

log = logging.getLogger(__name__)

MAX_FAILURES = 5  # of the portfolio's own, in a row: then it has status error
OWN_FAILURES = {"numerical_error", "optimization_timeout", "internal_error"}


class Automation:
    """Looks at one portfolio at a time; `read_policy` makes a stored policy the request it came from."""

    def __init__(
        self,
        *,
        books: Books,
        prices: Prices,
        market: MarketDataClient,
        optimisation: OptimisationService,
        rebalancing: RebalanceService,
        monitor: Monitor,
        calendar: TradingCalendar,
        clock: Clock,
        read_policy: Callable[[Mapping[str, Any]], OptimizeRequest],
    ) -> None:
        self._books = books
        self._prices = prices
        self._market = market
        self._optimisation = optimisation
        self._rebalancing = rebalancing
        self._monitor = monitor
        self._calendar = calendar
        self._clock = clock
        self._read_policy = read_policy

    def next_run(self, portfolio: Portfolio, memory: Memory, now: datetime) -> Run | None:
        """The next run of its schedule; None for `manual` and for a portfolio that is not active."""
        if portfolio.status is not PortfolioStatus.ACTIVE:
            return None
        since = max(portfolio.created_at, memory.since or portfolio.created_at)
        return next_run(portfolio.rebalance_frequency, since, memory.last_period, now, self._calendar)

    def due_run(self, portfolio: Portfolio, memory: Memory, now: datetime) -> Run | None:
        """The run that is due now, for a paused portfolio too."""
        session = in_session(now, self._calendar)
        if session is None:
            return None
        since = max(portfolio.created_at, memory.since or portfolio.created_at)
        frequency, last = portfolio.rebalance_frequency, memory.last_period
        return due_run(frequency, since, last, session, now, self._calendar)

    async def look(self, portfolio: Portfolio, memory: Memory) -> tuple[Decision | None, bool]:
        """Does what is due within a session: the decision, None where there was nothing to decide, and whether it is
        still to be kept (not when its trades were booked with it, or when it says again what the last one said)."""
        now = self._clock.now()
        if portfolio.status is PortfolioStatus.ERROR or in_session(now, self._calendar) is None:
            return None, False
        run = self.due_run(portfolio, memory, now)
        order = Order(portfolio, run, self._prices, self._calendar, self._clock)
        watched = portfolio.status is PortfolioStatus.ACTIVE and portfolio.rebalance_frequency is not Frequency.MANUAL
        if _waits(memory.last, order, now, self._calendar) or (order.run is None and not watched):
            return None, False
        decision = await self._decide(order, attempt_after(memory.last, order))
        if decision is order.taken:
            return decision, False
        failures = _own_failures(decision, memory.last)
        if not failures:
            return decision, _is_news(decision, memory.last)
        decision = replace(decision, numbers={**decision.numbers, "failures": failures})
        if failures < MAX_FAILURES:
            return decision, True
        return await self._give_up(decision, failures), False

    async def _decide(self, order: Order, attempt: int) -> Decision:
        """Trades where that is due and allowed; every way in which that can end is a decision."""
        if order.portfolio.status is PortfolioStatus.PAUSED:
            return order.said(REFUSED, "portfolio_paused", "paused: the period passes without a trade", done=True)
        if order.run is None and order.portfolio.target is None:
            return order.said(NOT_NEEDED, "no_target", "nothing is due, and no target is stored to drift from")
        try:
            await self._allow(order)
            await self._trade(order)
            assert order.taken is not None  # a rebalance under a mandate takes its decision
            return order.taken
        except (Unavailable, TimedOut) as error:
            return order.said(FAILED, error.code, error.detail, attempt=attempt)
        except DomainError as error:
            if error.code == WITHIN_THRESHOLD:
                return order.said(NOT_NEEDED, error.code, error.detail)
            outcome = FAILED if error.code in OWN_FAILURES else REFUSED
            return order.said(outcome, error.code, error.detail, attempt=attempt)
        except Exception as error:  # whatever happens to one portfolio, the others are looked at
            log.exception("scheduled rebalance failed", extra={"portfolio_id": order.portfolio.portfolio_id})
            text = f"an error inside the service: {error!r}"[:300]
            return order.said(FAILED, "internal_error", text, attempt=attempt)

    async def _trade(self, order: Order) -> None:
        """A run repeats the stored policy on fresh data and trades to what it finds; drift goes back to the target."""
        portfolio_id, actor = order.portfolio.portfolio_id, Actor("scheduler", new_id("sch"))
        if order.run is not None:
            policy = order.portfolio.policy
            request = OptimizeRequest() if policy is None else self._read_policy(policy)
            record = await self._optimisation.optimize(portfolio_id, request, actor)
            self._monitor.optimized(record.method.value, record.optimization_time_ms / 1e3)
        order_form = RebalanceRequest(rebalance_threshold=band_of(self._books.get(portfolio_id)))
        with self._monitor.rebalance():
            await self._rebalancing.rebalance(portfolio_id, order_form, actor, reason=order.trigger, mandate=order)

    async def _allow(self, order: Order) -> None:
        """Conflict where it is clear before any work that nothing may be traded."""
        portfolio, source = order.portfolio, self._market.source
        if portfolio.provider != source:
            text = f"kept at prices of {portfolio.provider!r}, this service runs on {source!r}"
            raise Conflict("provider_mismatch", text)
        if wrong := unusable(portfolio, quotes_of(portfolio, self._prices), self._prices):
            with suppress(Unavailable):  # a long check: what it fetched at its beginning is old by now
                await self._prices.current(wrong)
        order.check(portfolio, quotes_of(portfolio, self._prices))

    async def _give_up(self, decision: Decision, failures: int) -> Decision:
        text = f"{decision.reason}; status error after {failures} failures: PATCH status active to go on"
        decision = replace(decision, reason=text)
        async with self._books.lock(decision.portfolio_id):
            portfolio = self._books.get(decision.portfolio_id)
            after = replace(portfolio, status=PortfolioStatus.ERROR, version=portfolio.version + 1, valuation=None)
            actor = Actor("scheduler", new_id("sch"))
            change = Change("portfolio.error", after, portfolio.version, actor, decision.at, decision=decision)
            await self._books.apply(change)
        return decision


def _waits(last: Decision | None, order: Order, now: datetime, calendar: TradingCalendar) -> bool:
    """Whether the same thing was refused or failed and its time has not come again."""
    again = retry_at(last, calendar) if order.is_about(last) else None
    return again is not None and now < again


def _own_failures(decision: Decision, last: Decision | None) -> int:
    """How many times in a row this portfolio itself was why; an outage around it does not count."""
    if decision.outcome != FAILED or decision.code not in OWN_FAILURES:
        return 0
    before = int(last.numbers.get("failures", 0)) if last is not None and last.outcome == FAILED else 0
    return before + 1


def _is_news(decision: Decision, last: Decision | None) -> bool:
    """Another outcome than the last one, or the first of the day."""
    if last is None or last.at.date() != decision.at.date():
        return True
    then, now = ((d.trigger, d.outcome, d.code, d.period) for d in (last, decision))
    return then != now

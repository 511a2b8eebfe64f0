"""The scheduler's look at all portfolios, what it remembers of them, and when it looks again."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from portfolio_service.domain.automation import Automation
from portfolio_service.domain.books import Books
from portfolio_service.domain.clock import iso
from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.models import Decision, Memory, Portfolio, PortfolioStatus, RebalanceFrequency
from portfolio_service.domain.order import FAILED
from portfolio_service.domain.ports import Clock, DecisionLog, TradingCalendar
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.schedule import in_session, starts
from portfolio_service.domain.second_try import retry_at

log = logging.getLogger(__name__)

NOTHING = Memory()
AFTER_FAILURE = timedelta(minutes=1)
KEPT_AT_ONCE = 200  # decisions in one transaction


@dataclass
class Progress:
    """Since the start of the process, for /health and Prometheus."""

    last_check: datetime | None = None  # when it began
    last_seconds: float = 0.0  # how long that check took
    checks: int = 0
    due: int = 0  # runs that are due and not yet begun
    running: int = 0
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)  # (trigger, outcome)
    error: str | None = None  # why the last check as a whole failed


class Scheduling:
    """Checks run one at a time; within one, at most `at_once` portfolios are worked on."""

    def __init__(
        self,
        *,
        automation: Automation,
        books: Books,
        prices: Prices,
        decisions: DecisionLog,
        calendar: TradingCalendar,
        clock: Clock,
        interval_s: float = 3600,
        at_once: int = 2,
    ) -> None:
        self._automation = automation
        self._books = books
        self._prices = prices
        self._decisions = decisions
        self._calendar = calendar
        self._clock = clock
        self._interval = timedelta(seconds=interval_s)
        self._at_once = at_once
        self._turn = asyncio.Lock()
        self._memories: dict[str, Memory] = {}
        self._unread: set[str] | None = None  # changed since they were read; None: nothing has been read yet
        self._seen: dict[str, tuple[RebalanceFrequency, PortfolioStatus]] = {}
        self._to_keep: list[Decision] = []
        self._started = clock.now()
        self.progress = Progress()
        books.subscribe(self._changed)

    async def check(self) -> list[Decision]:
        """Look at every portfolio; the decisions, those that are not kept because they say nothing new included."""
        async with self._turn:
            begin, progress = asyncio.get_running_loop().time(), self.progress
            progress.last_check = self._clock.now()
            try:
                found = await self._check_all()
            except Exception as error:
                progress.error = error.detail if isinstance(error, DomainError) else repr(error)
                raise
            else:
                progress.error = None
                return found
            finally:
                progress.checks += 1
                progress.last_seconds = asyncio.get_running_loop().time() - begin
                progress.due = progress.running = 0

    def next_check(self) -> datetime:
        """The next look: after the interval, or before when a session's first minute or a second try comes."""
        last = self.progress.last_check or self._started
        times = [last + (min(self._interval, AFTER_FAILURE) if self.progress.error else self._interval)]
        session = self._calendar.closing_after(last)
        if session is not None and starts(session) <= last:
            session = self._calendar.closing_after(session.closes)
        if session is not None:
            times.append(starts(session))
        tries = (retry_at(memory.last, self._calendar) for memory in self._memories.values())
        return min([*times, *(again for again in tries if again is not None and again > last)])

    async def next_rebalance(self, portfolio: Portfolio) -> datetime | None:
        """When its schedule runs next, or what was refused or failed is tried again; now, when that is due."""
        now = self._clock.now()
        await asyncio.to_thread(self._calendar.cover, now)
        memory = await self._memory(portfolio.portfolio_id)
        run = self._automation.next_run(portfolio, memory, now)
        if run is None or memory.last is None or memory.last.period != run.period.start:
            return run.at if run else None
        return max(run.at, retry_at(memory.last, self._calendar) or run.at)

    async def decisions(self, portfolio_id: str, limit: int, offset: int) -> tuple[Sequence[Decision], int]:
        """Newest first, and how many are kept in all."""
        return await self._decisions.page(portfolio_id, limit, offset)

    def health(self) -> dict[str, Any]:
        """For /health."""
        progress = self.progress
        status = "failing" if progress.error else "running" if self._turn.locked() else "waiting"
        last, coming = progress.last_check, self.next_check()
        return {
            "status": status,
            "last_check": iso(last) if last else None,
            "next_check": iso(coming),
            "due": progress.due,
            "running": progress.running,
            **({"reason": progress.error} if progress.error else {}),
        }

    async def _check_all(self) -> list[Decision]:
        now = self._clock.now()
        await asyncio.to_thread(self._calendar.cover, now)
        if in_session(now, self._calendar) is None:
            return []
        portfolios = [p for p in self._books.all() if p.status is not PortfolioStatus.ERROR]
        await self._fetch(portfolios)
        await self._recall()
        due = {portfolio.portfolio_id for portfolio in portfolios if self._is_due(portfolio, now)}
        self.progress.due = len(due)
        # those that are due first: their prices are those of the open
        waiting = iter(sorted((p.portfolio_id for p in portfolios), key=lambda own: own not in due))
        found: list[Decision] = []
        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._work(waiting, due, found))
        await self._keep()
        return found

    def _is_due(self, portfolio: Portfolio, now: datetime) -> bool:
        memory = self._memories.get(portfolio.portfolio_id, NOTHING)
        return self._automation.due_run(portfolio, memory, now) is not None

    async def _fetch(self, portfolios: Sequence[Portfolio]) -> None:
        """Prices of everything held, in one request; where they fail each portfolio is refused for itself."""
        symbols = {symbol for portfolio in portfolios for symbol in portfolio.book.holdings}
        symbols |= {symbol for portfolio in portfolios if portfolio.target for symbol in portfolio.target.weights}
        try:
            await self._prices.current(sorted(symbols))
        except DomainError as error:
            log.warning("scheduler has no fresh prices", extra={"error": error.detail})

    async def _work(self, waiting: Iterator[str], due: set[str], found: list[Decision]) -> None:
        progress = self.progress
        for portfolio_id in waiting:
            progress.due -= portfolio_id in due
            progress.running += 1
            try:
                decision = await self._look(portfolio_id)
            finally:
                progress.running -= 1
            if decision is not None:
                found.append(decision)
                progress.decisions[decision.trigger, decision.outcome] += 1
            await asyncio.sleep(0)  # requests go first

    async def _look(self, portfolio_id: str) -> Decision | None:
        try:
            memory = await self._memory(portfolio_id)
            decision, keep = await self._automation.look(self._books.get(portfolio_id), memory)
        except DomainError as error:  # archived meanwhile, or the database is away: others are looked at
            log.warning("scheduler", extra={"portfolio_id": portfolio_id, "error": error.detail})
            return None
        if decision is None:
            return None
        done = decision.period if decision.concludes else memory.last_period
        self._memories[portfolio_id] = replace(memory, last=decision, last_period=done)
        if decision.outcome == FAILED and self._unread is not None:
            self._unread.add(portfolio_id)  # nobody knows what the database took
        if keep:
            self._to_keep.append(decision)
            if len(self._to_keep) >= KEPT_AT_ONCE:
                await self._keep()
        return decision

    async def _keep(self) -> None:
        """Writes what has gathered; an archived portfolio's or what the database refuses is lost but for the log."""
        gathered, self._to_keep = self._to_keep, []
        try:
            if gathered:
                await self._decisions.append(gathered)
        except DomainError as error:
            log.warning("decisions not kept", extra={"decisions": gathered, "error": error.detail})

    async def _memory(self, portfolio_id: str) -> Memory:
        """From the database when something has changed since it was read."""
        if self._unread is None:
            await self._recall()
        elif portfolio_id in self._unread:
            self._unread.discard(portfolio_id)
            try:
                read = (await self._decisions.memories(portfolio_id)).get(portfolio_id, NOTHING)
            except DomainError:
                self._unread.add(portfolio_id)
                raise
            known = self._memories.get(portfolio_id, NOTHING).last
            newer = known is not None and (read.last is None or known.at > read.last.at)
            self._memories[portfolio_id] = replace(read, last=known) if newer else read
        return self._memories.get(portfolio_id, NOTHING)

    async def _recall(self) -> None:
        """Read everything, once: this is what a new process knows."""
        if self._unread is None:
            self._memories = dict(await self._decisions.memories())
            self._unread = set()

    def _changed(self, portfolio_id: str, portfolio: Portfolio | None) -> None:
        """A listener of Books: where the schedule is another one, there is a decision about it to be read."""
        if portfolio is None:
            self._memories.pop(portfolio_id, None)
            self._seen.pop(portfolio_id, None)
            return
        schedule = portfolio.rebalance_frequency, portfolio.status
        if self._seen.get(portfolio_id) != schedule:
            self._seen[portfolio_id] = schedule
            if self._unread is not None:
                self._unread.add(portfolio_id)

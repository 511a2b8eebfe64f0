"""All portfolios of the running service, in memory: one immutable value each, swapped only after its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from portfolio_service.domain.errors import NotFound, OutcomeUnknown, PreconditionFailed, Unavailable
from portfolio_service.domain.models import Change, Portfolio, PortfolioStatus
from portfolio_service.domain.ports import Repository

RETRY_S = 0.5
Listener = Callable[[str, Portfolio | None], None]


class Books:
    """Loaded once at start, which is the recovery path; every later change goes through `apply`."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._portfolios: dict[str, Portfolio] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._activities: dict[str, list[str]] = {}  # what goes on now, the latest last
        self._listeners: list[Listener] = []
        self._in_doubt: dict[str, Change] = {}  # the connection broke while they were committed
        self._doubt = asyncio.Event()
        self.damage: Sequence[str] = ()  # what an audit found: nothing is changed any more

    async def load(self) -> None:
        """Read every portfolio; the repository raises when a ledger and its positions disagree."""
        for portfolio in await self._repository.load_portfolios():
            self._swap(portfolio)

    def get(self, portfolio_id: str) -> Portfolio:
        portfolio = self._portfolios.get(portfolio_id)
        if portfolio is None:
            raise NotFound("portfolio_not_found", f"no portfolio {portfolio_id!r}; GET /portfolios lists them")
        return portfolio

    def all(self) -> list[Portfolio]:
        """Every portfolio that is not archived, oldest first."""
        return list(self._portfolios.values())

    def lock(self, portfolio_id: str) -> asyncio.Lock:
        """The lock that a change of this portfolio holds from reading it to its commit."""
        self.get(portfolio_id)
        return self._locks.setdefault(portfolio_id, asyncio.Lock())

    @contextmanager
    def activity(self, portfolio_id: str, name: str) -> Iterator[None]:
        """Shows `name` ("optimizing", "rebalancing") as the portfolio's status meanwhile; in memory only."""
        running = self._activities.setdefault(portfolio_id, [])
        running.append(name)
        try:
            yield
        finally:  # several may overlap and end in any order
            running.remove(name)
            if not running:
                self._activities.pop(portfolio_id, None)

    def status(self, portfolio: Portfolio) -> str:
        """The status to show: what happens at the moment, else the stored one."""
        running = self._activities.get(portfolio.portfolio_id)
        return running[-1] if running else portfolio.status.value

    def check_version(self, portfolio: Portfolio, if_match: int | None) -> None:
        if if_match is not None and if_match != portfolio.version:
            raise PreconditionFailed(
                "stale_version",
                f"the books are at version {portfolio.version}, If-Match asks for {if_match}; read them again",
            )

    def subscribe(self, listener: Listener) -> None:
        """Call `listener(portfolio_id, portfolio)` after each change; portfolio is None once archived."""
        self._listeners.append(listener)

    async def apply(self, change: Change) -> Portfolio:
        """Commit `change`, then swap it in and tell the listeners.

        A cancelled caller waits for the outcome, so that memory and database never differ.
        """
        task = asyncio.ensure_future(self._commit(change))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # marks it as seen
            raise

    async def reload(self, portfolio_id: str) -> Portfolio:
        """Read one portfolio again, after somebody else's commit was met."""
        portfolio = await self._repository.load_portfolio(portfolio_id)
        if portfolio is None:
            self._drop(portfolio_id)
        else:
            self._swap(portfolio)
        return self.get(portfolio_id)

    async def settle(self) -> None:
        """Find out about every change in doubt and follow the database; Unavailable while it is away."""
        for portfolio_id, change in list(self._in_doubt.items()):
            if await self._repository.committed(change):
                self._follow(change.portfolio)
            del self._in_doubt[portfolio_id]

    async def run(self) -> None:
        """Settle doubts as they come, for ever, until cancelled."""
        while True:
            await self._doubt.wait()
            try:
                await self.settle()
                self._doubt.clear()
            except Unavailable:
                await asyncio.sleep(RETRY_S)

    async def _commit(self, change: Change) -> Portfolio:
        portfolio_id = change.portfolio.portfolio_id
        if self.damage:
            raise Unavailable("books_damaged", f"the stored books are damaged, nothing is changed: {self.damage[0]}")
        if portfolio_id in self._in_doubt:
            raise Unavailable("storage_unavailable", "the outcome of the last change is not known yet; try again")
        try:
            await self._repository.commit(change)
        except OutcomeUnknown:
            self._in_doubt[portfolio_id] = change
            self._doubt.set()
            raise
        self._follow(change.portfolio)
        return change.portfolio

    def _follow(self, portfolio: Portfolio) -> None:
        if portfolio.status is PortfolioStatus.ARCHIVED:
            self._drop(portfolio.portfolio_id)
        else:
            self._swap(portfolio)

    def _swap(self, portfolio: Portfolio) -> None:
        self._portfolios[portfolio.portfolio_id] = portfolio
        for listener in self._listeners:
            listener(portfolio.portfolio_id, portfolio)

    def _drop(self, portfolio_id: str) -> None:
        self._portfolios.pop(portfolio_id, None)
        self._locks.pop(portfolio_id, None)
        for listener in self._listeners:
            listener(portfolio_id, None)

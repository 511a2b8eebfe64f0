"""What was ever done, by portfolio: counted once in the database, then as it is committed; a scrape counts nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, func, select

from portfolio_service.adapters.storage import tables
from portfolio_service.domain.models import Activity, Change, PortfolioStatus

ARCHIVED = "archived"
DAY = timedelta(days=1)
REBALANCE = "portfolio.rebalance"
_SHOWN_ID = case((tables.portfolios.c.status == ARCHIVED, ARCHIVED), else_=tables.portfolios.c.portfolio_id)


class Tally:
    """Optimisations and rebalances; those of archived portfolios are counted together."""

    def __init__(self, optimizations: Counter[tuple[str, str]], rebalances: Counter[str]) -> None:
        self._optimizations = optimizations
        self._rebalances = rebalances
        self._lately: tuple[Lately, Lately] | None = None  # the same two, of the last day

    @classmethod
    def read(cls, connection: Connection) -> Tally:
        done, changes = tables.optimizations, tables.audit
        optimizations = select(_SHOWN_ID, done.c.method, func.count()).join_from(done, tables.portfolios)
        rebalances = select(_SHOWN_ID, func.count()).join_from(changes, tables.portfolios)
        rebalances = rebalances.where(changes.c.action == REBALANCE).group_by(_SHOWN_ID)
        by_method = connection.execute(optimizations.group_by(_SHOWN_ID, done.c.method)).all()
        by_portfolio = connection.execute(rebalances).all()
        return cls(
            Counter({(row[0], row[1]): row[2] for row in by_method}),
            Counter({row[0]: row[1] for row in by_portfolio}),
        )

    def add(self, change: Change) -> None:
        """A change that was committed."""
        portfolio_id = change.portfolio.portfolio_id
        optimizations, rebalances = self._lately or (Lately(), Lately())
        if change.optimization is not None:
            self._optimizations[portfolio_id, change.optimization.method.value] += 1
            optimizations.add([change.optimization.created_at])
        if change.action == REBALANCE:
            self._rebalances[portfolio_id] += 1
            rebalances.add([change.at])
        if change.portfolio.status is PortfolioStatus.ARCHIVED:
            self._archive(portfolio_id)

    def _archive(self, portfolio_id: str) -> None:
        for key in [key for key in self._optimizations if key[0] == portfolio_id]:
            self._optimizations[ARCHIVED, key[1]] += self._optimizations.pop(key)
        if portfolio_id in self._rebalances:
            self._rebalances[ARCHIVED] += self._rebalances.pop(portfolio_id)

    def activity(self) -> Activity:
        return Activity(dict(self._optimizations), dict(self._rebalances))

    @property
    def knows_the_day(self) -> bool:
        return self._lately is not None

    def read_day(self, connection: Connection, now: datetime) -> None:
        """What the last day brought; `add` goes on from there."""
        done, changes = tables.optimizations.c, tables.audit.c
        lately = Lately(), Lately()
        optimizations = select(done.created_at).where(done.created_at > now - DAY).order_by(done.created_at)
        rebalances = select(changes.at).where(changes.action == REBALANCE, changes.at > now - DAY)
        lately[0].add(connection.scalars(optimizations))
        lately[1].add(connection.scalars(rebalances.order_by(changes.audit_id)))
        self._lately = lately

    def of_the_day(self, now: datetime) -> tuple[int, int]:
        """Optimisations and rebalances of the 24 hours before `now`."""
        optimizations, rebalances = self._lately or (Lately(), Lately())
        return optimizations.count(now), rebalances.count(now)

    def totals(self) -> tuple[int, int]:
        return self._optimizations.total(), self._rebalances.total()


class Lately:
    """How many times something was done, by second, oldest first; seconds older than a day are dropped."""

    def __init__(self) -> None:
        self._seconds: Counter[int] = Counter()

    def add(self, times: Iterable[datetime]) -> None:
        self._seconds.update(int(time.timestamp()) for time in times)

    def count(self, now: datetime) -> int:
        since = (now - DAY).timestamp()
        while self._seconds and (oldest := next(iter(self._seconds))) <= since:
            del self._seconds[oldest]
        return self._seconds.total()

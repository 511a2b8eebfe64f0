"""What was ever done, by portfolio: counted once in the database, then as it is committed; a scrape counts nothing."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, case, func, select

from portfolio_service.adapters.storage import tables
from portfolio_service.domain.models import Activity, Change, PortfolioStatus

ARCHIVED = "archived"
REBALANCE = "portfolio.rebalance"
_SHOWN_ID = case((tables.portfolios.c.status == ARCHIVED, ARCHIVED), else_=tables.portfolios.c.portfolio_id)


class Tally:
    """Optimisations and rebalances; those of archived portfolios are counted together."""

    def __init__(self, optimizations: Counter[tuple[str, str]], rebalances: Counter[str]) -> None:
        self._optimizations = optimizations
        self._rebalances = rebalances

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
        if change.optimization is not None:
            self._optimizations[portfolio_id, change.optimization.method.value] += 1
        if change.action == REBALANCE:
            self._rebalances[portfolio_id] += 1
        if change.portfolio.status is PortfolioStatus.ARCHIVED:
            self._archive(portfolio_id)

    def _archive(self, portfolio_id: str) -> None:
        for key in [key for key in self._optimizations if key[0] == portfolio_id]:
            self._optimizations[ARCHIVED, key[1]] += self._optimizations.pop(key)
        if portfolio_id in self._rebalances:
            self._rebalances[ARCHIVED] += self._rebalances.pop(portfolio_id)

    def activity(self) -> Activity:
        return Activity(dict(self._optimizations), dict(self._rebalances))

    def totals(self) -> tuple[int, int]:
        return self._optimizations.total(), self._rebalances.total()

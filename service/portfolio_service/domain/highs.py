"""The highest close of each portfolio, carried to today's capital: what a drawdown is measured from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portfolio_service.domain.models import CloseLevel
from portfolio_service.domain.ports import CloseLevels, MarketDataClient


@dataclass
class _Course:
    """One portfolio's way since its start: compounded levels from 1, and the flows since the last record."""

    peak: float = 1.0
    level: float = 1.0
    value: float | None = None  # None before the first record
    close: datetime | None = None
    flows: list[tuple[datetime, float]] = field(default_factory=list)


class Highs:
    """Follows the records and flows forward: each check reads what is new, in two queries for all portfolios."""

    def __init__(self, records: CloseLevels, market: MarketDataClient) -> None:
        self._records = records
        self._market = market
        self._record_id = self._flow_id = 0
        self._courses: defaultdict[str, _Course] = defaultdict(_Course)

    async def follow(self) -> None:
        """Take in what was recorded since the last call."""
        for level in await self._records.levels(self._record_id):
            self._take(level)
        for flow_id, portfolio_id, at, amount in await self._records.flows(self._flow_id):
            self._flow_id = flow_id
            course = self._courses[portfolio_id]
            if course.close is None or at > course.close:
                course.flows.append((at, amount))

    def of(self, portfolio_id: str) -> float | None:
        """The high in money, None for a portfolio that nothing is known of; without flows simply the highest value."""
        course = self._courses.get(portfolio_id)
        if course is None:
            return None
        flow = sum(amount for _, amount in course.flows)
        if course.value is None:
            return flow
        return course.peak / course.level * (course.value + flow) if course.level > 0 else 0.0

    def forget(self, portfolio_id: str) -> None:
        self._courses.pop(portfolio_id, None)

    def _take(self, found: CloseLevel) -> None:
        self._record_id = max(self._record_id, found.record_id)
        course = self._courses[found.portfolio_id]
        course.peak = max(course.peak, 1 + found.peak)
        course.level, course.value = 1 + found.last, found.last_value
        course.close = self._market.last_close(found.last_date + timedelta(days=1))
        course.flows = [(at, amount) for at, amount in course.flows if at > course.close]

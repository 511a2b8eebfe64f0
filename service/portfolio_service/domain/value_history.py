"""What a portfolio was worth day by day: its own record, and before it what is held now at the closes back then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from portfolio_service.domain.models import Portfolio
from portfolio_service.domain.ports import Clock, MarketDataClient, Repository


@dataclass(frozen=True)
class ValuePoint:
    """One day; `realised` when it is from the portfolio's own record."""

    date: date
    value: float
    realised: bool


async def value_history(
    portfolio: Portfolio, market: MarketDataClient, repository: Repository, clock: Clock, days: int = 365
) -> list[ValuePoint]:
    """Oldest first, over the `days` calendar days that end with the last close; empty when a holding has no history."""
    since = market.last_close(clock.now()) - timedelta(days=days - 1)
    records = await repository.daily_records(portfolio.portfolio_id, since.date())
    own = [ValuePoint(record.date.date(), float(record.total_value), True) for record in records]
    until = own[0].date if own else date.max
    return [point for point in await _held_now(portfolio, market, since, days) if point.date < until] + own


async def _held_now(portfolio: Portfolio, market: MarketDataClient, since: datetime, days: int) -> list[ValuePoint]:
    holdings = portfolio.book.holdings
    if not holdings:
        return []
    closes = await market.get_histories(list(holdings), days)
    if any(symbol not in closes for symbol in holdings):
        return []
    closes = closes[list(holdings)].dropna()
    quantities = np.array([float(holding.quantity) for holding in holdings.values()])
    values = closes.to_numpy() @ quantities + float(portfolio.book.cash + portfolio.book.unallocated_capital)
    dates = [day.date() for day in closes.index]
    return [ValuePoint(day, float(v), False) for day, v in zip(dates, values, strict=True) if day >= since.date()]

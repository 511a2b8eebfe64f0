"""Keeps the inputs of the risk limits fresh and raises their alerts as outbox events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from portfolio_service.domain.analytics import INSUFFICIENT, Analytics
from portfolio_service.domain.books import Books
from portfolio_service.domain.ledger import external_flow
from portfolio_service.domain.limits import RiskLimits
from portfolio_service.domain.models import Event, Portfolio
from portfolio_service.domain.money import ZERO
from portfolio_service.domain.ports import Clock, MarketDataClient, Repository
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.realised import chain
from portfolio_service.domain.valuation import LiveValuation, value

REFRESHED_AT_ONCE = 100  # of the portfolios whose books or last close changed, so that ticks never wait for all


class RiskWatch:
    """Volatility and highs change with the books and the closes only; weights and drawdowns with every tick."""

    def __init__(
        self,
        *,
        books: Books,
        prices: Prices,
        live: LiveValuation,
        market: MarketDataClient,
        repository: Repository,
        analytics: Analytics,
        clock: Clock,
        on_alert: Callable[[], None] = lambda: None,
    ) -> None:
        self._books = books
        self._prices = prices
        self._live = live
        self._market = market
        self._repository = repository
        self._analytics = analytics
        self._clock = clock
        self._on_alert = on_alert
        self._limits = RiskLimits(market.sector)
        self._fresh: dict[str, tuple[int, datetime]] = {}
        self._volatility: dict[str, float] = {}
        self._highs: dict[str, float] = {}

    async def run_once(self) -> list[Event]:
        """Check everything now; the alerts raised, which are in the outbox."""
        portfolios = self._books.all()
        close = self._market.last_close(self._clock.now())
        due = [one for one in portfolios if self._fresh.get(one.portfolio_id) != (one.version, close)]
        for portfolio in due[:REFRESHED_AT_ONCE]:
            await self._refresh(portfolio)
            self._fresh[portfolio.portfolio_id] = (portfolio.version, close)
            await asyncio.sleep(0)  # requests go first
        self._forget(set(self._fresh) - {portfolio.portfolio_id for portfolio in portfolios})
        raised = self._limits.check(self._live.values(), self._volatility, self._highs, self._clock.now())
        if raised:
            await self._repository.append_events(raised)
            self._on_alert()
        return raised

    async def _refresh(self, portfolio: Portfolio) -> None:
        portfolio_id = portfolio.portfolio_id
        await self._prices.current(list(portfolio.book.holdings))
        valuation = value(portfolio, self._prices, self._clock.now())
        metrics, basis = await self._analytics.metrics(portfolio, valuation)
        self._volatility[portfolio_id] = 0.0 if basis == INSUFFICIENT else metrics.volatility
        self._highs[portfolio_id] = await self._high(portfolio)

    async def _high(self, portfolio: Portfolio) -> float:
        """The highest close so far, carried to today's capital: without flows simply the highest value."""
        records = await self._repository.daily_records(portfolio.portfolio_id, portfolio.created_at.date())
        entries = await self._repository.ledger(portfolio.portfolio_id)
        last = self._market.last_close(records[-1].date + timedelta(days=1)) if records else None
        flow = sum((external_flow(entry) for entry in entries if last is None or entry.recorded_at > last), ZERO)
        if not records:
            return float(flow)
        level = (1 + chain(records)).cumprod()
        peak = max(1.0, float(level.max()))
        return peak / float(level.iloc[-1]) * float(records[-1].total_value + flow) if level.iloc[-1] > 0 else 0.0

    def _forget(self, gone: set[str]) -> None:
        for portfolio_id in gone:
            self._fresh.pop(portfolio_id)
            self._volatility.pop(portfolio_id)
            self._highs.pop(portfolio_id)

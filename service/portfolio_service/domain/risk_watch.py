"""Keeps the inputs of the risk limits fresh for all portfolios at once, and has their alerts raised and cleared."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import numpy as np

import portfolio_engine as pe
from portfolio_service.domain.alerts import Alerts
from portfolio_service.domain.analytics import Analytics
from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.highs import Highs
from portfolio_service.domain.limits import LimitScan, Measures
from portfolio_service.domain.measures import MIN_RETURNS
from portfolio_service.domain.models import Event, Portfolio
from portfolio_service.domain.ports import Clock, MarketDataClient
from portfolio_service.domain.valuation import Floats, LiveValuation, LiveValues

WINDOW = 252  # trading days, as the contract's performance metrics
PERIODS = 252


@dataclass(frozen=True)
class RiskNumbers:
    """Of today's weights over the last year, as fractions; losses are negative."""

    volatility: float  # annual
    var_95: float
    cvar_95: float


class RiskWatch:
    """Volatility and VaR change with the books and the closes only; weights and drawdowns with every tick."""

    def __init__(
        self,
        *,
        books: Books,
        live: LiveValuation,
        market: MarketDataClient,
        analytics: Analytics,
        alerts: Alerts,
        highs: Highs,
        clock: Clock,
    ) -> None:
        self._books = books
        self._live = live
        self._market = market
        self._analytics = analytics
        self._alerts = alerts
        self._highs = highs
        self._clock = clock
        self._scan = LimitScan(market.sector)
        self._fresh: dict[str, tuple[int, datetime]] = {}
        self._numbers: dict[str, RiskNumbers] = {}
        self._checking = asyncio.Lock()
        books.subscribe(self._changed)

    async def run_once(self) -> list[Event]:
        """Check everything now; the events of alerts raised and cleared, which are in the outbox."""
        async with self._checking:
            with suppress(Unavailable):  # weights and drawdowns are checked all the same
                await self._refresh()
            portfolios, values = self._books.all(), self._live.values()
            measures = {one.portfolio_id: self.measures(one.portfolio_id) for one in portfolios}
            near, levels = self._scan.near(values, portfolios, measures)
            return await self._alerts.update(near, levels, measures)

    async def current(self, portfolio: Portfolio) -> Measures:
        """What the limits look at beside weights, of these books; without market data what was known last."""
        close = self._market.last_close(self._clock.now())
        if self._fresh.get(portfolio.portfolio_id) != (portfolio.version, close):
            async with self._checking:
                with suppress(Unavailable):
                    await self._refresh()
        return self.measures(portfolio.portfolio_id)

    def latest(self) -> Mapping[str, RiskNumbers]:
        """The numbers last computed of each portfolio, for gauges."""
        return self._numbers

    def measures(self, portfolio_id: str) -> Measures:
        """What the limits look at beside weights."""
        found = self._numbers.get(portfolio_id)
        high = self._highs.of(portfolio_id)
        if found is None:
            return Measures(high=high)
        return Measures(volatility=found.volatility, var_95=max(-found.var_95, 0.0), high=high)

    async def _refresh(self) -> None:
        """The numbers of every portfolio whose books or last close have changed: one history for all of them."""
        await self._highs.follow()
        close = self._market.last_close(self._clock.now())
        known = self._fresh
        due = [one for one in self._books.all() if known.get(one.portfolio_id) != (one.version, close)]
        if not due:
            return
        ids = [one.portfolio_id for one in due]
        symbols, weights, totals = _weights(self._live.values(), ids)
        frame = (await self._market.get_histories(symbols, WINDOW + 1)).reindex(columns=symbols)
        prices = frame.to_numpy(dtype=np.float64)
        found = await asyncio.to_thread(pe.risk_table, prices, weights, confidence=0.95, minimum=MIN_RETURNS)
        await self._analytics.remember(due, close, frame, weights, totals)
        there = {one.portfolio_id for one in self._books.all()}
        for k, portfolio_id in enumerate(ids):
            if portfolio_id not in there:  # archived meanwhile
                continue
            self._fresh[portfolio_id] = (due[k].version, close)
            if math.isnan(found.volatility[k]):
                self._numbers.pop(portfolio_id, None)
            else:
                self._numbers[portfolio_id] = RiskNumbers(
                    volatility=float(found.volatility[k]) * math.sqrt(PERIODS),
                    var_95=float(found.value_at_risk[k]),
                    cvar_95=float(found.conditional_value_at_risk[k]),
                )

    def _changed(self, portfolio_id: str, portfolio: object | None) -> None:
        if portfolio is None:
            self._fresh.pop(portfolio_id, None)
            self._numbers.pop(portfolio_id, None)
            self._highs.forget(portfolio_id)


def _weights(values: LiveValues, due: Sequence[str]) -> tuple[list[str], Floats, Floats]:
    """The symbols that the portfolios of `due` hold, (portfolios, symbols) their weights, and their values."""
    row_of = {portfolio_id: row for row, portfolio_id in enumerate(due)}
    rows = np.array([row_of.get(portfolio_id, -1) for portfolio_id in values.portfolio_ids], dtype=np.intp)
    mine = rows[values.owners] >= 0
    owners, columns = rows[values.owners][mine], values.columns[mine]
    held, places = np.unique(columns, return_inverse=True)
    weights = np.zeros((len(due), len(held)))
    weights[owners, places] = values.weights[mine]
    totals = np.zeros(len(due))
    totals[rows[rows >= 0]] = values.totals[rows >= 0]
    return [values.symbols[column] for column in held], weights, totals

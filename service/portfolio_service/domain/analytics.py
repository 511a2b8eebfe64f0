"""Performance of portfolios: of what they hold now over the last year, and their own realised record."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

import portfolio_engine as pe
from portfolio_service.domain.books import Books
from portfolio_service.domain.clock import iso
from portfolio_service.domain.errors import Unacceptable, Unavailable
from portfolio_service.domain.holdings import HoldingsReturns, holdings_returns, metrics_of_many
from portfolio_service.domain.measures import MIN_RETURNS, measure, nothing
from portfolio_service.domain.models import DailyRecord, PerformanceMetrics, Portfolio, Valuation
from portfolio_service.domain.money import ZERO
from portfolio_service.domain.ports import Clock, ExternalFlows, MarketDataClient, RecordStore, Repository
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.realised_days import close_of
from portfolio_service.domain.record_summary import Stretch, summarise
from portfolio_service.domain.shared import Shared
from portfolio_service.domain.simulation import SimulateRequest, Simulation
from portfolio_service.domain.valuation import Floats, value
from portfolio_service.domain.workers import Workers

__all__ = ["Analytics", "History", "HistoryRow", "SimulateRequest"]

HOLDINGS, REALISED, INSUFFICIENT = "current_holdings_1y", "realised", "insufficient_data"
UNAVAILABLE = "market_data_unavailable"
LONGEST_BREAK = timedelta(days=14)  # between two trading days
WINDOW = 252  # trading days of the contract's metrics


@dataclass(frozen=True)
class HistoryRow:
    """One day of GET performance; `basis` says whether it was realised or is today's holdings looked at back then."""

    date: datetime
    metrics: PerformanceMetrics
    basis: str
    record: DailyRecord | None = None  # of a realised day


@dataclass(frozen=True)
class History:
    """The rows of a period, newest first, and what its realised days returned together (None where there are none)."""

    rows: Sequence[HistoryRow]
    realised: Stretch | None


class Analytics:
    """Metrics are cached per book version and last close: within a trading day they change with the books only."""

    def __init__(
        self,
        *,
        books: Books,
        prices: Prices,
        market: MarketDataClient,
        repository: Repository,
        records: RecordStore,
        flows: ExternalFlows,
        clock: Clock,
        workers: Workers,
        benchmark_symbol: str = "SPY",
        risk_free_rate: float = 0.02,
        estimation_days: int = 756,
        max_memory: int = 8 * 2**30,
    ) -> None:
        self._books = books
        self._prices = prices
        self._market = market
        self._repository = repository
        self._records = records
        self._flows = flows
        self._clock = clock
        self._workers = workers
        self._benchmark = benchmark_symbol
        self._risk_free_rate = risk_free_rate
        self._simulation = Simulation(market, workers, estimation_days, max_memory)
        self._known: dict[str, tuple[tuple[int, datetime], tuple[PerformanceMetrics, str]]] = {}
        self._stretches: dict[str, tuple[datetime, Stretch]] = {}  # by the date of the last record
        self._realised: dict[str, dict[str, Any]] = {}  # until there are new records
        self._recordings = 0
        self._with_records = Shared(records.recorded)
        self._owners: Collection[str] | None = None  # of records
        books.subscribe(self._changed)

    async def metrics(self, portfolio: Portfolio, valuation: Valuation) -> tuple[PerformanceMetrics, str]:
        """The contract's eight numbers and their basis: today's weights, cash at zero return, the last 252 daily
        returns of what is held. All 0.0 and "insufficient_data" under 20 common returns, "market_data_unavailable"
        while the source is away and nothing was computed before."""
        key = (portfolio.version, self._market.last_close(self._clock.now()))
        known = self._known.get(portfolio.portfolio_id)
        if known is not None and known[0] == key:
            return known[1]
        total, now = float(valuation.total_value), self._clock.now()
        try:
            held = await self._holdings_returns(valuation, WINDOW)
        except Unavailable:  # the source is away: what was computed of these books before, else nothing
            same = known is not None and known[0][0] == portfolio.version
            return known[1] if known and same else (nothing(portfolio.portfolio_id, now), UNAVAILABLE)
        if len(held.returns) < MIN_RETURNS:
            found = nothing(portfolio.portfolio_id, now), INSUFFICIENT
        else:
            metrics = measure(portfolio.portfolio_id, held.returns, held.benchmark, self._risk_free_rate, total, now)
            found = metrics, _named(HOLDINGS, held.benchmark)
        self._known[portfolio.portfolio_id] = (key, found)
        return found

    async def remember(
        self, portfolios: Sequence[Portfolio], close: datetime, prices: pd.DataFrame, weights: Floats, totals: Floats
    ) -> None:
        """Compute the metrics of many portfolios in a thread and keep them: `weights` (portfolios, symbols) are of
        `prices`' columns, `totals` their values. For the gauges, and so that the next request finds them."""
        ids, now = [portfolio.portfolio_id for portfolio in portfolios], self._clock.now()
        frame = await self._market.get_histories([self._benchmark], WINDOW + 1)
        absent = pd.Series(np.nan, index=prices.index)
        market = frame.get(self._benchmark, absent).reindex(prices.index)
        table, beside = prices.to_numpy(dtype=np.float64), np.asarray(market, dtype=np.float64)
        found = await asyncio.to_thread(metrics_of_many, ids, table, weights, totals, beside, self._risk_free_rate, now)
        for portfolio, (metrics, there) in zip(portfolios, found, strict=True):
            basis = HOLDINGS if there else f"{HOLDINGS}_without_benchmark"
            kept = (nothing(portfolio.portfolio_id, now), INSUFFICIENT) if metrics is None else (metrics, basis)
            key, known = (portfolio.version, close), self._known.get(portfolio.portfolio_id)
            if known is None or known[0] != key:  # what a request was told stays, to the last digit
                self._known[portfolio.portfolio_id] = (key, kept)
        for gone in set(ids) - {portfolio.portfolio_id for portfolio in self._books.all()}:
            self._known.pop(gone)  # archived meanwhile

    def latest(self) -> dict[str, PerformanceMetrics]:
        """The metrics last computed of each portfolio, for gauges; nothing is computed here."""
        return {portfolio_id: known[1][0] for portfolio_id, known in self._known.items()}

    async def realised(self, portfolio: Portfolio) -> dict[str, Any]:
        """The book's own daily record: its metrics, since when, over how many days, and its two returns."""
        known, recordings = self._realised.get(portfolio.portfolio_id), self._recordings
        if known is not None:
            return known
        last, days = None, 0
        if portfolio.portfolio_id in await self._recorded_portfolios():
            last, days = await self._records.last(portfolio.portfolio_id)
        if last is None:
            metrics, stretch = nothing(portfolio.portfolio_id, self._clock.now()), None
        else:
            metrics, stretch = last.metrics, await self._since_the_start(portfolio, last)
        numbers = {k: v for k, v in asdict(metrics).items() if k not in ("portfolio_id", "calculated_at")}
        found = {"since": iso(portfolio.created_at), "days": days, **numbers, **_returns(stretch)}
        if recordings == self._recordings:  # no new record while this one was read
            self._realised[portfolio.portfolio_id] = found
        return found

    def recorded(self) -> None:
        """There are new daily records."""
        self._recordings += 1
        self._realised.clear()
        self._owners = None

    async def _recorded_portfolios(self) -> Collection[str]:
        """Those with a record: a new portfolio has none, and a crowd of them costs one look at the database."""
        recordings, owners = self._recordings, self._owners
        if owners is None:
            owners = await self._with_records()
            if recordings == self._recordings:
                self._owners = owners
        return owners

    async def history(self, portfolio_id: str, period_days: int, basis: str | None = None) -> History:
        """One row a trading day of the `period_days` that end with the last close, newest first: realised where there
        is a record, before it today's holdings as they would have been (left out with basis "realised")."""
        portfolio = self._books.get(portfolio_id)
        since = self._market.last_close(self._clock.now()) - timedelta(days=period_days - 1)
        found = await self._repository.daily_records(portfolio_id, (since - LONGEST_BREAK).date())
        records = [record for record in found if record.date.date() >= since.date()]
        before = found[-len(records) - 1] if len(found) > len(records) and records else None
        rows = [HistoryRow(record.date, record.metrics, REALISED, record) for record in records]
        if basis != REALISED:
            with suppress(Unavailable):  # the last good prices value it
                await self._prices.current(list(portfolio.book.holdings))
            valuation = value(portfolio, self._prices, self._clock.now())
            until = records[0].date if records else None
            rows = [*await self._rolling(portfolio_id, valuation, since, until), *rows]
        return History(rows[::-1], await self._stretch(portfolio, before, records) if records else None)

    async def _since_the_start(self, portfolio: Portfolio, last: DailyRecord) -> Stretch:
        """Cached: it changes with the last record only."""
        known = self._stretches.get(portfolio.portfolio_id)
        if known is not None and known[0] == last.date:
            return known[1]
        stretch = await self._between(portfolio, None, last, last.metrics.total_return)
        self._stretches[portfolio.portfolio_id] = (last.date, stretch)
        return stretch

    async def _stretch(
        self, portfolio: Portfolio, before: DailyRecord | None, records: Sequence[DailyRecord]
    ) -> Stretch:
        growth = math.prod(1 + record.daily_return for record in records)
        return await self._between(portfolio, before, records[-1], growth - 1)

    async def _between(
        self, portfolio: Portfolio, before: DailyRecord | None, last: DailyRecord, total_return: float
    ) -> Stretch:
        """From the close of `before`, or from the portfolio's start, to that of `last`."""
        start = close_of(before.date, self._market) if before else portfolio.created_at
        end = close_of(last.date, self._market)
        after = start if before else start - timedelta(seconds=1)  # what it was opened with is a flow of its start
        flows = await self._flows.between(portfolio.portfolio_id, after, end)
        value_then = before.total_value if before else ZERO
        return await asyncio.to_thread(summarise, start, value_then, end, last.total_value, total_return, flows)

    async def simulate(self, request: SimulateRequest, cancel: pe.CancelToken | None = None) -> dict[str, Any]:
        """Scenarios of a portfolio's value, or of given weights; see Simulation. `cancel` ends them."""
        cancel = cancel or pe.CancelToken()
        if request.portfolio_id is None:
            return await self._simulation.of_weights(request, cancel)
        if request.weights is not None or request.initial_value is not None:
            detail = "expected portfolio_id alone, or weights with initial_value; got parts of both"
            raise Unacceptable("invalid_argument", detail)
        portfolio = self._books.get(request.portfolio_id)
        await self._prices.current(list(portfolio.book.holdings))
        now = value(portfolio, self._prices, self._clock.now())
        return await self._simulation.of_valuation(request, now, cancel)

    async def _holdings_returns(self, valuation: Valuation, days: int) -> HoldingsReturns:
        weights = {symbol: position.weight for symbol, position in valuation.positions.items()}
        closes = await self._market.get_histories([*weights, self._benchmark], days + 1)
        return holdings_returns(closes, weights, self._benchmark)

    async def _rolling(
        self, portfolio_id: str, valuation: Valuation, since: datetime, until: datetime | None
    ) -> list[HistoryRow]:
        """Metrics over the year that ends on each day from `since` to before `until`."""
        days = (self._market.last_close(self._clock.now()) - since).days + 1 + WINDOW
        held = await self._holdings_returns(valuation, days)
        ends = [
            k
            for k, day in enumerate(held.dates)
            if k + 1 >= MIN_RETURNS and _utc(day).date() >= since.date() and (until is None or _utc(day) < until)
        ]
        if not ends:
            return []
        total, now, basis = float(valuation.total_value), self._clock.now(), _named(HOLDINGS, held.benchmark)

        def compute() -> list[HistoryRow]:
            rows = []
            for k in ends:
                window = slice(max(k + 1 - WINDOW, 0), k + 1)
                market = None if held.benchmark is None else held.benchmark[window]
                metrics = measure(portfolio_id, held.returns[window], market, self._risk_free_rate, total, now)
                rows.append(HistoryRow(_utc(held.dates[k]), metrics, basis))
            return rows

        return await self._workers.run(compute)

    def _changed(self, portfolio_id: str, portfolio: Portfolio | None) -> None:
        if portfolio is None:
            self._known.pop(portfolio_id, None)
            self._stretches.pop(portfolio_id, None)
            self._realised.pop(portfolio_id, None)


def _returns(stretch: Stretch | None) -> dict[str, Any]:
    if stretch is None:
        return {
            "time_weighted_return": 0.0,
            "money_weighted_return": None,
            "money_weighted_status": INSUFFICIENT,
            "annualized": False,
            "net_external_flow": 0.0,
        }
    return {
        "time_weighted_return": stretch.time_weighted_return,
        "money_weighted_return": stretch.money_weighted_return,
        "money_weighted_status": stretch.money_weighted_status,
        "annualized": stretch.annualized,
        "net_external_flow": float(stretch.net_external_flow),
    }


def _named(basis: str, benchmark: Floats | None) -> str:
    """alpha and beta are 0.0 where the source has no benchmark, which the basis then says."""
    return basis if benchmark is not None else f"{basis}_without_benchmark"


def _utc(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

"""A portfolio's own daily record: its books valued at each close, chained over what came in and went out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

import portfolio_engine as pe
from portfolio_service.domain.measures import measure_each
from portfolio_service.domain.models import Course, DailyRecord, ExternalFlow, LedgerEntry, Portfolio
from portfolio_service.domain.ports import Clock, MarketDataClient, RecordStore, Repository
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.realised_days import Closes, Day, close_of, splits, walk

FILL_DAYS = 30  # closes looked back for a symbol that has none on a day
SLACK_DAYS = 6  # a long weekend


def daily_returns(after: datetime, value: float, days: Sequence[Day], flows: Sequence[ExternalFlow]) -> list[float]:
    """Time-weighted return of each day, the first one since `value` at `after`.

    Exact where the books were valued at a flow's moment, Modified Dietz where they could not be. A day without a
    return (value from nothing, an estimate beyond a total loss) counts as 0.
    """
    found = pe.time_weighted_return(
        [value, *(float(day.total_value) for day in days)],
        [after, *(day.close for day in days)],
        [float(flow.amount) for flow in flows],
        [flow.recorded_at for flow in flows],
        values_before=[
            float("nan") if flow.value_after is None else float(flow.value_after - flow.amount) for flow in flows
        ],
    )
    return [float(r) if r >= -1 else 0.0 for r in found.returns]


@dataclass(frozen=True)
class Inputs:
    """What the next records of one portfolio follow from: its record so far, and all that was booked `after` it."""

    portfolio: Portfolio
    course: Course
    after: datetime  # the close of the last record; before the first, a moment at which there was nothing
    entries: Sequence[LedgerEntry]
    flows: Sequence[ExternalFlow]


@dataclass(frozen=True)
class Sheet:
    """What the portfolios that are recorded together share: their symbols' closes, and the benchmark's returns."""

    closes: Closes
    benchmark: pd.Series


class RealisedRecords:
    """Works out the records that are missing, from the ledger: after a pause every missed day is made up exactly."""

    def __init__(
        self,
        *,
        repository: Repository,
        store: RecordStore,
        prices: Prices,
        market: MarketDataClient,
        clock: Clock,
        benchmark_symbol: str = "SPY",
        risk_free_rate: float = 0.02,
    ) -> None:
        self._repository = repository
        self._store = store
        self._prices = prices
        self._market = market
        self._clock = clock
        self._benchmark = benchmark_symbol
        self._risk_free_rate = risk_free_rate

    async def missing(self, portfolio: Portfolio) -> list[DailyRecord]:
        """One record for each close since the last one, oldest first."""
        inputs = await self.inputs(portfolio)
        return await self.records(inputs, await self.sheet([inputs]))

    async def inputs(self, portfolio: Portfolio) -> Inputs:
        """Of the current books, with no change of them under way (whoever asks holds their lock)."""
        course = await self._store.course(portfolio.portfolio_id)
        start = portfolio.created_at - timedelta(seconds=1)
        after = close_of(course.dates[-1], self._market) if course.dates else start
        entries, flows = await self._store.booked(portfolio.portfolio_id, after, portfolio.version)
        return Inputs(portfolio, course, after, entries, flows)

    async def sheet(self, batch: Sequence[Inputs]) -> Sheet:
        """Two requests to the source for all of `batch`."""
        now = self._clock.now()
        ever = dict.fromkeys(
            symbol
            for inputs in batch
            for symbol in (*inputs.portfolio.book.holdings, *(entry.symbol for entry in inputs.entries))
            if symbol is not None
        )
        back = (now - min(inputs.after for inputs in batch)).days + FILL_DAYS
        all_back = (now - min(inputs.portfolio.created_at for inputs in batch)).days + SLACK_DAYS
        held = await self._market.get_histories([*ever, self._benchmark], back)
        market = await self._market.get_histories([self._benchmark], all_back)
        if held.empty:  # nothing the source knows: the last close stands for the calendar
            held = pd.DataFrame(index=pd.DatetimeIndex([self._market.last_close(now).date()]))
        returns = market[self._benchmark].ffill().pct_change() if self._benchmark in market else pd.Series(dtype=float)
        return Sheet(await asyncio.to_thread(Closes, held, self._market), returns)

    async def records(self, inputs: Inputs, sheet: Sheet) -> list[DailyRecord]:
        """The records that are missing, worked out in a thread."""
        earlier = None
        if splits(inputs.entries):
            ledger = await self._repository.ledger(inputs.portfolio.portfolio_id)
            earlier = [entry for entry in ledger if entry.recorded_at <= inputs.after]

        def compute() -> list[DailyRecord]:
            days = list(
                walk(
                    inputs.portfolio,
                    inputs.entries,
                    inputs.flows,
                    sheet.closes,
                    self._prices,
                    inputs.after,
                    earlier,
                )
            )
            return self._measured(inputs, days, sheet.benchmark) if days else []

        return await asyncio.to_thread(compute)

    def _measured(self, inputs: Inputs, days: Sequence[Day], benchmark: pd.Series) -> list[DailyRecord]:
        """Records of the new days, each with the metrics of everything up to it."""
        portfolio_id, course = inputs.portfolio.portfolio_id, inputs.course
        until = [flow for flow in inputs.flows if flow.recorded_at <= days[-1].close]
        earned = daily_returns(inputs.after, float(course.last_value), days, until)
        dates = [day.replace(tzinfo=None) for day in (*course.dates, *(day.date for day in days))]
        metrics = measure_each(
            portfolio_id,
            np.array([*course.returns, *earned]),
            benchmark.reindex(pd.DatetimeIndex(dates)).to_numpy(dtype=float),
            self._risk_free_rate,
            [float(day.total_value) for day in days],
            self._clock.now(),
        )
        return [
            DailyRecord(portfolio_id, day.date, day.total_value, day.external_flow, numbers, gain)
            for day, numbers, gain in zip(days, metrics, earned, strict=True)
        ]

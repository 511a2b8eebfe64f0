"""A portfolio's own daily record: its books valued at each close, chained over what came in and went out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd

from portfolio_service.domain.ledger import apply_entries, external_flow, fold
from portfolio_service.domain.measures import measure
from portfolio_service.domain.models import Book, DailyRecord, Holding, LedgerEntry, Portfolio
from portfolio_service.domain.money import ZERO, exact, quantity, worth
from portfolio_service.domain.ports import Clock, MarketDataClient, Repository
from portfolio_service.domain.prices import Prices


def day_return(previous: Decimal, flow: Decimal, value: Decimal) -> float:
    """A day's return; what came in or went out counts from the start of its day."""
    base = previous + flow
    return float(value / base) - 1.0 if base > 0 else 0.0


@dataclass(frozen=True)
class Day:
    """The books at one close: their value, and the external flow since the close before."""

    date: datetime
    total_value: Decimal
    external_flow: Decimal


def chain(days: Sequence[Day | DailyRecord]) -> pd.Series:
    """Daily returns from the portfolio's first day on, indexed by date."""
    previous, returns = ZERO, []
    for day in days:
        returns.append(day_return(previous, day.external_flow, day.total_value))
        previous = day.total_value
    return pd.Series(returns, index=pd.DatetimeIndex([day.date.replace(tzinfo=None) for day in days]), dtype=float)


class RealisedRecords:
    """Works out the records that are missing, from the ledger: after a pause every missed day is made up exactly."""

    def __init__(
        self,
        *,
        repository: Repository,
        prices: Prices,
        market: MarketDataClient,
        clock: Clock,
        benchmark_symbol: str = "SPY",
        risk_free_rate: float = 0.02,
    ) -> None:
        self._repository = repository
        self._prices = prices
        self._market = market
        self._clock = clock
        self._benchmark = benchmark_symbol
        self._risk_free_rate = risk_free_rate

    async def missing(self, portfolio: Portfolio) -> list[DailyRecord]:
        """One record for each close since the last one, oldest first."""
        known = list(await self._repository.daily_records(portfolio.portfolio_id, portfolio.created_at.date()))
        entries = await self._repository.ledger(portfolio.portfolio_id)
        closes = await self._closes(portfolio, entries)
        since = self._close_of(known[-1].date) if known else None
        days = self._days(entries, closes, since, portfolio.created_at)
        return self._measured(portfolio.portfolio_id, known, days, closes) if days else []

    def _days(
        self, entries: Sequence[LedgerEntry], closes: pd.DataFrame, since: datetime | None, created_at: datetime
    ) -> list[Day]:
        """Every close after `since`, its book folded from the ledger up to that moment."""
        days: list[Day] = []
        position = _passed(entries, 0, since) if since is not None else 0
        book = fold(entries[:position])
        for date in closes.index[closes.index >= pd.Timestamp((since or created_at).date())]:
            close = self._close_of(date)
            if close <= (since or created_at) or close.date() != date.date():
                continue
            upto = _passed(entries, position, close)
            passed = entries[position:upto]
            book, position = apply_entries(book, passed), upto
            flow = sum((external_flow(entry) for entry in passed), ZERO)
            days.append(Day(_midnight(date), self._value(book, closes.loc[date]), flow))
        return days

    def _close_of(self, day: datetime) -> datetime:
        return self._market.last_close(_midnight(day) + timedelta(days=1))

    async def _closes(self, portfolio: Portfolio, entries: Sequence[LedgerEntry]) -> pd.DataFrame:
        """Closes since the day before the portfolio began, of all it ever held and of the benchmark; gaps filled."""
        ever = dict.fromkeys(entry.symbol for entry in entries if entry.symbol is not None)
        days = (self._clock.now() - portfolio.created_at).days + 6  # a long weekend before the first day
        frame = await self._market.get_histories([*ever, self._benchmark], days)
        if frame.empty:  # nothing the source knows: the last close stands for the calendar
            frame = pd.DataFrame(index=pd.DatetimeIndex([self._market.last_close(self._clock.now()).date()]))
        return frame.ffill()

    def _value(self, book: Book, closes: pd.Series) -> Decimal:
        held = (self._worth(holding, closes.get(symbol)) for symbol, holding in book.holdings.items())
        return sum(held, book.cash + book.unallocated_capital)

    def _worth(self, holding: Holding, close: float | None) -> Decimal:
        """At its close; a symbol the source does not know at the price held of it, else at its cost."""
        if close is not None and math.isfinite(close):
            return worth(holding.quantity, quantity(exact(float(close))))
        price = self._prices.get(holding.symbol)
        return worth(holding.quantity, price.price) if price else holding.basis

    def _measured(
        self, portfolio_id: str, known: Sequence[DailyRecord], new: Sequence[Day], closes: pd.DataFrame
    ) -> list[DailyRecord]:
        """Records of the new days, each with the metrics of everything up to it."""
        returns = chain([*known, *new])
        market = closes[self._benchmark].pct_change() if self._benchmark in closes else pd.Series(dtype=float)
        benchmark = market.reindex(returns.index)
        records = []
        for count, day in enumerate(new, start=len(known) + 1):
            upto = benchmark.iloc[:count]
            metrics = measure(
                portfolio_id,
                returns.iloc[:count],
                None if upto.isna().any() else upto,
                self._risk_free_rate,
                float(day.total_value),
                self._clock.now(),
            )
            earned = float(returns.iloc[count - 1])
            records.append(DailyRecord(portfolio_id, day.date, day.total_value, day.external_flow, metrics, earned))
        return records


def _passed(entries: Sequence[LedgerEntry], start: int, close: datetime) -> int:
    """How many entries from the first on were recorded up to `close`; those before `start` were."""
    while start < len(entries) and entries[start].recorded_at <= close:
        start += 1
    return start


def _midnight(day: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

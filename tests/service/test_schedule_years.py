"""Two simulated years: every portfolio is rebalanced once a period, never on a holiday, and the books balance."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfolio_service.adapters.market_data.calendar import ExchangeCalendar
from portfolio_service.adapters.market_data.trading_days import TradingDays
from portfolio_service.domain.models import RebalanceFrequency as F
from portfolio_service.domain.models import TradingSession
from portfolio_service.domain.valuation import value
from portfolio_service.jobs import daily_record
from tests.service.fakes import ManualClock
from tests.service.schedule_support import Desk, open_desk, utc

BEGIN = utc("2023-06-14 12:00")  # a Wednesday, in the middle of its week, month and quarter
METHODS = ["mean_variance", "risk_parity", "min_variance", "max_sharpe", "equal_weight", "inverse_volatility"]
NAMES = ["AAPL", "MSFT", "GOOGL", "NVDA", "TSLA", "AMZN", "META", "JPM", "XOM", "JNJ", "KO", "PG"]
UNITS = {"buy": 1, "sell": -1, "transfer_in": 1, "transfer_out": -1}
CASH = {"deposit": 1, "sell": 1, "capital_released": 1, "withdrawal": -1, "buy": -1, "fee": -1, "capital_committed": -1}
MANY = 2, 4, 6, 5, 3
LOOKS_A_DAY = 2  # beside the one that a session begins with


def period_of(frequency: str, day: Any) -> object:
    if frequency == F.WEEKLY:
        return day.isocalendar()[:2]
    if frequency == F.MONTHLY:
        return day.year, day.month
    if frequency == F.QUARTERLY:
        return day.year, (day.month + 2) // 3
    return day


class Years:
    """Walks from day to day as a running service would wake, with outages in which it does not."""

    def __init__(self, folder: Path, numbers: tuple[int, ...], days: int, outages: dict[int, int]) -> None:
        """`numbers` of daily, weekly, monthly, quarterly and manual portfolios; `outages` {first session: how many}."""
        self.folder, self.numbers, self.outages = folder, numbers, outages
        self.clock = ManualClock(BEGIN)
        calendar = ExchangeCalendar(TradingDays())
        calendar.cover(BEGIN + timedelta(days=days + 40))
        self.sessions: list[TradingSession] = []
        day = BEGIN.date()
        while len(self.sessions) < days:
            session = calendar.from_day(day)
            assert session is not None
            self.sessions.append(session)
            day = session.day + timedelta(days=1)
        self.frequency: dict[str, str] = {}
        self.alive: list[datetime] = []  # when the scheduler looked
        self.random = random.Random(20230614)
        self.steps = 0

    async def live(self) -> None:
        """All of it: the service is stopped and started again around each outage."""
        index = 0
        while index < len(self.sessions):
            down = next((first for first in sorted(self.outages) if first >= index), len(self.sessions))
            async with open_desk(self.folder, self.clock) as desk:
                if not self.frequency:
                    await self.create(desk)
                for session in self.sessions[index:down]:
                    await self.one_day(desk, session)
            index = down + self.outages.get(down, 0)

    async def create(self, desk: Desk) -> None:
        for j, (frequency, number) in enumerate(zip(F, self.numbers, strict=True)):
            for k in range(number):
                names = self.random.sample(NAMES, 5)
                method = METHODS[(k + j) % len(METHODS)]
                own = await desk.create(symbols=names, rebalance_frequency=frequency, optimization_method=method)
                self.frequency[own] = frequency
                if k % 2:
                    policy = {"method": method, "constraints": {"max_position_weight": 0.5}, "lookback_days": 252}
                    await desk.post(f"/portfolios/{own}/optimize", policy)

    async def one_day(self, desk: Desk, session: TradingSession) -> None:
        """Looks at night, in the morning before the open and several times within the session."""
        moments = [session.opens - timedelta(hours=5), session.opens + timedelta(minutes=29)]
        moments += [session.opens + timedelta(minutes=30)]
        width = (session.closes - session.opens) / (LOOKS_A_DAY + 1)
        moments += [session.opens + width * k for k in range(1, LOOKS_A_DAY + 1)] + [session.closes]
        for moment in moments:
            if moment < self.clock.now():
                continue
            decisions = await desk.at(moment)
            self.alive.append(moment)
            traded = [decision.portfolio_id for decision in decisions if decision.outcome == "traded"]
            assert not traded or session.opens + timedelta(minutes=30) <= moment < session.closes
            self.steps += len(traded)
            self.balance(desk, traded)
        self.balance(desk, list(self.frequency))

    def balance(self, desk: Desk, owners: list[str]) -> None:
        """Total = positions + cash + unallocated capital to the cent, and cash is never below zero."""
        services = desk.services
        for own in owners:
            worth = value(services.books.get(own), services.prices, self.clock.now())
            parts = sum((p.market_value for p in worth.positions.values()), Decimal(0))
            assert worth.total_value == parts + worth.cash_balance + worth.unallocated_capital
            assert worth.cash_balance >= 0

    def expected(self, frequency: str) -> list[tuple[datetime, bool]]:
        """When a portfolio of this frequency must have been rebalanced and whether late, from the looks alone."""
        by_day = {session.day: session for session in self.sessions}
        dues: dict[object, datetime] = {}
        for session in self.sessions:
            dues.setdefault(period_of(frequency, session.day), session.opens + timedelta(minutes=30))
        started = period_of(frequency, BEGIN.date())
        if frequency != F.DAILY:
            del dues[started]
        found, done, missed = [], set(), False
        chances = defaultdict(list)
        for moment in self.alive:
            chances[moment.date()].append(moment)
        for day, session in by_day.items():
            period = period_of(frequency, day)
            begin = session.opens + timedelta(minutes=30)
            seen = [m for m in chances[day] if begin <= m < session.closes]
            if period not in dues or period in done:
                continue
            if not seen:
                missed = True
                continue
            found.append((seen[0], missed))
            done.add(period)
            missed = False
        return found


def check_runs(years: Years, desk_sql: Any) -> Counter[str]:
    """Each automatic portfolio ran exactly when the walk says, by its decisions and by its audit trail."""
    runs = defaultdict(list)
    query = "SELECT portfolio_id, at, trigger, outcome, concludes FROM decisions WHERE concludes IS NOT NULL"
    for own, at, trigger, outcome, _ in desk_sql(f"{query} ORDER BY decision_id"):
        assert outcome in ("traded", "not_needed")
        runs[own].append((datetime.fromisoformat(at), trigger == "missed"))
    for own, frequency in years.frequency.items():
        assert runs[own] == ([] if frequency == F.MANUAL else years.expected(frequency)), frequency
    counts = Counter({frequency: 0 for frequency in F})
    for own, frequency in years.frequency.items():
        counts[frequency] += len(runs[own])
    return counts


def check_ledger(years: Years, desk_sql: Any) -> None:
    """Cash and units recomputed from nothing but the ledger are those that are stored; trades only in sessions."""
    cash: Counter[str] = Counter()
    units: Counter[tuple[str, str]] = Counter()
    for own, kind, amount, symbol, quantity in desk_sql(
        "SELECT portfolio_id, kind, amount, symbol, quantity FROM ledger"
    ):
        cash[own] += CASH.get(kind, 0) * amount
        if kind in UNITS:
            units[own, symbol] += UNITS[kind] * quantity
    assert cash == Counter(dict(desk_sql("SELECT portfolio_id, cash_balance FROM portfolios")))
    stored = {(own, s): q for own, s, q in desk_sql("SELECT portfolio_id, symbol, quantity FROM positions")}
    assert {key: held for key, held in units.items() if held} == stored
    sessions = {session.day: session for session in years.sessions}
    for at, reason in desk_sql("SELECT DISTINCT executed_at, reason FROM trades"):
        moment = datetime.fromisoformat(at)
        session = sessions[moment.date()]
        assert session.opens + timedelta(minutes=30) <= moment < session.closes
        assert reason in ("scheduled", "missed", "drift")


async def _run(years: Years) -> Counter[str]:
    await years.live()
    async with open_desk(years.folder, years.clock) as desk:  # recovers: every book folded from its ledger again
        counts = check_runs(years, desk.sql)
        check_ledger(years, desk.sql)
        for own, frequency in years.frequency.items():
            reasons = {trade["reason"] for trade in await desk.trades(own)}
            assert (frequency == F.MANUAL) == (reasons == set())
    return counts


@pytest.fixture(autouse=True)
def without_daily_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their catch-up has tests of its own; here it would repeat at each start."""

    async def nothing(self: object) -> int:
        return 0

    monkeypatch.setattr(daily_record.DailyRecordJob, "run_once", nothing)


@pytest.mark.slow
async def test_six_weeks_over_a_quarter_with_an_outage(tmp_path: Path) -> None:
    years = Years(tmp_path, numbers=(1, 1, 1, 1, 1), days=30, outages={8: 2})
    counts = await _run(years)
    assert counts == {F.DAILY: 28, F.WEEKLY: 6, F.MONTHLY: 1, F.QUARTERLY: 1, F.MANUAL: 0}


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_two_years(tmp_path: Path) -> None:
    """Twenty portfolios; outages of a day, a week with a holiday, a month and a quarter's turn."""
    begin, cpu_begin = time.perf_counter(), time.process_time()
    years = Years(tmp_path, numbers=MANY, days=505, outages={20: 1, 55: 5, 130: 22, 260: 12, 400: 3})
    counts = await _run(years)
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu_begin
    print(f"two years: {wall:.1f} s on the clock, {cpu:.1f} s of processor, {sum(counts.values())} runs")
    assert counts[F.DAILY] == MANY[0] * (505 - 43)
    assert counts[F.QUARTERLY] == MANY[3] * 8
    assert min(wall, cpu) < 60, "processor time where the machine is shared: the clock then counts others' work"

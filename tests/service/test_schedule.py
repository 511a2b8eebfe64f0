"""When a portfolio is rebalanced: twenty years of the exchange's calendar against a naive walk from day to day."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_service.adapters.market_data.calendar import ExchangeCalendar
from portfolio_service.adapters.market_data.trading_days import TradingDays
from portfolio_service.domain.models import RebalanceFrequency as F
from portfolio_service.domain.models import TradingSession
from portfolio_service.domain.schedule import AFTER_OPEN, in_session, next_run

FIRST, LAST = date(2015, 1, 2), date(2034, 12, 29)
DAYS = TradingDays()
CALENDAR = ExchangeCalendar(DAYS)
CALENDAR.cover(datetime(2033, 6, 1, tzinfo=UTC))
SESSIONS: list[TradingSession] = []
_day: date = FIRST
while (_next := CALENDAR.from_day(_day)) is not None:
    SESSIONS.append(_next)
    _day = _next.day + timedelta(days=1)
BY_DAY = {session.day: session for session in SESSIONS}
AUTOMATIC = [F.DAILY, F.WEEKLY, F.MONTHLY, F.QUARTERLY]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def name_of(frequency: F, day: date) -> object:
    """What days of one period share."""
    return {
        F.DAILY: day,
        F.WEEKLY: day.isocalendar()[:2],
        F.MONTHLY: (day.year, day.month),
        F.QUARTERLY: (day.year, (day.month + 2) // 3),
    }[frequency]


def dues(frequency: F) -> list[tuple[object, datetime]]:
    """Every period with the moment at which it falls due, in order."""
    first: dict[object, datetime] = {}
    for session in SESSIONS:
        first.setdefault(name_of(frequency, session.day), session.opens + AFTER_OPEN)
    return list(first.items())


DUES = {frequency: dues(frequency) for frequency in AUTOMATIC}


def naive(frequency: F, since: datetime, done: object, now: datetime) -> tuple[object, datetime, bool] | None:
    """The next run by walking days: its period, its moment, whether something was missed."""
    names = [name for name, _ in DUES[frequency]]
    counts = {name for name, at in DUES[frequency] if at > since}
    if done is not None:
        counts -= set(names[: names.index(done) + 1])
    day = now.date()
    while day <= LAST:
        session = BY_DAY.get(day)
        if session is not None and session.closes > now and name_of(frequency, day) in counts:
            moment = max(now, session.opens + AFTER_OPEN)
            fell_due = [at for name, at in DUES[frequency] if name in counts and at <= moment]
            return name_of(frequency, day), moment, fell_due[0].date() < day
        day += timedelta(days=1)
    return None


moments = st.integers(0, 18 * 365 * 86400).map(lambda seconds: utc("2015-02-01") + timedelta(seconds=seconds))
busy = st.builds(  # around the opens and closes of sessions, half days included
    lambda session, offset: (session.opens if offset % 2 else session.closes) + timedelta(minutes=offset),
    st.sampled_from(SESSIONS[30:-300]),
    st.integers(-90, 90),
)


@given(st.sampled_from(AUTOMATIC), moments | busy, moments | busy, st.none() | st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_the_next_run_is_that_of_a_walk_from_day_to_day(
    frequency: F, one: datetime, other: datetime, ago: int | None
) -> None:
    since, now = sorted((one, other))
    names, moments_due = zip(*DUES[frequency], strict=True)
    last = None if ago is None else bisect_right(moments_due, now) - 1 - ago
    done = names[last] if last is not None and last >= 0 else None
    session = None if done is None or last is None else moments_due[last].date()
    found = next_run(frequency, since, session, now, CALENDAR)
    expected = naive(frequency, since, done, now)
    assert found is not None
    assert expected is not None
    assert (name_of(frequency, found.period.start), found.at, found.missed) == expected
    assert found.period.due_at.date() in BY_DAY


@pytest.mark.parametrize("frequency", AUTOMATIC)
def test_twenty_years_looked_at_in_every_session_run_once_a_period_and_on_its_first_day(frequency: F) -> None:
    since, last, ran = SESSIONS[0].opens, None, []
    for session in SESSIONS[:-300]:
        for now in (session.opens + AFTER_OPEN - timedelta(seconds=1), session.opens + AFTER_OPEN, session.closes):
            run = next_run(frequency, since, last, now, CALENDAR)
            assert run is not None
            if run.at <= now:
                assert in_session(now, CALENDAR) == session
                assert not run.missed
                last = run.period.start
                ran.append((name_of(frequency, session.day), now))
    assert ran == [due for due in DUES[frequency] if due[1] < SESSIONS[-300].opens]


def test_manual_never_runs() -> None:
    assert next_run(F.MANUAL, utc("2015-01-02"), None, utc("2025-08-25 15:00"), CALENDAR) is None


@pytest.mark.parametrize(
    ("frequency", "created", "now", "at"),
    [
        # Labor Day, 1 September 2025, is a Monday: the week and the month begin on Tuesday
        (F.WEEKLY, "2025-08-28 15:00", "2025-08-30 12:00", "2025-09-02 14:00"),
        (F.MONTHLY, "2025-08-28 15:00", "2025-08-30 12:00", "2025-09-02 14:00"),
        (F.DAILY, "2025-08-28 15:00", "2025-08-29 20:00", "2025-09-02 14:00"),
        (F.QUARTERLY, "2025-08-28 15:00", "2025-08-30 12:00", "2025-10-01 14:00"),
        # created half an hour and a second after the open: the period has begun
        (F.DAILY, "2025-08-25 14:00:01", "2025-08-25 15:00", "2025-08-26 14:00"),
        (F.DAILY, "2025-08-25 13:59:59", "2025-08-25 15:00", "2025-08-25 15:00"),
        (F.MONTHLY, "2025-08-01 14:30", "2025-08-01 15:00", "2025-09-02 14:00"),
        # the half day after Thanksgiving closes at 18:00; winter time opens at 14:30
        (F.DAILY, "2025-11-26 22:00", "2025-11-28 17:59:59", "2025-11-28 17:59:59"),
        (F.DAILY, "2025-11-26 22:00", "2025-11-28 18:00", "2025-12-01 15:00"),
    ],
)
def test_first_runs(frequency: F, created: str, now: str, at: str) -> None:
    run = next_run(frequency, utc(created), None, utc(now), CALENDAR)
    assert run is not None
    assert run.at == utc(at)


def test_what_was_missed_is_counted_and_made_up_once() -> None:
    created, done = utc("2025-01-01 00:00"), date(2025, 7, 28)
    run = next_run(F.WEEKLY, created, done, utc("2025-08-20 15:00"), CALENDAR)
    assert run is not None
    assert (run.period.start, run.late, run.skipped, run.missed) == (date(2025, 8, 18), True, 2, True)
    after = next_run(F.WEEKLY, created, run.period.start, utc("2025-08-20 15:01"), CALENDAR)
    assert after is not None
    assert (after.at, after.missed) == (utc("2025-08-25 14:00"), False)


def test_a_price_file_has_one_session_after_its_last_date_and_none_later() -> None:
    friday = date(2025, 8, 22)
    file = ExchangeCalendar(DAYS, last_price=friday)
    file.cover(utc("2025-08-23 12:00"))
    monday = file.closing_after(utc("2025-08-23 12:00"))
    assert monday is not None
    assert monday.day == date(2025, 8, 25)
    assert file.from_day(date(2025, 8, 26)) is None
    assert file.closing_after(monday.closes) is None
    assert next_run(F.DAILY, utc("2025-01-01"), date(2025, 8, 25), monday.opens, file) is None
    assert datetime.combine(monday.day, time(13, 30), UTC) == monday.opens

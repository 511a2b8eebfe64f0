"""When a portfolio is rebalanced by itself: periods, their first trading day, and what was missed. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from portfolio_service.domain.models import RebalanceFrequency as Frequency
from portfolio_service.domain.models import TradingSession
from portfolio_service.domain.ports import TradingCalendar

AFTER_OPEN = timedelta(minutes=30)  # trades begin this long after the open: the opening auction's prices are over
ONE_DAY = timedelta(days=1)
FREQUENCY_CHANGED, RESUMED = "frequency_changed", "resumed"
ANEW = (FREQUENCY_CHANGED, RESUMED)  # codes of decisions with which a schedule begins anew


@dataclass(frozen=True)
class Period:
    """A day, week, month or quarter that is rebalanced once, on its first session."""

    start: date
    first: TradingSession

    @property
    def due_at(self) -> datetime:
        return starts(self.first)


@dataclass(frozen=True)
class Run:
    """The next rebalance of a schedule: due when `at` has come.

    `late`: the period's first session went by without it. `skipped`: whole periods before it that had none.
    """

    period: Period
    at: datetime
    late: bool
    skipped: int

    @property
    def missed(self) -> bool:
        return self.late or self.skipped > 0


def starts(session: TradingSession) -> datetime:
    """From when on, until its close, the scheduler trades."""
    return session.opens + AFTER_OPEN


def next_run(
    frequency: Frequency, since: datetime, last: date | None, now: datetime, calendar: TradingCalendar
) -> Run | None:
    """The run that is due at `now` or comes next; None for `manual` and where there are no more sessions.

    A period counts when it becomes due after `since` (creation, resumption, another frequency) and starts after
    `last`, the newest period that is done. However many were missed, one run makes up for them.
    """
    session = None if frequency is Frequency.MANUAL else calendar.closing_after(now)
    while session is not None:
        period = _period_of(frequency, session, calendar)
        if period.due_at > since and (last is None or last < period.start):
            late = session.day > period.first.day
            skipped = sum(1 for _ in _between(frequency, since, last, period, calendar))
            return Run(period, max(now, starts(session)), late, skipped)
        session = calendar.from_day(_next_start(frequency, period.start))
    return None


def due_run(
    frequency: Frequency,
    since: datetime,
    last: date | None,
    session: TradingSession,
    now: datetime,
    calendar: TradingCalendar,
) -> Run | None:
    """The run that is due at `now`, within `session`; the same as `next_run` then says, without looking further."""
    if frequency is Frequency.MANUAL:
        return None
    period = _period_of(frequency, session, calendar)
    if period.due_at <= since or (last is not None and last >= period.start):
        return None
    return next_run(frequency, since, last, now, calendar)


def in_session(now: datetime, calendar: TradingCalendar) -> TradingSession | None:
    """The session in which the scheduler may trade at `now`."""
    session = calendar.closing_after(now)
    return session if session is not None and starts(session) <= now else None


def _period_of(frequency: Frequency, session: TradingSession, calendar: TradingCalendar) -> Period:
    start = _start(frequency, session.day)
    return Period(start, calendar.from_day(start) or session)


def _between(
    frequency: Frequency, since: datetime, last: date | None, until: Period, calendar: TradingCalendar
) -> Iterator[Period]:
    """The periods after `since` and `last` and before `until`."""
    session = calendar.closing_after(since) if last is None else calendar.from_day(_next_start(frequency, last))
    while session is not None:
        period = _period_of(frequency, session, calendar)
        if period.start >= until.start:
            return
        if period.due_at > since and (last is None or last < period.start):
            yield period
        session = calendar.from_day(_next_start(frequency, period.start))


def _start(frequency: Frequency, day: date) -> date:
    """The first calendar day of the period that holds `day`."""
    if frequency is Frequency.WEEKLY:
        return day - day.weekday() * ONE_DAY  # ISO weeks begin on Monday
    if frequency is Frequency.MONTHLY:
        return day.replace(day=1)
    if frequency is Frequency.QUARTERLY:
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day


def _next_start(frequency: Frequency, start: date) -> date:
    """The first calendar day of the period after the one that begins with `start`."""
    length = {Frequency.DAILY: 1, Frequency.WEEKLY: 7, Frequency.MONTHLY: 31, Frequency.QUARTERLY: 93}[frequency]
    return _start(frequency, start + length * ONE_DAY)

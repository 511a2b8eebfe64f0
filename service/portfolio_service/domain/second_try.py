"""When what was refused or failed is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

from portfolio_service.domain.models import Decision
from portfolio_service.domain.order import FAILED, REFUSED, STALE_PRICES, Order
from portfolio_service.domain.ports import TradingCalendar
from portfolio_service.domain.schedule import starts

PASSING = {STALE_PRICES, "no_price", "version_conflict"}  # refusals that may be over in a minute
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)


def attempt_after(last: Decision | None, order: Order) -> int:
    """Which attempt at the same thing this is, counted from 1."""
    if last is None or not order.is_about(last) or last.outcome not in (REFUSED, FAILED):
        return 1
    return int(last.numbers.get("attempt", 0)) + 1


def retry_at(last: Decision | None, calendar: TradingCalendar) -> datetime | None:
    """Not before then: soon and ever later where it may pass, else at the next session; None when nothing waits."""
    if last is None or last.outcome not in (REFUSED, FAILED):
        return None
    if last.outcome == FAILED or last.code in PASSING:
        doublings = min(int(last.numbers.get("attempt", 1)) - 1, 10)
        return last.at + min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
    running = calendar.closing_after(last.at)
    after = calendar.closing_after(running.closes) if running else None
    return starts(after) if after else None

"""The scheduler's trading days: sessions of the New York Stock Exchange, for every source."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import cast

import numpy as np

from portfolio_service.adapters.market_data.trading_days import TradingDays
from portfolio_service.domain.models import TradingSession


class ExchangeCalendar:
    """See ports.TradingCalendar.

    A price file's clock stops: with `last_price` (the file's last date) the session after it is the last one, since
    on every later one its prices are no longer those of the close before.
    """

    def __init__(self, days: TradingDays, last_price: date | None = None) -> None:
        self._days = days
        self._last_price = last_price
        self._known: dict[int, TradingSession] = {}  # a session never changes

    def cover(self, now: datetime) -> None:
        """Reads the calendar where needed (a third of a second)."""
        self._days.cover(now)

    def from_day(self, day: date) -> TradingSession | None:
        """The first session on `day` or later."""
        return self._session(int(np.searchsorted(self._days.dates, np.datetime64(day))))

    def closing_after(self, moment: datetime) -> TradingSession | None:
        """The session that runs at `moment`, else the next one."""
        return self._session(int(np.searchsorted(self._days.closes, moment.timestamp(), side="right")))

    def _session(self, index: int) -> TradingSession | None:
        days = self._days
        if index >= len(days.dates):
            return None
        before = cast(date, days.dates[index - 1].item()) if index else date.min
        if self._last_price is not None and before > self._last_price:
            return None
        if index not in self._known:
            opens, closes = (datetime.fromtimestamp(int(times[index]), tz=UTC) for times in (days.opens, days.closes))
            self._known[index] = TradingSession(days.dates[index].item(), opens, closes)
        return self._known[index]

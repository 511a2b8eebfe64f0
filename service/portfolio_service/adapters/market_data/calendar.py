"""The scheduler's trading days: sessions of the New York Stock Exchange, for every source."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime

from portfolio_service.adapters.market_data.trading_days import TradingDays
from portfolio_service.domain.models import TradingSession


class ExchangeCalendar:
    """See ports.TradingCalendar.

    A price file's clock stops: with `last_price` (the file's last date) the session after it is the last one, since
    on every later one its prices are no longer those of the close before.
    """

    def __init__(self, days: TradingDays, last_price: date | None = None) -> None:
        self._source = days
        self._last_price = last_price
        self._sessions: list[TradingSession] = []
        self._days: list[date] = []
        self._closes: list[datetime] = []

    def cover(self, now: datetime) -> None:
        """Reads the calendar where needed (a third of a second)."""
        self._source.cover(now)
        if len(self._source.dates) != len(self._sessions):
            source = self._source
            opens, closes = (
                [datetime.fromtimestamp(second, tz=UTC) for second in times.tolist()]
                for times in (source.opens, source.closes)
            )
            days: list[date] = source.dates.tolist()
            sessions = [TradingSession(*row) for row in zip(days, opens, closes, strict=True)]
            self._days, self._closes, self._sessions = days, closes, sessions

    def from_day(self, day: date) -> TradingSession | None:
        """The first session on `day` or later."""
        return self._session(bisect_left(self._days, day))

    def closing_after(self, moment: datetime) -> TradingSession | None:
        """The session that runs at `moment`, else the next one."""
        return self._session(bisect_right(self._closes, moment))

    def _session(self, index: int) -> TradingSession | None:
        if index >= len(self._sessions):
            return None
        if self._last_price is not None and index and self._days[index - 1] > self._last_price:
            return None
        return self._sessions[index]

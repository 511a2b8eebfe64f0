"""Trading days of the New York Stock Exchange: sessions with their opens and closes in UTC."""

from __future__ import annotations

import threading
import warnings
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt

EPOCH = date(2015, 1, 2)  # first session that the simulated market knows
_LOADING = threading.Lock()  # one at a time in the process: catch_warnings, which a load needs, is not for threads


class TradingDays:
    """Sessions from EPOCH on, grown as the clock reaches their end; holidays from exchange_calendars."""

    def __init__(self) -> None:
        self._until: date | None = None
        self.dates: npt.NDArray[np.datetime64] = np.empty(0, dtype="datetime64[D]")
        self.opens: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)  # seconds since 1970, UTC
        self.closes: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def covers(self, now: datetime) -> bool:
        """Whether the session after `now` is known already."""
        return self._until is not None and now.date().toordinal() + 31 <= self._until.toordinal()

    def cover(self, now: datetime) -> None:
        """Makes sure of that: reads the calendar when needed (a third of a second)."""
        if self.covers(now):
            return
        with _LOADING:
            if not self.covers(now):
                self._load(date(now.year + 1, 12, 31))

    def last_closed(self, now: datetime) -> int:
        """Index of the last session closed at `now`; -1 before the first close."""
        self.cover(now)
        return int(np.searchsorted(self.closes, now.timestamp(), side="right")) - 1

    def is_open(self, now: datetime) -> bool:
        """Whether `now` is within a session."""
        current = self.last_closed(now) + 1
        return bool(self.opens[current] <= now.timestamp())

    def close_time(self, index: int) -> datetime:
        """The close of session `index` as a datetime in UTC."""
        return datetime.fromtimestamp(int(self.closes[index]), tz=UTC)

    def _load(self, until: date) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # exchange_calendars warns about its own use of pandas
            import exchange_calendars  # imported late: it is slow

            calendar = exchange_calendars.get_calendar("XNYS", start=EPOCH.isoformat(), end=until.isoformat())
        self.dates = calendar.sessions.to_numpy().astype("datetime64[D]")
        self.opens = calendar.opens.dt.tz_convert(None).to_numpy().astype("datetime64[s]").astype(np.int64)
        self.closes = calendar.closes.dt.tz_convert(None).to_numpy().astype("datetime64[s]").astype(np.int64)
        self._until = until

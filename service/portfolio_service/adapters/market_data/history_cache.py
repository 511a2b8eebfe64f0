"""Daily closes of many symbols, kept until the next close and aligned into one table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
from cachetools import LRUCache

MAX_ROWS = 4_000_000  # of all symbols together: 64 MB
ASK_AGAIN_S = 300.0  # for a history that lacks the last close, and for a symbol that was unknown
Days = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Closes:
    """Ascending dates (datetime64[D]) and the closes of those days."""

    dates: Days
    values: Floats


@dataclass(frozen=True)
class _Kept:
    closes: Closes | None  # None: the source does not know the symbol
    asked: int
    session: date  # the last finished trading day when it was asked for
    at: float


class HistoryCache:
    """Bounded by rows: the least used go first."""

    def __init__(self, max_rows: int = MAX_ROWS, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._kept: LRUCache[str, _Kept] = LRUCache(max_rows, getsizeof=_rows)
        self._monotonic = monotonic

    def put(self, symbol: str, closes: Closes | None, asked: int, session: date) -> None:
        kept = _Kept(closes, asked, session, self._monotonic())
        if _rows(kept) <= self._kept.maxsize:
            self._kept[symbol] = kept

    def fresh(self, symbol: str, days: int, session: date) -> bool:
        """Whether what is kept answers for `days` days as of `session`."""
        kept = self._kept.get(symbol)
        if kept is None or kept.session != session:
            return False
        if kept.closes is None or not len(kept.closes.dates) or kept.closes.dates[-1] < np.datetime64(session, "D"):
            return self._monotonic() - kept.at < ASK_AGAIN_S
        return kept.asked >= days

    def get(self, symbol: str) -> Closes | None:
        """What is kept, of today or older; None when there is nothing or the symbol is unknown."""
        kept = self._kept.get(symbol)
        return None if kept is None else kept.closes


def table(closes: Mapping[str, Closes], symbols: Sequence[str], days: int) -> pd.DataFrame:
    """One column a symbol on the last `days` dates that any of them has; a missing cell is NaN."""
    known = [symbol for symbol in symbols if symbol in closes]
    if not known:
        return pd.DataFrame(index=pd.DatetimeIndex([], name="date"))
    dates = np.unique(np.concatenate([closes[symbol].dates for symbol in known]))[-days:]
    values = np.full((len(dates), len(known)), np.nan)
    for column, symbol in enumerate(known):
        one = closes[symbol]
        first = np.searchsorted(one.dates, dates[0]) if len(dates) else 0
        values[np.searchsorted(dates, one.dates[first:]), column] = one.values[first:]
    index = pd.DatetimeIndex(dates.astype("datetime64[ns]"), name="date")
    return pd.DataFrame(values, index=index, columns=known)


def _rows(kept: _Kept) -> int:
    return 1 + (0 if kept.closes is None else len(kept.closes.dates))

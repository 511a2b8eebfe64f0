"""Bars as an engine lists them, turned into one close a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

import numpy as np

from portfolio_service.adapters.market_data.engine_shapes import Bar, time_of
from portfolio_service.adapters.market_data.history_cache import Closes
from portfolio_service.adapters.market_data.screening import as_price

NEW_YORK = ZoneInfo("America/New_York")
SPIKE = 5  # a close this many times both its neighbours, or a fifth of both, is no close
WORST = 0.1  # of the bars may be no prices, beyond that the whole list is refused


def closes_of(bars: Sequence[Bar]) -> Closes:
    """The last good close of each day, oldest first; days without one are left out.

    A bar stamped midnight is of that date; any other time is of the day it is then in New York.
    ValueError when a stamp is no time or when more than a tenth of the bars are no prices.
    """
    found: dict[str, tuple[datetime, float]] = {}
    bad = 0
    for bar in bars:
        at = time_of(bar.timestamp)
        value = bar.data.close if bar.data.adj_close is None else bar.data.adj_close
        try:
            as_price(value)
        except ValueError:
            bad += 1
            continue
        day = (at if at.time() == time(0) else at.astimezone(NEW_YORK)).date().isoformat()
        if day not in found or found[day][0] <= at:
            found[day] = (at, value)
    if bad > WORST * len(bars):
        raise ValueError(f"{bad} of {len(bars)} bars have no price")
    days = sorted(found)
    values = np.array([found[day][1] for day in days], dtype=np.float64)
    dates = np.array(days, dtype="datetime64[D]")
    return without_spikes(Closes(dates, values))


def without_spikes(closes: Closes) -> Closes:
    """Drops closes that leave both neighbours far behind on the same side; a lasting change of level is none."""
    values = closes.values
    spikes = np.zeros(len(values), dtype=bool)
    if len(values) > 2:
        before, after = values[1:-1] / values[:-2], values[1:-1] / values[2:]
        spikes[1:-1] = ((before > SPIKE) & (after > SPIKE)) | ((before < 1 / SPIKE) & (after < 1 / SPIKE))
    return Closes(closes.dates[~spikes], values[~spikes])

"""Periods as market-data users write them: 1y, 6mo, 10d."""

from __future__ import annotations

import re

MAX_DAYS = 100_000  # what "max" asks for
_TRADING_DAYS = {"d": 1, "wk": 5, "w": 5, "mo": 21, "y": 252}


def trading_days(period: str) -> int:
    """Trading days of a period such as 1y, 6mo, 2wk, 756d or max. ValueError for anything else."""
    if period == "max":
        return MAX_DAYS
    match = re.fullmatch(r"([1-9]\d{0,4})(d|wk|w|mo|y)", period)
    if match is None:
        raise ValueError(f"[get_historical_data] period: expected 1y, 6mo, 2wk, 756d or max, got {period!r}")
    return int(match[1]) * _TRADING_DAYS[match[2]]

"""Dates in all their forms as numbers of days."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from portfolio_engine._labels import Array, row_labels

DAY = np.timedelta64(1, "D") / np.timedelta64(1, "us")


def days_of(dates: Any, function: str, argument: str) -> Array:
    """Days since 1970-01-01, with fractions for times of day. Dates, datetimes (those with a zone in UTC), datetime64,
    ISO strings, or a pandas index of them; anything else, a missing date included, is a ValueError."""
    given = np.atleast_1d(np.asarray(dates))
    if given.size and given.dtype.kind not in "MUO":
        raise ValueError(f"[{function}] {argument}: expected dates, got {given.dtype} {given.ravel()[:1]}")
    try:
        plain = given if given.dtype.kind == "M" else [_without_zone(item) for item in given.ravel().tolist()]
        moments = np.asarray(plain, dtype="datetime64[us]").ravel()
    except (TypeError, ValueError) as error:
        raise ValueError(f"[{function}] {argument}: expected dates ({error})") from None
    if np.isnat(moments).any():
        missing = int(np.isnat(moments).argmax())
        raise ValueError(f"[{function}] {argument}: expected dates, got a missing one at {missing}")
    return np.asarray(moments.astype(np.int64) / DAY, dtype=np.float64)


def dates_or_index(values: Any, dates: Any, function: str, argument: str) -> Any:
    """`dates`, or the index of a pandas Series of `values`."""
    if dates is not None:
        return dates
    labels = row_labels(values)
    if labels is None:
        raise ValueError(f"[{function}] {argument}: expected dates beside values that are no Series, got none")
    return labels


def _without_zone(item: Any) -> Any:
    if isinstance(item, datetime) and item.tzinfo is not None:
        return item.astimezone(UTC).replace(tzinfo=None)
    if isinstance(item, int | float):
        raise TypeError(f"got the number {item}")
    return item

"""The two answers of a Market Data Engine: what our server sends and what our client accepts, nothing looser.

Unknown keys are ignored, a wrong type or a number that is not finite refuses the whole answer.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Time = Annotated[str, Field(max_length=40)] | Number  # ISO 8601 (no zone: UTC), or seconds since 1970
SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^=_-]{0,31}")
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class LastTrade(Shape):
    price: Number
    size: Number | None = None
    timestamp: Time


class Quote(Shape):
    bid: Number | None = None
    ask: Number | None = None
    bid_size: Number | None = None
    ask_size: Number | None = None


class DailyStats(Shape):
    """The running trading day, or the last one."""

    open: Number | None = None
    high: Number | None = None
    low: Number | None = None
    volume: Number | None = None


class SnapshotParts(Shape):
    last_trade: LastTrade | None = None
    quote: Quote | None = None
    daily_stats: DailyStats | None = None


class Snapshot(Shape):
    """POST /symbols/{symbol}/snapshot."""

    symbol: str
    timestamp: Time
    snapshot: SnapshotParts


class BarPrices(Shape):
    """`adj_close`, where an engine has one, is preferred to `close`: returns need adjusted prices."""

    open: Number | None = None
    high: Number | None = None
    low: Number | None = None
    close: Number
    volume: Number | None = None
    adj_close: Number | None = None


class Bar(Shape):
    timestamp: Time
    data_type: str = "bar"
    source: str | None = None
    data: BarPrices
    latency_ms: Number | None = None


class Bars(Shape):
    """GET /data/{symbol}?data_type=bar&limit=N."""

    symbol: str
    data_type: str
    data: list[Bar]
    count: int


def time_of(value: str | float) -> datetime:
    """A Time in UTC; ValueError for what is none or is out of this world."""
    if isinstance(value, str):
        found = datetime.fromisoformat(value)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    elif abs(value) < 1e11:
        found = datetime.fromtimestamp(value, tz=UTC)
    else:
        raise ValueError(f"expected seconds since 1970, got {value:g}")
    if not _EARLIEST <= found < _LATEST:
        raise ValueError(f"expected a time of this age, got {found.isoformat()}")
    return found

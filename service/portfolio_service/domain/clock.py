"""The time, in UTC, as a clock that is injected."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@lru_cache(maxsize=4096)  # the positions of a book share a few times
def iso(time: datetime) -> str:
    """`time` (with a zone) as the API and the bus show it: UTC, ending in Z."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")

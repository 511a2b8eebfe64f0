"""Sessions of the exchange, and what the scheduler decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class TradingSession:
    """One trading day of the exchange; a half day closes earlier."""

    day: date
    opens: datetime
    closes: datetime


@dataclass(frozen=True)
class Decision:
    """What the scheduler decided about a portfolio and why, the decision not to trade included."""

    portfolio_id: str
    at: datetime
    trigger: str  # "scheduled", "missed", "drift", "check" (nothing was due), "change" (of the schedule itself)
    outcome: str  # "traded", "not_needed", "refused" (a rule forbids it), "failed"
    code: str
    reason: str  # one sentence
    period: date | None = None  # first day of the period that it is about
    concludes: str | None = None  # "weekly:2025-08-25": that period is done; the database keeps it once
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Memory:
    """What the decisions so far leave to know about a portfolio."""

    last_period: date | None = None  # the newest period that is done
    since: datetime | None = None  # when its schedule began anew
    last: Decision | None = None

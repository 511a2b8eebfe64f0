"""What a source of prices says about itself, and the error when it cannot answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.models import Price

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"


@dataclass
class SourceState:
    """Counted by the adapter since the start, read by /health and the metrics."""

    reason: str = ""  # why this source and no other
    warnings: list[str] = field(default_factory=list)  # what the operator should know about the choice
    breaker: str | None = None  # closed, open or half_open; None: a local source, nothing to break
    breaker_opened: int = 0
    calls: int = 0
    failures: Counter[str] = field(default_factory=Counter)  # failed calls by kind: timeout, connection, status_500
    held_back: dict[str, str] = field(default_factory=dict)  # prices that nobody believes yet, by symbol
    jumps: int = 0  # prices held back so far
    last_error: str | None = None

    def shown(self) -> dict[str, Any]:
        """For /health."""
        return {
            "breaker": self.breaker,
            "breaker_opened": self.breaker_opened,
            "calls": self.calls,
            "errors": dict(self.failures),
            "held_back": dict(list(self.held_back.items())[:20]),
            "last_error": self.last_error,
            "reason": self.reason,
        }


class SourceUnavailable(Unavailable):
    """The source did not answer for some symbols; `prices` holds what it answered for the others."""

    def __init__(self, source: str, failed: Mapping[str, str], prices: Mapping[str, Price] | None = None) -> None:
        names = list(failed)
        listed = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        why = next(iter(failed.values()))
        super().__init__("market_data_unavailable", f"{source} does not answer for {listed}: {why}")
        self.failed = dict(failed)
        self.why = why
        self.prices = dict(prices or {})

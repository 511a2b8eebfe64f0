"""Prices that cannot be: held back until something besides the price itself speaks for them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from portfolio_service.domain.models import Price
from portfolio_service.domain.money import MAX_QUANTITY, quantity
from portfolio_service.domain.sources import SourceState

log = logging.getLogger(__name__)

JUMP = 5  # a price this many times the last good one, or a fifth of it, is not believed at once
CONFIRM_TICKS = 10  # so many ticks in a row that agree with each other ...
CONFIRM_AFTER = timedelta(minutes=5)  # ... over this long, confirm it
AGREE = 2  # prices within this factor agree


@dataclass(frozen=True)
class Reading:
    """One price as a source gave it, the range of its day where that is known, and as of when it was the latest."""

    price: Price
    low: float | None = None
    high: float | None = None
    as_of: datetime | None = None


@dataclass(frozen=True)
class DailyClose:
    """The last daily bar that is known of a symbol."""

    closed_at: datetime
    close: float


@dataclass(frozen=True)
class _Doubtful:
    since: datetime
    ticks: int
    last: Price


def as_price(value: float) -> Decimal:
    """A price to 1e-8; ValueError for one that is none."""
    price = quantity(Decimal(repr(value))) if abs(value) < MAX_QUANTITY else Decimal(0)
    if not 0 < price < MAX_QUANTITY:
        raise ValueError(f"expected a price above 0 and below {MAX_QUANTITY:.0e}, got {value!r}")
    return price


class PriceScreen:
    """Remembers the last good price of each symbol and believes only what follows from it."""

    def __init__(self, state: SourceState) -> None:
        self._state = state
        self._good: dict[str, Price] = {}
        self._doubtful: dict[str, _Doubtful] = {}

    def last_good(self, symbol: str) -> Price | None:
        return self._good.get(symbol)

    def doubts(self, symbol: str) -> bool:
        return symbol in self._doubtful

    def accept(self, reading: Reading, bar: DailyClose | None) -> str | None:
        """None when the price is believed; else why it is held back."""
        price, symbol = reading.price, reading.price.symbol
        why = self._doubt(reading, bar)
        if why is None or self._confirmed(price, bar):
            if self._doubtful.pop(symbol, None) is not None:
                self._state.held_back.pop(symbol, None)
                log.warning("price believed again", extra={"symbol": symbol, "price": str(price.price)})
            self._good[symbol] = price
            return None
        if symbol not in self._state.held_back:
            self._state.jumps += 1
            log.warning("price held back", extra={"symbol": symbol, "price": str(price.price), "reason": why})
        self._state.held_back[symbol] = why
        return f"price held back: {why}"

    def _doubt(self, reading: Reading, bar: DailyClose | None) -> str | None:
        value, good = float(reading.price.price), self._good.get(reading.price.symbol)
        if good is not None:
            if not _within(value, float(good.price), JUMP):
                return f"{value:g} beside {good.price.normalize():f}, the last good price"
        elif bar is not None and not _within(value, bar.close, JUMP):
            return f"{value:g} beside {bar.close:g}, the last daily close"
        elif not (reading.low or value) / JUMP <= value <= (reading.high or value) * JUMP:
            return f"{value:g} beside the day's range {reading.low:g} to {reading.high:g}"
        return None

    def _confirmed(self, price: Price, bar: DailyClose | None) -> bool:
        """By a daily bar that closed after the last good price, or by many ticks over some minutes.

        A bar of an earlier day confirms nothing: a split rewrites those, and then the units held are wrong too.
        """
        before = self._doubtful.get(price.symbol)
        if before is None or not _within(float(price.price), float(before.last.price), AGREE):
            before = _Doubtful(price.time, 0, price)
        if price.time > before.last.time or not before.ticks:
            before = _Doubtful(before.since, before.ticks + 1, price)
        self._doubtful[price.symbol] = before
        good = self._good.get(price.symbol)
        if good is not None and bar is not None and bar.closed_at > good.time:
            return _within(float(price.price), bar.close, AGREE)
        return before.ticks >= CONFIRM_TICKS and before.last.time - before.since >= CONFIRM_AFTER


def _within(value: float, reference: float, factor: float) -> bool:
    return reference / factor <= value <= reference * factor

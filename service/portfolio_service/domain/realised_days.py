"""The books at each close, worked back from what they are now: only what was booked since the last record is read."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd

from portfolio_service.domain.ledger import fold
from portfolio_service.domain.models import EntryKind, ExternalFlow, LedgerEntry, Portfolio
from portfolio_service.domain.money import ZERO, exact, quantity, worth
from portfolio_service.domain.ports import MarketDataClient
from portfolio_service.domain.prices import Prices

_MONEY = {  # cash and unallocated capital together
    EntryKind.DEPOSIT: 1, EntryKind.WITHDRAWAL: -1, EntryKind.BUY: -1, EntryKind.SELL: 1,
    EntryKind.DIVIDEND: 1, EntryKind.FEE: -1,
}  # fmt: skip
_UNITS = {EntryKind.BUY: 1, EntryKind.TRANSFER_IN: 1, EntryKind.SELL: -1, EntryKind.TRANSFER_OUT: -1}


@dataclass(frozen=True)
class Day:
    """The books at one close: their value, and the external flow since the close before."""

    date: datetime
    close: datetime
    total_value: Decimal
    external_flow: Decimal


class Closes:
    """Daily closes as exact prices, shared by all portfolios that are recorded together; gaps keep the close before."""

    def __init__(self, frame: pd.DataFrame, market: MarketDataClient) -> None:
        days = [midnight(day) for day in frame.index]
        ends = [close_of(day, market) for day in days]
        # a day that is no session of the source's calendar closes nothing
        sessions = [k for k, day in enumerate(days) if ends[k].date() == day.date()]
        self.days = [days[k] for k in sessions]
        self.ends = [ends[k] for k in sessions]
        filled = frame.ffill().iloc[sessions]
        self._prices = {str(name): _exact(filled[name]) for name in filled.columns}

    def price(self, symbol: str, k: int) -> Decimal | None:
        """The close of day k, None when the source has none."""
        found = self._prices.get(symbol)
        return None if found is None else found[k]


class _Standing:
    """Money and units, moved forth and back along the ledger; the cost of things does not matter here."""

    def __init__(self, money: Decimal, units: Mapping[str, Decimal]) -> None:
        self.money = money
        self.units = dict(units)

    def move(self, entry: LedgerEntry, way: int = 1) -> None:
        self.money += way * _MONEY.get(entry.kind, 0) * entry.amount
        if entry.symbol is None:
            return
        if entry.kind is EntryKind.SPLIT:
            self.units[entry.symbol] = entry.quantity
        elif entry.kind in _UNITS:
            units = self.units.get(entry.symbol, ZERO) + way * _UNITS[entry.kind] * entry.quantity
            self.units[entry.symbol] = units


def splits(entries: Sequence[LedgerEntry]) -> bool:
    """A split says what is held after it, not before: it cannot be taken back, the ledger is read from its start."""
    return any(entry.kind is EntryKind.SPLIT for entry in entries)


def walk(
    portfolio: Portfolio,
    entries: Sequence[LedgerEntry],
    flows: Sequence[ExternalFlow],
    closes: Closes,
    prices: Prices,
    after: datetime,
    earlier: Sequence[LedgerEntry] | None = None,
) -> Iterator[Day]:
    """Each close later than `after`, oldest first. `entries` and `flows` are all that came later than `after`;
    `earlier`, all entries before them, is asked for only where one of them is a split."""
    book = portfolio.book if earlier is None else fold(earlier)
    standing = _Standing(book.cash + book.unallocated_capital, {s: held.quantity for s, held in book.holdings.items()})
    for entry in reversed(entries) if earlier is None else ():
        standing.move(entry, -1)
    told: dict[str, Decimal] = {}  # the last price that the books themselves name
    booked, flowed = 0, 0
    for k, close in enumerate(closes.ends):
        if close <= after:
            continue
        time.sleep(0)  # gives the interpreter to the event loop, which else waits up to 5 ms for each of its turns
        while booked < len(entries) and entries[booked].recorded_at <= close:
            entry = entries[booked]
            standing.move(entry)
            if entry.symbol is not None and entry.price:
                told[entry.symbol] = entry.price
            booked += 1
        flow = ZERO
        while flowed < len(flows) and flows[flowed].recorded_at <= close:
            flow += flows[flowed].amount
            flowed += 1
        held = (
            _worth(portfolio, symbol, units, closes.price(symbol, k), told.get(symbol), close, prices)
            for symbol, units in standing.units.items()
            if units
        )
        yield Day(closes.days[k], close, sum(held, standing.money), flow)


def _worth(
    portfolio: Portfolio,
    symbol: str,
    units: Decimal,
    price: Decimal | None,
    told: Decimal | None,
    close: datetime,
    prices: Prices,
) -> Decimal:
    """At its close; what the source does not know at the client's price, else the books', else the price held of it,
    else at its cost."""
    if price is None:
        own = portfolio.client_prices.get(symbol)
        market = prices.get(symbol)
        price = own.price if own and (own.time <= close or told is None) else told
        price = price or (market.price if market else None)
    if price is not None:
        return worth(units, price)
    held = portfolio.book.holdings.get(symbol)
    return held.basis if held else ZERO


def close_of(day: datetime, market: MarketDataClient) -> datetime:
    """The close of the session on or before `day`."""
    return market.last_close(midnight(day) + timedelta(days=1))


def midnight(day: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _exact(closes: pd.Series) -> list[Decimal | None]:
    time.sleep(0)  # as in `walk`
    return [_price(close) for close in closes]


def _price(close: float) -> Decimal | None:
    return quantity(exact(float(close))) if math.isfinite(close) else None

"""A new portfolio's first ledger entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from portfolio_service.domain.errors import FieldError, Unacceptable
from portfolio_service.domain.models import EntryKind, LedgerEntry, Price
from portfolio_service.domain.money import CENT, EXACT, MAX_MONEY, MAX_QUANTITY, UNIT, money, quantity, worth

DEFAULT_CASH_SHARE = Decimal("0.1")


def opening_money(initial_value: Decimal, cash_balance: Decimal | None) -> tuple[Decimal, Decimal]:
    """Initial value and the cash inside it, to the cent; Unacceptable when they make no sense."""
    initial = _amount("initial_value", initial_value)
    if initial <= 0:
        raise _wrong("initial_value", f"expected more than zero, got {initial_value}")
    cash = money(initial * DEFAULT_CASH_SHARE) if cash_balance is None else _amount("cash_balance", cash_balance)
    if cash < 0:
        raise _wrong("cash_balance", f"expected zero or more, got {cash_balance}")
    if cash > initial:
        detail = f"cash_balance {cash} is part of initial_value {initial} and cannot exceed it"
        raise Unacceptable("cash_exceeds_initial_value", detail, [FieldError("cash_balance", detail)])
    return initial, cash


def opening_unallocated(initial: Decimal, cash: Decimal, at: datetime) -> tuple[LedgerEntry, ...]:
    """All of it paid in, what is not cash set aside as unallocated capital."""
    entries = [LedgerEntry(EntryKind.DEPOSIT, initial, at)]
    if initial > cash:
        entries.append(LedgerEntry(EntryKind.CAPITAL_COMMITTED, initial - cash, at))
    return tuple(entries)


def opening_split(
    initial: Decimal, cash: Decimal, symbols: Sequence[str], prices: Mapping[str, Price], at: datetime
) -> tuple[LedgerEntry, ...]:
    """All of it paid in, what is not cash spread equally over `symbols`, the odd cents on the first ones.

    Fractional units at current prices. Above a price of a million one unit of 1e-8 is worth more than a cent: there
    quantities are rounded down and the difference stays in cash, so that the total is initial_value in every case.
    """
    share, odd_cents = divmod((initial - cash) / CENT, len(symbols))
    entries = [LedgerEntry(EntryKind.DEPOSIT, initial, at)]
    for index, symbol in enumerate(symbols):
        wished = (share + (index < odd_cents)) * CENT
        price = prices[symbol].price
        units = quantity(EXACT.divide(wished, price))
        if worth(units, price) > wished:
            units = EXACT.divide(wished, price).quantize(UNIT, rounding=ROUND_DOWN)
        value = worth(units, price)
        if value <= 0:
            detail = f"initial_value - cash_balance = {initial - cash} is too little for {len(symbols)} symbols"
            raise Unacceptable("nothing_to_invest", f"{detail}: {symbol} would get {wished} at {price}")
        if units >= MAX_QUANTITY:
            raise _wrong("initial_value", f"would buy {units} of {symbol}, expected below {MAX_QUANTITY}")
        entries.append(LedgerEntry(EntryKind.BUY, value, at, symbol, units, price))
    return tuple(entries)


def _amount(field: str, value: Decimal) -> Decimal:
    if not value.is_finite() or abs(value) >= MAX_MONEY:
        raise _wrong(field, f"expected an amount below {MAX_MONEY:.0e}, got {value}")
    return money(value)


def _wrong(field: str, message: str) -> Unacceptable:
    return Unacceptable("out_of_range", f"{field}: {message}", [FieldError(field, message)])

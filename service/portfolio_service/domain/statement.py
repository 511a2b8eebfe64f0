"""A statement of positions (POST positions) as ledger entries: transfers only, cash never moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from portfolio_service.domain.errors import FieldError, Unacceptable
from portfolio_service.domain.ledger import basis_of
from portfolio_service.domain.models import Book, EntryKind, Holding, LedgerEntry, Price
from portfolio_service.domain.money import EXACT, MAX_MONEY, MAX_QUANTITY, ZERO, money, quantity, worth
from portfolio_service.domain.symbols import clean

CLIENT = "client"


@dataclass(frozen=True)
class PositionUpdate:
    """What a symbol's position is from now on; quantity 0 removes it."""

    symbol: str
    quantity: Decimal
    avg_cost: Decimal | None = None  # None keeps the cost of what is held; new units come in at their price
    market_value: Decimal | None = None  # of the whole position: its price, by the client


def clean_updates(updates: Sequence[PositionUpdate]) -> list[PositionUpdate]:
    """The same with clean symbols, each at most once."""
    found = [replace(update, symbol=clean([update.symbol])[0]) for update in updates]
    names = [update.symbol for update in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Unacceptable(
            "duplicate_symbol",
            f"positions: expected every symbol once, got {', '.join(twice)} more often",
            [FieldError(f"positions.{name}", "given more than once") for name in twice],
        )
    return found


def client_prices(updates: Sequence[PositionUpdate], now: datetime) -> dict[str, Price]:
    """The prices that market values imply; also the check of all numbers sent."""
    prices = {}
    for update in updates:
        _check(update)
        if update.market_value is None or update.quantity == 0:
            continue
        price = quantity(EXACT.divide(update.market_value, quantity(update.quantity)))
        if not 0 < price < MAX_QUANTITY:
            raise _wrong(update, f"market_value / quantity: expected a price in (0, {MAX_QUANTITY:.0e}), got {price}")
        prices[update.symbol] = Price(update.symbol, price, now, CLIENT)
    return prices


def statement_entries(
    book: Book,
    updates: Sequence[PositionUpdate],
    replace_all: bool,
    prices: Mapping[str, Price | None],
    now: datetime,
) -> tuple[LedgerEntry, ...]:
    """Entries that turn `book` into the stated positions; with replace_all every other position leaves."""
    entries: list[LedgerEntry] = []
    if book.unallocated_capital and any(update.quantity > 0 for update in updates):
        # the statement says where that capital is: it arrives again as transfers
        entries.append(LedgerEntry(EntryKind.CAPITAL_RELEASED, book.unallocated_capital, now))
        entries.append(LedgerEntry(EntryKind.WITHDRAWAL, book.unallocated_capital, now))
    named = {update.symbol for update in updates}
    if replace_all:
        updates = [*updates, *(PositionUpdate(symbol, ZERO) for symbol in book.holdings if symbol not in named)]
    for update in updates:
        held = book.holdings.get(update.symbol, Holding(update.symbol, ZERO, ZERO))
        entries += _restate(held, update, _price(update, held, prices), now)
    return tuple(entries)


def _restate(held: Holding, update: PositionUpdate, price: Decimal, now: datetime) -> list[LedgerEntry]:
    """Transfers that bring one holding to the stated quantity and cost."""
    units = quantity(update.quantity)
    basis = _basis(held, units, update.avg_cost, price)
    if basis >= MAX_MONEY:
        raise _wrong(update, f"expected a cost below {MAX_MONEY:.0e}, got {basis}")

    def transfer(kind: EntryKind, quantity: Decimal, amount: Decimal) -> LedgerEntry:
        return LedgerEntry(kind, amount, now, held.symbol, quantity, price)

    if units > held.quantity and basis >= held.basis:
        return [transfer(EntryKind.TRANSFER_IN, units - held.quantity, basis - held.basis)]
    if units < held.quantity and basis <= held.basis:
        return [transfer(EntryKind.TRANSFER_OUT, held.quantity - units, held.basis - basis)]
    if units == held.quantity and basis == held.basis:
        return []
    return [
        transfer(EntryKind.TRANSFER_OUT, held.quantity, held.basis),
        transfer(EntryKind.TRANSFER_IN, units, basis),
    ]


def _basis(held: Holding, units: Decimal, avg_cost: Decimal | None, price: Decimal) -> Decimal:
    if units == 0:
        return ZERO
    if avg_cost is not None:
        return worth(units, avg_cost)
    if units >= held.quantity:
        return held.basis + worth(units - held.quantity, price)
    return held.basis - basis_of(held, held.quantity - units)


def _price(update: PositionUpdate, held: Holding, prices: Mapping[str, Price | None]) -> Decimal:
    """The market price of the transfer; what has none leaves at its cost, like it was valued."""
    found = prices.get(update.symbol)
    if found is not None:
        return found.price
    return quantity(EXACT.divide(held.basis, held.quantity)) if held.quantity else ZERO


def _check(update: PositionUpdate) -> None:
    for name, number, bound in (
        ("quantity", update.quantity, MAX_QUANTITY),
        ("avg_cost", update.avg_cost, MAX_QUANTITY),
        ("market_value", update.market_value, MAX_MONEY),
    ):
        if number is None:
            continue
        if not number.is_finite() or not 0 <= number < bound:
            raise _wrong(update, f"{name}: expected a number in [0, {bound:.0e}), got {number}")
    if update.quantity > 0 and quantity(update.quantity) == 0:
        raise _wrong(update, f"quantity: expected 0 or at least 1e-8, got {update.quantity}")
    if update.market_value is not None and money(update.market_value) == 0 and update.quantity > 0:
        raise _wrong(update, f"market_value: expected at least a cent, got {update.market_value}")


def _wrong(update: PositionUpdate, message: str) -> Unacceptable:
    return Unacceptable(
        "out_of_range", f"{update.symbol}: {message}", [FieldError(f"positions.{update.symbol}", message)]
    )

"""The append-only ledger: what each entry does to a book. Positions and cash are nothing but its fold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from portfolio_service.domain.models import Book, EntryKind, Holding, LedgerEntry
from portfolio_service.domain.money import EXACT, MAX_MONEY, MAX_QUANTITY, ZERO, money, quantity, worth


class LedgerError(ValueError):
    """An entry that the book before it does not allow."""


def apply_entry(book: Book, entry: LedgerEntry) -> Book:
    """The book after one more entry; LedgerError, naming entry and reason, when it does not fit."""
    return apply_entries(book, (entry,))


def fold(entries: Iterable[LedgerEntry]) -> Book:
    """The book that a whole ledger adds up to."""
    return apply_entries(Book(), entries)


def apply_entries(book: Book, entries: Iterable[LedgerEntry]) -> Book:
    """The book after several entries, all or none."""
    draft = _Draft(book)
    for entry in entries:
        draft.apply(entry)
    return draft.book()


def basis_of(holding: Holding, units: Decimal) -> Decimal:
    """The cost basis that leaves with `units` of a holding: its share to the cent, all of it with the last unit."""
    if units == holding.quantity:
        return holding.basis
    return money(EXACT.divide(EXACT.multiply(holding.basis, units), holding.quantity))


def external_flow(entry: LedgerEntry) -> Decimal:
    """Value that came from outside (+) or left (-) with an entry; transfers count at their market price."""
    match entry.kind:
        case EntryKind.DEPOSIT:
            return entry.amount
        case EntryKind.WITHDRAWAL:
            return -entry.amount
        case EntryKind.TRANSFER_IN:
            return worth(entry.quantity, entry.price)
        case EntryKind.TRANSFER_OUT:
            return -worth(entry.quantity, entry.price)
        case _:
            return ZERO


class _Draft:
    """A book under change; the only mutable one, so that folding a long ledger copies nothing."""

    def __init__(self, book: Book) -> None:
        self._cash = book.cash
        self._unallocated = book.unallocated_capital
        self._holdings = dict(book.holdings)

    def book(self) -> Book:
        return Book(cash=self._cash, unallocated_capital=self._unallocated, holdings=dict(self._holdings))

    def apply(self, entry: LedgerEntry) -> None:
        _check_form(entry)
        _EFFECTS[entry.kind](self, entry)
        if self._cash < 0 or self._unallocated < 0:
            raise LedgerError(f"{_named(entry)}: would leave cash {self._cash}, unallocated {self._unallocated}")
        if max(self._cash, self._unallocated) >= MAX_MONEY:
            raise LedgerError(f"{_named(entry)}: expected money below {MAX_MONEY}")

    def cash_in(self, entry: LedgerEntry) -> None:
        self._cash += entry.amount

    def cash_out(self, entry: LedgerEntry) -> None:
        self._cash -= entry.amount

    def commit_capital(self, entry: LedgerEntry) -> None:
        self._cash -= entry.amount
        self._unallocated += entry.amount

    def release_capital(self, entry: LedgerEntry) -> None:
        self._unallocated -= entry.amount
        self._cash += entry.amount

    def receive(self, entry: LedgerEntry) -> None:
        symbol = _symbol(entry)
        held = self._holdings.get(symbol, Holding(symbol, ZERO, ZERO))
        self._hold(entry, held.quantity + entry.quantity, held.basis + entry.amount)

    def deliver(self, entry: LedgerEntry) -> None:
        held = self._held(entry)
        self._hold(entry, held.quantity - entry.quantity, held.basis - entry.amount)

    def buy(self, entry: LedgerEntry) -> None:
        self.cash_out(entry)
        self.receive(entry)

    def sell(self, entry: LedgerEntry) -> None:
        held = self._held(entry)
        left = held.basis - basis_of(held, entry.quantity) if held.quantity else ZERO
        self._hold(entry, held.quantity - entry.quantity, left)
        self.cash_in(entry)

    def split(self, entry: LedgerEntry) -> None:
        self._hold(entry, entry.quantity, self._held(entry).basis)

    def _held(self, entry: LedgerEntry) -> Holding:
        symbol = _symbol(entry)
        held = self._holdings.get(symbol)
        if held is None or (entry.kind is not EntryKind.SPLIT and entry.quantity > held.quantity):
            raise LedgerError(f"{_named(entry)}: only {held.quantity if held else 0} of {symbol} are held")
        return held

    def _hold(self, entry: LedgerEntry, units: Decimal, basis: Decimal) -> None:
        symbol = _symbol(entry)
        if units >= MAX_QUANTITY or basis >= MAX_MONEY:
            raise LedgerError(f"{_named(entry)}: expected a quantity below {MAX_QUANTITY}, a basis below {MAX_MONEY}")
        if basis < 0 or (units == 0 and basis != 0):
            raise LedgerError(f"{_named(entry)}: would leave {units} of {symbol} with a basis of {basis}")
        if units == 0:
            del self._holdings[symbol]
        else:
            self._holdings[symbol] = Holding(symbol, units, basis)


_EFFECTS: dict[EntryKind, Callable[[_Draft, LedgerEntry], None]] = {
    EntryKind.DEPOSIT: _Draft.cash_in,
    EntryKind.WITHDRAWAL: _Draft.cash_out,
    EntryKind.CAPITAL_COMMITTED: _Draft.commit_capital,
    EntryKind.CAPITAL_RELEASED: _Draft.release_capital,
    EntryKind.TRANSFER_IN: _Draft.receive,
    EntryKind.TRANSFER_OUT: _Draft.deliver,
    EntryKind.BUY: _Draft.buy,
    EntryKind.SELL: _Draft.sell,
    EntryKind.DIVIDEND: _Draft.cash_in,
    EntryKind.SPLIT: _Draft.split,
    EntryKind.FEE: _Draft.cash_out,
}

_MOVES_UNITS = {EntryKind.TRANSFER_IN, EntryKind.TRANSFER_OUT, EntryKind.BUY, EntryKind.SELL, EntryKind.SPLIT}
_MAY_BE_FREE = {EntryKind.TRANSFER_IN, EntryKind.TRANSFER_OUT, EntryKind.SPLIT}


def _check_form(entry: LedgerEntry) -> None:
    if entry.amount != money(entry.amount) or entry.quantity != quantity(entry.quantity):
        raise LedgerError(f"{_named(entry)}: expected money to the cent and a quantity to 1e-8")
    if entry.amount < 0 or (entry.amount == 0 and entry.kind not in _MAY_BE_FREE):
        raise LedgerError(f"{_named(entry)}: expected a positive amount")
    if entry.kind in _MOVES_UNITS:
        if entry.quantity <= 0:
            raise LedgerError(f"{_named(entry)}: expected a positive quantity")
        _symbol(entry)


def _symbol(entry: LedgerEntry) -> str:
    if entry.symbol is None:
        raise LedgerError(f"{_named(entry)}: expected a symbol")
    return entry.symbol


def _named(entry: LedgerEntry) -> str:
    units = f" {entry.quantity} {entry.symbol}" if entry.symbol else ""
    return f"{entry.kind} {entry.amount}{units}"

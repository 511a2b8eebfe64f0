"""Start-up is recovery: every ledger is folded again and must agree with what is stored beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, select

from portfolio_service.adapters.storage import audit, rows, tables
from portfolio_service.adapters.storage.history import history_faults
from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.ledger import LedgerError, fold
from portfolio_service.domain.models import Book, Holding, Portfolio

UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)  # a flipped byte in a value


class BooksDamaged(Unavailable):
    """The stored books contradict their ledger: the service refuses to serve. The message names every difference."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("books_damaged", "the stored books contradict their ledger: " + "; ".join(faults))


def load(connection: Connection, portfolio_id: str | None = None) -> list[Portfolio]:
    """Every portfolio that is not archived, or that one; BooksDamaged when any of them does not add up."""
    try:
        loaded, faults = _fold_all(connection, portfolio_id)
        if portfolio_id is None:
            faults += history_faults(connection)
    except UNREADABLE as error:
        raise BooksDamaged([f"a stored value cannot be read: {error!r}"]) from error
    if faults:
        raise BooksDamaged(faults)
    return loaded


def book_faults(connection: Connection, stopped: Callable[[], bool] = lambda: False) -> list[str]:
    """What `load` would refuse the books for."""
    return _fold_all(connection, None, stopped)[1] + history_faults(connection)


def _fold_all(
    connection: Connection, portfolio_id: str | None, stopped: Callable[[], bool] = lambda: False
) -> tuple[list[Portfolio], list[str]]:
    born = tables.audit.c.audit_id  # tells which of two portfolios of one moment came first
    first = (tables.audit.c.portfolio_id == tables.portfolios.c.portfolio_id) & (tables.audit.c.version == 1)
    every = _live(select(tables.portfolios).outerjoin(tables.audit, first), portfolio_id)
    found = connection.execute(every.order_by(tables.portfolios.c.created_at, born))
    ledgers = _by_portfolio(connection, tables.ledger, rows.ENTRY, tables.ledger.c.entry_id, portfolio_id)
    positions = _by_portfolio(connection, tables.positions, rows.HOLDING, tables.positions.c.symbol, portfolio_id)
    loaded, faults = [], []
    for row in found.all():
        if stopped():
            break
        try:
            book = fold(rows.entry_of(*entry) for entry in ledgers.get(row.portfolio_id, []))
        except LedgerError as error:
            faults.append(f"{row.portfolio_id}: its ledger does not add up: {error}")
            continue
        portfolio = rows.portfolio_of(row, book)
        stored = {holding[0]: Holding(*holding) for holding in positions.get(row.portfolio_id, [])}
        faults += [f"{row.portfolio_id}: {fault}" for fault in _faults(row, portfolio, stored)]
        loaded.append(portfolio)
    return loaded, faults


def _live(query: Any, portfolio_id: str | None) -> Any:
    query = query.where(tables.portfolios.c.status != "archived")
    return query if portfolio_id is None else query.where(tables.portfolios.c.portfolio_id == portfolio_id)


def _by_portfolio(
    connection: Connection, table: Any, columns: Sequence[Any], order: Any, portfolio_id: str | None
) -> dict[str, list[Sequence[Any]]]:
    """The values of `columns`, in `order`, of each portfolio."""
    query = select(table.c.portfolio_id, *columns)
    query = query.join(tables.portfolios, table.c.portfolio_id == tables.portfolios.c.portfolio_id)
    ordered = connection.execute(_live(query, portfolio_id).order_by(table.c.portfolio_id, order)).all()
    return {owner: [row[1:] for row in group] for owner, group in groupby(ordered, key=itemgetter(0))}


def _faults(row: Row[Any], portfolio: Portfolio, stored_holdings: dict[str, Holding]) -> Iterator[str]:
    book = portfolio.book
    for name, stored, folded in (
        ("cash_balance", row.cash_balance, book.cash),
        ("unallocated_capital", row.unallocated_capital, book.unallocated_capital),
    ):
        if stored != folded:
            yield f"{name} is {stored}, its ledger says {folded}"
    yield from _different_holdings(stored_holdings, book)
    if row.state_hash != audit.state_hash(portfolio):
        yield "its state does not have the hash that was stored with it"


def _different_holdings(stored: dict[str, Holding], book: Book) -> Iterator[str]:
    for symbol in sorted(stored.keys() | book.holdings.keys()):
        there, here = stored.get(symbol), book.holdings.get(symbol)
        if there != here:
            yield f"position {symbol} is {_shown(there)}, its ledger says {_shown(here)}"


def _shown(holding: Holding | None) -> str:
    return "absent" if holding is None else f"{holding.quantity} units with a basis of {holding.basis}"

"""Money paid in and taken out, and the record of everything that came from outside or left."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from portfolio_service.domain import events
from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import Conflict, FieldError, Unacceptable, Unavailable
from portfolio_service.domain.ledger import LedgerError, apply_entries, external_flow
from portfolio_service.domain.models import (
    Actor,
    Change,
    EntryKind,
    ExternalFlow,
    FlowTotals,
    LedgerEntry,
    Portfolio,
    Position,
)
from portfolio_service.domain.money import CENT, MAX_MONEY, ZERO, money
from portfolio_service.domain.ports import Clock, ExternalFlows
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.statement import CLIENT
from portfolio_service.domain.valuation import value

# of a statement: what it releases of the capital leaves with it, and is no withdrawal of anybody's
STATED = {EntryKind.TRANSFER_IN, EntryKind.TRANSFER_OUT, EntryKind.CAPITAL_RELEASED}


def moved(entries: Sequence[LedgerEntry]) -> tuple[str, Decimal, datetime] | None:
    """Kind, net amount and time of what the entries of one change brought in (+) or took out (-); None for nothing."""
    amount = sum((external_flow(entry) for entry in entries), ZERO)
    if amount == 0:
        return None
    transfer = any(entry.kind in STATED for entry in entries)
    return "transfer" if transfer else "deposit" if amount > 0 else "withdrawal", amount, entries[0].recorded_at


def flow_of(change: Change) -> ExternalFlow | None:
    """What `change` brought in or took out, with the value of the books right after it; None when nothing moved.

    The value is unknown when a position has no current price of the portfolio's own source: a return is then estimated
    over that moment, never computed from a stale price.
    """
    found = moved(change.entries)
    if found is None:
        return None
    kind, amount, at = found
    portfolio = change.portfolio
    known = portfolio.valuation is not None and all(
        _known(position, portfolio.provider) for position in portfolio.valuation.positions.values()
    )
    return ExternalFlow(
        portfolio_id=portfolio.portfolio_id,
        version=portfolio.version,
        kind=kind,
        amount=amount,
        value_after=portfolio.valuation.total_value if known and portfolio.valuation else None,
        note=change.note,
        recorded_at=at,
    )


def _known(position: Position, provider: str) -> bool:
    if position.price_source == CLIENT:
        return True
    return position.price_source == provider and not position.stale


@dataclass(frozen=True)
class CashMove:
    """A deposit or withdrawal that is done."""

    portfolio: Portfolio
    kind: EntryKind
    amount: Decimal


class CashService:
    """Deposits and withdrawals: each is one ledger entry and an external flow, never performance."""

    def __init__(self, *, books: Books, prices: Prices, flows: ExternalFlows, clock: Clock) -> None:
        self._books = books
        self._prices = prices
        self._flows = flows
        self._clock = clock

    async def deposit(
        self, portfolio_id: str, amount: Decimal, note: str | None, actor: Actor, if_match: int | None = None
    ) -> CashMove:
        """Adds `amount` to the cash."""
        return await self._move(EntryKind.DEPOSIT, portfolio_id, amount, note, actor, if_match)

    async def withdraw(
        self, portfolio_id: str, amount: Decimal, note: str | None, actor: Actor, if_match: int | None = None
    ) -> CashMove:
        """Takes `amount` from the cash; Conflict("insufficient_cash") when there is less."""
        return await self._move(EntryKind.WITHDRAWAL, portfolio_id, amount, note, actor, if_match)

    async def listing(
        self, portfolio_id: str, limit: int, offset: int
    ) -> tuple[Sequence[ExternalFlow], int, FlowTotals]:
        """External flows newest first, how many there are in all, and their sums."""
        self._books.get(portfolio_id)
        found, count = await self._flows.page(portfolio_id, limit, offset)
        return found, count, await self._flows.totals(portfolio_id)

    async def _move(
        self, kind: EntryKind, portfolio_id: str, amount: Decimal, note: str | None, actor: Actor, if_match: int | None
    ) -> CashMove:
        amount = _checked(amount)
        async with self._books.lock(portfolio_id):
            portfolio = self._books.get(portfolio_id)
            self._books.check_version(portfolio, if_match)
            if kind is EntryKind.WITHDRAWAL and amount > portfolio.book.cash:
                raise Conflict("insufficient_cash", _too_much(portfolio, amount))
            with suppress(Unavailable):  # cash moves without a market; the books' value at the moment is then unknown
                await self._prices.current(list(portfolio.book.holdings))
            now = self._clock.now()
            entries = (LedgerEntry(kind, amount, now),)
            after = self._after(portfolio, entries)
            assert after.valuation is not None
            told = (events.position_updated(portfolio_id, after.valuation, now),)
            move = CashMove(after, kind, amount)
            await self._books.apply(
                Change(
                    f"portfolio.{kind.value}",
                    after,
                    portfolio.version,
                    actor,
                    now,
                    entries,
                    events=told,
                    receipt=actor.receipt(after, move),
                    note=note,
                )
            )
            return move

    def _after(self, portfolio: Portfolio, entries: tuple[LedgerEntry, ...]) -> Portfolio:
        try:
            book = apply_entries(portfolio.book, entries)
        except LedgerError as error:
            raise _wrong(str(error)) from error
        after = replace(portfolio, book=book, version=portfolio.version + 1)
        valuation = value(after, self._prices, self._clock.now())
        if valuation.total_value >= MAX_MONEY:
            raise _wrong(f"expected a total value below {MAX_MONEY:.0e}, would be {valuation.total_value}")
        return replace(after, valuation=valuation)


def _checked(amount: Decimal) -> Decimal:
    if not amount.is_finite() or not CENT <= amount < MAX_MONEY:
        raise _wrong(f"expected an amount from {CENT} to below {MAX_MONEY:.0e}, got {amount}")
    return money(amount)


def _too_much(portfolio: Portfolio, amount: Decimal) -> str:
    book = portfolio.book
    detail = f"withdraw {amount}: the cash is {book.cash}"
    if book.unallocated_capital:
        return f"{detail}; {book.unallocated_capital} of unallocated capital is set aside for the first investment"
    return f"{detail}; sell with a rebalance first" if book.holdings else detail


def _wrong(message: str) -> Unacceptable:
    return Unacceptable("out_of_range", f"amount: {message}", [FieldError("amount", message)])

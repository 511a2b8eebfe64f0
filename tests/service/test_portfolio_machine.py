"""Random lives of several portfolios: after every step the books balance to the cent and cash is accounted for."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from portfolio_service.adapters.storage import SqlRepository
from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import Conflict, DomainError, Unacceptable
from portfolio_service.domain.models import EntryKind, Portfolio
from portfolio_service.domain.portfolio import NewPortfolio, PositionUpdate
from portfolio_service.domain.rebalancing import RebalanceRequest
from tests.service.fakes import ACTOR, Desk, ManualClock, TableMarket

T = TypeVar("T")
D = Decimal
SYMBOLS = ["AAPL", "BRK", "PENNY", "NVDA"]
START_PRICES = {"AAPL": "227.16", "BRK": "712345.67", "PENNY": "0.00001234", "NVDA": "178.01"}
CASH = {
    EntryKind.DEPOSIT: 1, EntryKind.SELL: 1, EntryKind.CAPITAL_RELEASED: 1,
    EntryKind.WITHDRAWAL: -1, EntryKind.BUY: -1, EntryKind.FEE: -1, EntryKind.CAPITAL_COMMITTED: -1,
}  # fmt: skip
UNITS = {EntryKind.BUY: 1, EntryKind.TRANSFER_IN: 1, EntryKind.SELL: -1, EntryKind.TRANSFER_OUT: -1}

some_symbols = st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=4, unique=True)
money = st.integers(1, 10**9).map(lambda cents: D(cents).scaleb(-2))
quantities = st.integers(0, 10**12).map(lambda n: D(n).scaleb(-8))


@st.composite
def statements(draw: st.DrawFn) -> list[PositionUpdate]:
    return [
        PositionUpdate(symbol, draw(quantities), draw(st.none() | money), draw(st.none() | money))
        for symbol in draw(some_symbols)
    ]


@st.composite
def weights(draw: st.DrawFn) -> dict[str, float]:
    parts = {symbol: draw(st.integers(0, 100)) for symbol in draw(some_symbols)}
    whole = max(1, sum(parts.values()), draw(st.integers(1, 200)))
    return {symbol: part / whole for symbol, part in parts.items()}


class Lives(RuleBasedStateMachine):
    """On a real database, read again from disk at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = ManualClock()
        self.market = TableMarket(self.clock, START_PRICES)
        self.repository = self.run(self.open())
        self.desk = Desk(self.clock, self.market, self.repository, max_portfolios=3)
        self.before: dict[str, Portfolio] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def open(self) -> SqlRepository:
        self.folder = tempfile.TemporaryDirectory()
        return await SqlRepository.open(Path(self.folder.name) / "portfolio.db")

    def attempt(self, work: Coroutine[Any, Any, Portfolio | None], *refusals: str) -> Portfolio | None:
        """A change that may be refused for the named reasons only, and then leaves everything as it was."""
        before = {p.portfolio_id: p for p in self.desk.books.all()}
        try:
            return self.run(work)
        except DomainError as refusal:
            assert refusal.code in refusals, refusal.detail  # noqa: PT017 - the codes are the test
            assert {p.portfolio_id: p for p in self.desk.books.all()} == before
            return None

    def any_id(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from([p.portfolio_id for p in self.desk.books.all()]))

    @rule(initial=money, share=st.integers(0, 100), symbols=st.none() | some_symbols)
    def create(self, initial: Decimal, share: int, symbols: list[str] | None) -> None:
        cash = (initial * share / 100).quantize(D("0.01"))
        new = NewPortfolio("P", initial, cash, symbols=tuple(symbols) if symbols else None)
        made = self.attempt(
            self.desk.portfolios.create(new, ACTOR), "portfolio_limit_reached", "nothing_to_invest", "out_of_range"
        )
        if made:
            assert self.desk.value(made.portfolio_id).total_value == initial

    @rule(symbol=st.sampled_from(SYMBOLS), change=st.decimals("0.2", "5", places=3))
    def tick(self, symbol: str, change: Decimal) -> None:
        self.clock.advance(1000)  # held prices are stale now: the next request asks again
        self.market.table[symbol] = max(D("1e-8"), (self.market.table[symbol] * change).quantize(D("1e-8")))

    @precondition(lambda self: self.desk.books.all())
    @rule(data=st.data(), updates=statements(), replace_all=st.booleans())
    def state(self, data: st.DataObject, updates: list[PositionUpdate], replace_all: bool) -> None:
        own = self.any_id(data)
        cash = self.desk.books.get(own).book.cash
        after = self.attempt(self.desk.portfolios.update_positions(own, updates, replace_all, ACTOR), "out_of_range")
        if after:
            assert after.book.cash == cash
            stated = {u.symbol: u.quantity for u in updates if u.quantity}
            held = {s: h.quantity for s, h in after.book.holdings.items() if replace_all or s in stated}
            assert held == stated

    @precondition(lambda self: self.desk.books.all())
    @rule(
        data=st.data(), wanted=weights(), threshold=st.sampled_from([0.0, 0.01, 0.2]), least=st.booleans(),
        full=st.booleans(),
    )  # fmt: skip
    def rebalance(
        self, data: st.DataObject, wanted: Mapping[str, float], threshold: float, least: bool, full: bool
    ) -> None:
        own = self.any_id(data)
        request = RebalanceRequest(wanted, threshold, least, full)
        prices = self.run(self.desk.prices.current(SYMBOLS))
        book = self.desk.books.get(own).book
        worth_before = sum(round(h.quantity * prices[s].price, 2) for s, h in book.holdings.items())
        total_before = worth_before + book.cash + book.unallocated_capital

        async def trade() -> Portfolio:
            dry = await self.desk.rebalancing.rebalance(own, replace(request, dry_run=True), ACTOR)
            done = await self.desk.rebalancing.rebalance(own, request, ACTOR)
            assert [(t.symbol, t.value) for t in dry.trades] == [(t.symbol, t.value) for t in done.trades]
            cost = sum(t.cost for t in done.trades)
            change = self.desk.value(own).total_value - total_before + cost
            assert abs(change) <= D("0.01") * max(1, len(done.trades)), "only costs and rounding are lost"
            return done.portfolio

        self.attempt(trade(), "unnamed_positions", "cannot_rebalance", "out_of_range")

    @precondition(lambda self: self.desk.books.all())
    @rule(data=st.data())
    def archive(self, data: st.DataObject) -> None:
        own = self.any_id(data)
        self.attempt(self.desk.portfolios.archive(own, ACTOR))
        self.before.pop(own)
        assert own not in {p.portfolio_id for p in self.desk.books.all()}

    @precondition(lambda self: self.desk.books.all())
    @rule(data=st.data())
    def refused(self, data: st.DataObject) -> None:
        """What cannot be done leaves no trace."""
        own = self.any_id(data)
        before = self.desk.books.get(own)
        for work in (
            self.desk.rebalancing.rebalance(own, RebalanceRequest({"AAPL": 1.1}), ACTOR),
            self.desk.rebalancing.rebalance(own, RebalanceRequest(), ACTOR),
            self.desk.portfolios.update_positions(own, [PositionUpdate("NOPE", D(1))], False, ACTOR),
        ):
            try:
                self.run(work)
            except (Conflict, Unacceptable):
                assert self.desk.books.get(own) is before
            else:
                raise AssertionError("expected a refusal")

    @invariant()
    def books_balance(self) -> None:
        for portfolio in self.desk.books.all():
            value, book = self.desk.value(portfolio.portfolio_id), portfolio.book
            parts = sum((p.market_value for p in value.positions.values()), book.cash + book.unallocated_capital)
            assert value.total_value == parts == round(parts, 2)
            assert min(book.cash, book.unallocated_capital) >= 0
            assert set(portfolio.client_prices) <= set(book.holdings)

    @invariant()
    def the_ledger_says_the_same(self) -> None:
        """Cash and units summed up from the ledger alone, as fractions, without the fold."""
        for portfolio in self.desk.books.all():
            if self.before.get(portfolio.portfolio_id) == portfolio:
                continue
            entries = self.run(self.repository.ledger(portfolio.portfolio_id))
            cash = sum(CASH.get(e.kind, 0) * Fraction(e.amount) for e in entries)
            assert cash == Fraction(portfolio.book.cash)
            for symbol in SYMBOLS:
                units = sum(UNITS.get(e.kind, 0) * Fraction(e.quantity) for e in entries if e.symbol == symbol)
                held = portfolio.book.holdings.get(symbol)
                assert units == (Fraction(held.quantity) if held else 0)
            self.before[portfolio.portfolio_id] = portfolio

    def teardown(self) -> None:
        async def read_again() -> None:
            assert await self.repository.verify_audit() == []
            await self.repository.close()
            self.repository = await SqlRepository.open(Path(self.folder.name) / "portfolio.db")
            books = Books(self.repository)
            await books.load()
            assert {p.portfolio_id: p for p in books.all()} == {p.portfolio_id: p for p in self.desk.books.all()}
            await self.repository.close()

        self.run(read_again())
        self.runner.close()
        self.folder.cleanup()


QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def test_random_lives_balance_at_every_step_and_survive_on_disk() -> None:
    run_state_machine_as_test(
        Lives, settings=settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=QUIET)
    )

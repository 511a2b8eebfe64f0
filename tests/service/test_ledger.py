"""The ledger: what each entry does, what it refuses, and that a fold is the same in one go or step by step."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio_service.domain.ledger import LedgerError, apply_entries, apply_entry, basis_of, external_flow, fold
from portfolio_service.domain.models import Book, EntryKind, Holding, LedgerEntry
from tests.service.fakes import START

D = Decimal
K = EntryKind


def entry(kind: EntryKind, amount: str = "0", symbol: str | None = None, units: str = "0", price: str = "0") -> Any:
    return LedgerEntry(kind, D(amount), START, symbol, D(units), D(price))


HELD = Book(D(1000), D(500), {"A": Holding("A", D(3), D("100.00"))})


@pytest.mark.parametrize(
    ("line", "cash", "unallocated", "units", "basis"),
    [
        (entry(K.DEPOSIT, "10"), "1010", "500", "3", "100"),
        (entry(K.WITHDRAWAL, "1000"), "0", "500", "3", "100"),
        (entry(K.CAPITAL_COMMITTED, "250"), "750", "750", "3", "100"),
        (entry(K.CAPITAL_RELEASED, "500"), "1500", "0", "3", "100"),
        (entry(K.TRANSFER_IN, "7.50", "A", "0.5"), "1000", "500", "3.5", "107.50"),
        (entry(K.TRANSFER_OUT, "40", "A", "1"), "1000", "500", "2", "60"),
        (entry(K.BUY, "99.99", "A", "2"), "900.01", "500", "5", "199.99"),
        (entry(K.SELL, "80", "A", "1"), "1080", "500", "2", "66.67"),
        (entry(K.DIVIDEND, "1.23", "A"), "1001.23", "500", "3", "100"),
        (entry(K.SPLIT, "0", "A", "12"), "1000", "500", "12", "100"),
        (entry(K.FEE, "0.05"), "999.95", "500", "3", "100"),
    ],
)
def test_each_kind_does_exactly_this(line: Any, cash: str, unallocated: str, units: str, basis: str) -> None:
    after = apply_entry(HELD, line)
    assert (after.cash, after.unallocated_capital) == (D(cash), D(unallocated))
    assert after.holdings["A"] == Holding("A", D(units), D(basis))
    assert HELD.holdings["A"].quantity == 3


def test_the_last_unit_takes_the_whole_basis_with_it() -> None:
    after = apply_entry(HELD, entry(K.SELL, "1", "A", "3"))
    assert after.holdings == {}
    assert basis_of(Holding("A", D(3), D("0.01")), D(1)) == D("0.00")
    assert basis_of(Holding("A", D(3), D("0.01")), D(3)) == D("0.01")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (entry(K.WITHDRAWAL, "1000.01"), "would leave cash -0.01"),
        (entry(K.BUY, "1000.01", "A", "1"), "would leave cash"),
        (entry(K.CAPITAL_RELEASED, "500.01"), "unallocated -0.01"),
        (entry(K.SELL, "1", "A", "3.00000001"), "only 3 of A are held"),
        (entry(K.SELL, "1", "B", "1"), "only 0 of B are held"),
        (entry(K.TRANSFER_OUT, "100.01", "A", "1"), "basis"),
        (entry(K.TRANSFER_OUT, "99", "A", "3"), "would leave 0 of A with a basis of 1"),
        (entry(K.SPLIT, "0", "B", "1"), "only 0 of B are held"),
        (entry(K.DEPOSIT, "0"), "positive amount"),
        (entry(K.DEPOSIT, "-1"), "positive amount"),
        (entry(K.DEPOSIT, "0.001"), "to the cent"),
        (entry(K.BUY, "1", "A", "0.000000001"), "1e-8"),
        (entry(K.BUY, "1", "A", "0"), "positive quantity"),
        (entry(K.BUY, "1", None, "1"), "expected a symbol"),
        (entry(K.DEPOSIT, "999999999999"), "below"),
        (entry(K.TRANSFER_IN, "1", "A", "9e10"), "below"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(line: Any, reason: str) -> None:
    with pytest.raises(LedgerError, match=reason):
        apply_entry(HELD, line)


def test_several_entries_are_all_or_none() -> None:
    with pytest.raises(LedgerError):
        apply_entries(HELD, [entry(K.DEPOSIT, "5"), entry(K.WITHDRAWAL, "5000")])
    assert HELD.cash == 1000


def test_only_what_crosses_the_border_is_an_external_flow() -> None:
    moved = entry(K.TRANSFER_IN, "50", "A", "2", "30")
    assert external_flow(moved) == 60
    assert external_flow(replace(moved, kind=K.TRANSFER_OUT)) == -60
    assert external_flow(entry(K.DEPOSIT, "5")) == 5
    assert external_flow(entry(K.WITHDRAWAL, "5")) == -5
    inside = set(K) - {K.DEPOSIT, K.WITHDRAWAL, K.TRANSFER_IN, K.TRANSFER_OUT}
    assert all(external_flow(entry(kind, "5", "A", "1", "5")) == 0 for kind in inside)


cents = st.integers(0, 10**8).map(lambda n: D(n).scaleb(-2))
units = st.integers(1, 10**12).map(lambda n: D(n).scaleb(-8))
lines = st.builds(
    lambda kind, amount, symbol, quantity: LedgerEntry(kind, amount, START, symbol, quantity),
    st.sampled_from(K),
    cents,
    st.sampled_from(["A", "B", "C"]),
    units,
)
CASH_SIGN = {
    K.DEPOSIT: 1, K.DIVIDEND: 1, K.SELL: 1, K.CAPITAL_RELEASED: 1,
    K.WITHDRAWAL: -1, K.FEE: -1, K.BUY: -1, K.CAPITAL_COMMITTED: -1,
}  # fmt: skip


@given(st.lists(lines, max_size=40))
def test_any_sequence_folds_to_a_sane_book_and_cash_is_the_signed_sum(found: list[LedgerEntry]) -> None:
    book, taken = Book(), []
    for line in [entry(K.DEPOSIT, "5000000"), *found]:
        try:
            book = apply_entry(book, line)
        except LedgerError:
            continue
        taken.append(line)
        assert book.cash >= 0
        assert book.unallocated_capital >= 0
        assert all(held.quantity > 0 and held.basis >= 0 for held in book.holdings.values())
    assert fold(taken) == book
    assert book.cash == sum(CASH_SIGN.get(line.kind, 0) * line.amount for line in taken)
    middle = len(taken) // 2
    assert apply_entries(fold(taken[:middle]), taken[middle:]) == book

"""Creating and archiving: the money adds up to the cent from the first moment."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio_service.domain.errors import Conflict, NotFound, Unacceptable, Unavailable
from portfolio_service.domain.ledger import fold
from portfolio_service.domain.models import EntryKind, Price
from portfolio_service.domain.money import worth
from portfolio_service.domain.opening import opening_money, opening_split
from portfolio_service.domain.portfolio import NewPortfolio
from tests.service.fakes import ACTOR, START, open_desk

pytestmark = pytest.mark.usefixtures("desks")

D = Decimal
TECH = {"AAPL": "227.16", "GOOGL": "208.49", "MSFT": "507.23", "NVDA": "178", "TSLA": "340.01"}
NEW = NewPortfolio("Tech Focus Portfolio", D(250000), D(25000), symbols=tuple(TECH))


async def test_without_symbols_all_but_cash_is_unallocated() -> None:
    desk, _, repository = await open_desk({})
    portfolio = await desk.portfolios.create(NewPortfolio("Growth", D(500000), D(50000)), ACTOR)
    assert re.fullmatch("port_[0-9a-f]{12}", portfolio.portfolio_id)
    assert (portfolio.book.cash, portfolio.book.unallocated_capital) == (50000, 450000)
    assert desk.value(portfolio.portfolio_id).total_value == 500000
    (change,) = repository.changes
    assert [entry.kind for entry in change.entries] == [EntryKind.DEPOSIT, EntryKind.CAPITAL_COMMITTED]
    (created,) = change.events
    assert created.topic == "portfolio.created"
    assert created.payload == {
        "portfolio_id": portfolio.portfolio_id,
        "portfolio_name": "Growth",
        "initial_value": 500000.0,
        "symbols": [],
        "timestamp": "2025-08-25T15:00:00Z",
    }


async def test_cash_defaults_to_a_tenth_and_may_be_everything_or_nothing() -> None:
    desk, _, _ = await open_desk({})
    book = (await desk.portfolios.create(NewPortfolio("P"), ACTOR)).book
    assert (book.cash, book.unallocated_capital) == (10000, 90000)
    book = (await desk.portfolios.create(NewPortfolio("P", D(100), D(100)), ACTOR)).book
    assert (book.cash, book.unallocated_capital) == (100, 0)
    book = (await desk.portfolios.create(NewPortfolio("P", D(100), D(0)), ACTOR)).book
    assert (book.cash, book.unallocated_capital) == (0, 100)


async def test_with_symbols_every_one_gets_the_same_and_the_total_is_exact() -> None:
    desk, _, _ = await open_desk(TECH)
    portfolio = await desk.portfolios.create(NEW, ACTOR)
    valuation = desk.value(portfolio.portfolio_id)
    assert portfolio.valuation == valuation
    assert valuation.total_value == 250000
    assert valuation.cash_balance == 25000
    assert list(valuation.positions) == list(TECH)
    assert {p.market_value for p in valuation.positions.values()} == {D(45000)}
    assert {p.unrealized_pnl for p in valuation.positions.values()} == {D(0)}
    assert portfolio.provider == "table"


async def test_symbols_are_cleaned_and_taken_once() -> None:
    desk, _, _ = await open_desk(TECH)
    portfolio = await desk.portfolios.create(replace(NEW, symbols=(" aapl", "MSFT ", "AAPL")), ACTOR)
    assert list(portfolio.book.holdings) == ["AAPL", "MSFT"]


async def test_unknown_symbols_are_all_named_with_the_way_out() -> None:
    desk, _, repository = await open_desk(TECH)
    with pytest.raises(Unacceptable) as failure:
        await desk.portfolios.create(replace(NEW, symbols=("AAPL", "NOPE", "ZZZ")), ACTOR)
    assert failure.value.code == "unknown_symbol"
    assert "NOPE, ZZZ" in failure.value.detail
    assert "knows 5 symbols" in failure.value.detail
    assert "--prices FILE" in failure.value.detail
    assert [error.message for error in failure.value.errors] == ["unknown symbol 'NOPE'", "unknown symbol 'ZZZ'"]
    assert repository.changes == []
    assert desk.books.all() == []


@pytest.mark.parametrize(
    ("new", "code", "words"),
    [
        (replace(NEW, initial_value=D(0)), "out_of_range", "initial_value: expected more than zero, got 0"),
        (replace(NEW, initial_value=D("1e12")), "out_of_range", "initial_value"),
        (replace(NEW, initial_value=D("NaN")), "out_of_range", "initial_value"),
        (replace(NEW, cash_balance=D(-1)), "out_of_range", "cash_balance"),
        (replace(NEW, cash_balance=D("250000.01")), "cash_exceeds_initial_value", "cannot exceed"),
        (replace(NEW, cash_balance=D(250000)), "nothing_to_invest", "AAPL would get 0"),
        (replace(NEW, initial_value=D("0.04"), cash_balance=D(0)), "nothing_to_invest", "TSLA would get 0"),
        (replace(NEW, symbols=()), "invalid_symbol", "at least one"),
        (replace(NEW, symbols=("AAPL", " ")), "invalid_symbol", "empty"),
    ],
)
async def test_wrong_input_is_refused_and_leaves_nothing(new: NewPortfolio, code: str, words: str) -> None:
    desk, _, repository = await open_desk(TECH)
    with pytest.raises(Unacceptable, match=words) as failure:
        await desk.portfolios.create(new, ACTOR)
    assert failure.value.code == code
    assert repository.changes == []


async def test_without_a_market_symbols_cannot_be_bought() -> None:
    desk, market, _ = await open_desk(TECH)
    market.down = True
    with pytest.raises(Unavailable) as failure:
        await desk.portfolios.create(NEW, ACTOR)
    assert failure.value.code == "market_data_unavailable"
    await desk.portfolios.create(NewPortfolio("needs no price"), ACTOR)


async def test_the_limit_holds_under_concurrency_and_archiving_frees_a_slot() -> None:
    desk, _, _ = await open_desk({}, max_portfolios=3)
    done = await asyncio.gather(
        *(desk.portfolios.create(NewPortfolio(f"P{i}"), ACTOR) for i in range(8)), return_exceptions=True
    )
    refused = [outcome for outcome in done if isinstance(outcome, Conflict)]
    assert len(refused) == 5
    assert {outcome.code for outcome in refused} == {"portfolio_limit_reached"}
    first = desk.books.all()[0]
    await desk.portfolios.archive(first.portfolio_id, ACTOR)
    with pytest.raises(NotFound):
        desk.books.get(first.portfolio_id)
    with pytest.raises(NotFound):
        await desk.portfolios.trades(first.portfolio_id, 10, 0)
    with pytest.raises(NotFound):
        await desk.portfolios.archive(first.portfolio_id, ACTOR)
    assert len({p.portfolio_id for p in desk.books.all()}) == 2
    await desk.portfolios.create(NewPortfolio("again"), ACTOR)


@given(
    initial=st.integers(10**4, 10**14 - 1).map(lambda cents: D(cents).scaleb(-2)),
    share=st.integers(0, 90),
    prices=st.lists(st.integers(1, 9 * 10**18 - 1).map(lambda n: D(n).scaleb(-8)), min_size=1, max_size=12),
)
def test_any_split_adds_up_to_the_initial_value(initial: Decimal, share: int, prices: list[Decimal]) -> None:
    initial, cash = opening_money(initial, (initial * share / 100).quantize(D("0.01")))
    quotes = {f"S{i}": Price(f"S{i}", price, START, "test") for i, price in enumerate(prices)}
    units = [(initial - cash) / len(prices) / price for price in prices]
    if min(units) < D("2e-8") or max(units) > D("8.9e10"):
        return  # less than one unit of 1e-8, or too many: refused, see above
    entries = opening_split(initial, cash, list(quotes), quotes, START)
    book = fold(entries)
    assert list(book.holdings) == list(quotes)
    values = [worth(held.quantity, quotes[s].price) for s, held in book.holdings.items()]
    assert book.cash + sum(values) == initial
    assert cash <= book.cash
    share_in_cents = (initial - cash) / len(prices)
    for price, value in zip(prices, values, strict=True):
        # within a cent of the equal share, or within what one unit of 1e-8 is worth
        assert abs(value - share_in_cents) <= D("0.01") + price.scaleb(-8)
    if all(price < 10**6 for price in prices):
        assert book.cash == cash

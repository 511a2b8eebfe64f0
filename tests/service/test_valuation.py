"""Valuation: exact to the cent for a request, vectorised for all portfolios on a tick, the two in agreement."""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio_service.domain.models import Price
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.valuation import LiveValuation, value
from tests.service.market_support import FRIDAY_NOON, BooksInMemory, FailingMarket, SetClock, portfolio_of


def _prices(**known: str) -> Prices:
    clock = SetClock()
    prices = Prices(FailingMarket(known, clock), clock)
    prices.put(Price(symbol, Decimal(price), clock.time, "fake") for symbol, price in known.items())
    return prices


def test_documented_opening_statement_is_worth_498215() -> None:
    portfolio = portfolio_of({"AAPL": ("1500", "225375.00"), "GOOGL": ("80", "222840.00")}, cash="50000")
    valuation = value(portfolio, _prices(AAPL="150.25", GOOGL="2785.50"), FRIDAY_NOON)
    assert valuation.total_value == Decimal("498215.00")
    assert valuation.positions["AAPL"].weight == pytest.approx(225375 / 498215)


def test_a_position_shows_where_its_price_comes_from() -> None:
    valuation = value(portfolio_of({"AAPL": ("10", "900.00")}), _prices(AAPL="100"), FRIDAY_NOON)
    position = valuation.positions["AAPL"]
    assert (position.market_value, position.unrealized_pnl, position.avg_cost) == (1000, 100, 90)
    assert (position.price_source, position.last_updated, position.stale) == ("fake", FRIDAY_NOON, False)


def test_a_position_without_a_price_counts_at_cost_and_says_so() -> None:
    valuation = value(portfolio_of({"NEW": ("3", "10.00")}, cash="5"), _prices(), FRIDAY_NOON)
    position = valuation.positions["NEW"]
    assert (position.price, position.price_source, position.stale) == (None, None, True)
    assert (position.market_value, valuation.total_value) == (10, 15)


def test_unallocated_capital_counts_and_an_empty_book_has_no_weights() -> None:
    assert value(portfolio_of({}, cash="50", unallocated="450"), _prices(), FRIDAY_NOON).total_value == 500
    worthless = value(portfolio_of({"X": ("1", "0.00")}), _prices(), FRIDAY_NOON)
    assert (worthless.total_value, worthless.positions["X"].weight) == (0, 0.0)


@given(
    st.lists(
        st.tuples(st.decimals("0.00000001", "1e6", places=8), st.decimals("0.0001", "1e5", places=4)),
        min_size=1,
        max_size=20,
    ),
    st.decimals("0", "1e9", places=2),
)
def test_the_total_is_the_sum_of_its_rounded_parts(rows: list[tuple[Decimal, Decimal]], cash: Decimal) -> None:
    holdings = {f"S{i}": (str(quantity), "1.00") for i, (quantity, _) in enumerate(rows)}
    prices = _prices(**{f"S{i}": str(price) for i, (_, price) in enumerate(rows)})
    valuation = value(portfolio_of(holdings, cash=str(cash)), prices, FRIDAY_NOON)
    assert valuation.total_value == cash + sum(p.market_value for p in valuation.positions.values())
    for (quantity, price), position in zip(rows, valuation.positions.values(), strict=True):
        assert abs(position.market_value - quantity * price) <= Decimal("0.005")
        assert position.market_value == round(position.market_value, 2)


def test_the_live_pass_agrees_with_the_exact_one() -> None:
    prices = _prices(AAPL="150.25", MSFT="33.3333")
    books = BooksInMemory()
    books.swap(portfolio_of({"AAPL": ("1.5", "1.00"), "MSFT": ("7", "1.00"), "NEW": ("2", "44.00")}, cash="3"))
    live = LiveValuation(books, prices)
    books.swap(portfolio_of({}, cash="10", unallocated="5", portfolio_id="port_empty"))
    books.swap(portfolio_of({"MSFT": ("3", "1.00")}, portfolio_id="port_b"))
    values = live.values()
    for portfolio in books.all():
        exact = value(portfolio, prices, FRIDAY_NOON)
        assert values.total(portfolio.portfolio_id) == pytest.approx(float(exact.total_value), abs=0.02)
        own = values.owners == values.portfolio_ids.index(portfolio.portfolio_id)
        weights = {values.symbols[c]: w for c, w in zip(values.columns[own], values.weights[own], strict=True)}
        assert weights == pytest.approx({s: p.weight for s, p in exact.positions.items()}, abs=1e-3)
    assert values.unpriced == 1
    assert live.total_aum() == pytest.approx(values.totals.sum())


def test_ticks_changes_and_archiving_reach_the_live_values() -> None:
    prices, books = _prices(AAPL="100"), BooksInMemory()
    live = LiveValuation(books, prices)
    assert live.total_aum() == 0.0
    assert live.symbols() == []
    books.swap(portfolio_of({"AAPL": ("2", "1.00")}))
    assert live.total_aum() == 200.0
    assert live.symbols() == ["AAPL"]
    tick = Price("AAPL", Decimal(110), FRIDAY_NOON + timedelta(seconds=1), "fake")
    assert live.on_ticks([tick]).total("port_a") == 220.0
    late = Price("AAPL", Decimal(1), FRIDAY_NOON, "fake")
    assert live.on_ticks([late]).total("port_a") == 220.0
    books.swap(portfolio_of({"AAPL": ("3", "1.00"), "NEW": ("1", "7.00")}))
    assert live.total_aum() == 337.0
    books.drop("port_a")
    assert live.total_aum() == 0.0
    assert live.symbols() == []


def test_a_thousand_portfolios_of_fifty_positions_are_revalued_in_one_quick_pass() -> None:
    rng = np.random.default_rng(1)
    symbols = [f"S{i}" for i in range(150)]
    prices, books = _prices(**dict.fromkeys(symbols, "10")), BooksInMemory()
    for k in range(1000):
        held = {symbol: ("1.5", "1.00") for symbol in rng.choice(symbols, 50, replace=False)}
        books.swap(portfolio_of(held, cash="1", portfolio_id=f"port_{k}"))
    live = LiveValuation(books, prices)
    ticks = [Price(s, Decimal(i + 1), FRIDAY_NOON + timedelta(seconds=1), "fake") for i, s in enumerate(symbols)]
    live.on_ticks(ticks)
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        values = live.on_ticks(ticks)
        seconds.append(time.perf_counter() - begin)
    first = books.all()[0]
    assert values.totals[0] == pytest.approx(1 + 1.5 * sum(int(s[1:]) + 1 for s in first.book.holdings))
    assert min(seconds) < 0.05

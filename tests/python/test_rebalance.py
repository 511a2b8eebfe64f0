"""Rebalancing plans: the decided rules row by row, and properties on random books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_engine.rebalance import RebalancePlan, UnnamedWeightsError, plan_rebalance

D = Decimal
CENT = D("0.01")
PRICES = {"AAPL": D("150"), "GOOGL": D("2800"), "MSFT": D("400")}


def sides(plan: RebalancePlan) -> dict[str, tuple[str, Decimal]]:
    return {trade.symbol: (trade.side, trade.value) for trade in plan.trades}


def test_from_cash_to_targets() -> None:
    plan = plan_rebalance({}, PRICES, 100_000, {"AAPL": 0.3, "GOOGL": 0.2, "MSFT": 0.4})
    assert sides(plan) == {"AAPL": ("buy", D(30000)), "GOOGL": ("buy", D("20000.00")), "MSFT": ("buy", D(40000))}
    assert plan.trades[0].quantity == 200
    assert plan.total_turnover == 90_000
    assert plan.execution_cost == 90
    assert plan.cash_after == D("9910.00")
    assert plan.rebalance_ratio == D("0.9")
    assert plan.total_value_after == plan.total_value_before - plan.execution_cost
    assert plan.buy_scale == 1


def test_fully_invested_buys_are_scaled_to_the_cash() -> None:
    plan = plan_rebalance({}, PRICES, 100_000, {"AAPL": 0.5, "MSFT": 0.5})
    assert 0 <= plan.cash_after <= D("0.05")
    assert plan.buy_scale == pytest.approx(D(1) / D("1.001"), abs=D("1e-11"))
    first, second = plan.trades
    assert abs(first.value - second.value) <= CENT


def test_threshold_is_strict_and_per_symbol() -> None:
    held = {"AAPL": 200, "MSFT": 100}  # 30 % and 40 % beside 30 % cash
    assert plan_rebalance(held, PRICES, 30_000, {"AAPL": 0.31, "MSFT": 0.39}).trades == ()
    beyond = plan_rebalance(held, PRICES, 30_000, {"AAPL": "0.3100001", "MSFT": 0.39})
    assert sides(beyond) == {"AAPL": ("buy", D("1000.01"))}
    wide = plan_rebalance(held, PRICES, 30_000, {"AAPL": 0.35, "MSFT": 0.35}, rebalance_threshold=0.05)
    assert wide.trades == ()


def test_buys_wait_for_cash_that_names_inside_their_band_keep() -> None:
    plan = plan_rebalance({"AAPL": 200, "MSFT": 175}, PRICES, 0, {"AAPL": "0.31", "MSFT": "0.67"})
    assert sides(plan) == {"MSFT": ("sell", D(3000))}
    stuck = plan_rebalance({"AAPL": 200, "MSFT": 175}, PRICES, 0, {"AAPL": "0.309", "MSFT": "0.691"})
    assert stuck.trades == ()
    assert stuck.buy_scale == 1
    starved = plan_rebalance({"AAPL": 200, "MSFT": 175}, PRICES, 0, {"GOOGL": "0.02", "AAPL": "0.29", "MSFT": "0.69"})
    assert starved.trades == ()
    assert starved.buy_scale == 0


def test_minimize_turnover_trades_to_the_edge_of_the_band() -> None:
    held = {"AAPL": 400, "MSFT": 100}  # 60 % and 40 %
    full_way = plan_rebalance(held, PRICES, 0, {"AAPL": 0.5, "MSFT": 0.5}, rebalance_threshold=0.02)
    to_edge = plan_rebalance(
        held, PRICES, 0, {"AAPL": 0.5, "MSFT": 0.5}, rebalance_threshold=0.02, minimize_turnover=True
    )
    assert sides(full_way)["AAPL"] == ("sell", D(10000))
    assert sides(to_edge)["AAPL"] == ("sell", D(8000))
    assert to_edge.total_turnover < full_way.total_turnover
    assert to_edge.weights_after["AAPL"] == pytest.approx(D("0.52"), abs=D("1e-4"))


def test_symbols_not_named_stay_or_are_sold_by_full() -> None:
    held = {"AAPL": 200, "GOOGL": 1, "MSFT": 100}
    kept = plan_rebalance(held, PRICES, 0, {"AAPL": 0.2})
    assert [trade.symbol for trade in kept.trades] == ["AAPL"]
    assert kept.quantities_after["MSFT"] == 100
    sold = plan_rebalance(held, PRICES, 0, {"AAPL": 0.9}, full=True)
    assert sold.quantities_after["MSFT"] == 0
    assert sold.quantities_after["GOOGL"] == 0
    assert [trade.side for trade in sold.trades] == ["sell", "sell", "buy"]


def test_named_and_unnamed_beyond_one_lists_the_unnamed() -> None:
    with pytest.raises(UnnamedWeightsError, match=r"GOOGL \(.*MSFT \(.*full=True") as caught:
        plan_rebalance({"AAPL": 200, "GOOGL": 1, "MSFT": 100}, PRICES, 0, {"AAPL": 0.9})
    assert set(caught.value.unnamed) == {"GOOGL", "MSFT"}
    assert caught.value.unnamed["MSFT"] == pytest.approx(D(40000) / D(72800), abs=D("1e-11"))


def test_a_zero_target_sells_the_last_fraction() -> None:
    plan = plan_rebalance({"AAPL": "33.33333333", "MSFT": 50}, PRICES, "0", {"AAPL": 0, "MSFT": 1})
    assert plan.quantities_after["AAPL"] == 0
    assert plan.cash_after >= 0


def test_unallocated_capital_is_released_and_invested_by_the_first_trade() -> None:
    plan = plan_rebalance({}, PRICES, 50_000, {"AAPL": 0.5}, unallocated=450_000)
    assert plan.total_value_before == 500_000
    assert sides(plan) == {"AAPL": ("buy", D(250_000))}
    assert plan.capital_released == 450_000
    assert plan.cash_after == 250_000 - 250
    untouched = plan_rebalance({}, PRICES, 50_000, {"AAPL": 0.005}, unallocated=450_000)
    assert untouched.trades == ()
    assert untouched.capital_released == 0
    assert untouched.total_value_after == 500_000


def test_whole_shares_and_smallest_trades() -> None:
    plan = plan_rebalance({}, PRICES, 10_000, {"AAPL": 0.5, "GOOGL": 0.25}, quantity_step=1)
    assert [(trade.symbol, trade.quantity) for trade in plan.trades] == [("AAPL", D(33))]
    small = plan_rebalance({}, PRICES, 10_000, {"AAPL": 0.02, "MSFT": 0.3}, minimum_trade_value=500)
    assert [trade.symbol for trade in small.trades] == ["MSFT"]


def test_long_short_borrows_what_the_targets_ask_for() -> None:
    plan = plan_rebalance({}, PRICES, 100_000, {"AAPL": 1.3, "MSFT": -0.3}, long_only=False)
    assert plan.quantities_after["MSFT"] == -75
    assert plan.trades[0].side == "sell"
    assert 0 <= plan.cash_after < D("0.05")
    levered = plan_rebalance({}, PRICES, 100_000, {"AAPL": 1.5}, long_only=False)
    assert D(-50_000) <= levered.cash_after < D(-49_999)
    back = plan_rebalance(levered.quantities_after, PRICES, levered.cash_after, {"AAPL": 0}, long_only=False)
    assert back.quantities_after["AAPL"] == 0
    covered = plan_rebalance({"MSFT": -75}, PRICES, 130_000, {"MSFT": 0}, long_only=False)
    assert covered.quantities_after["MSFT"] == 0


def test_numbers_of_every_kind_give_the_same_plan() -> None:
    plans = [
        plan_rebalance(quantities, PRICES, cash, targets)
        for quantities, cash, targets in (
            ({"AAPL": 10, "MSFT": 1}, 1000, {"AAPL": 0.1, "MSFT": 0.7}),
            ({"AAPL": "10", "MSFT": D(1)}, "1000.00", {"AAPL": "0.1", "MSFT": D("0.7")}),
            (pd.Series({"AAPL": 10.0, "MSFT": 1.0}), np.float64(1000), pd.Series({"AAPL": 0.1, "MSFT": 0.7})),
        )
    ]
    assert plans[0] == plans[1] == plans[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target_weights": {"AAPL": 30}}, r"target_weights\['AAPL'\].*at most 1, got 30; did you mean 0.3\?"),
        ({"target_weights": {"AAPL": 0.6, "MSFT": 0.6}}, "sum of at most 1, got 1.2"),
        ({"target_weights": {"AAPL": -0.1}}, "zero or more, got -0.1"),
        ({"target_weights": {"AAPL": float("nan")}}, "finite number, got nan"),
        ({"target_weights": {"AAPL": True}}, "finite number, got True"),
        ({"target_weights": [0.5]}, "mapping of symbol to number, got list"),
        ({"target_weights": {"NOPE": 0.5}}, r"prices: expected a price for every symbol, got none for NOPE"),
        ({"prices": {**PRICES, "AAPL": 0}}, "positive prices, got {'AAPL': "),
        ({"quantities": {"AAPL": -1}}, "long_only=False allows shorts"),
        ({"cash": -5}, "long_only=False allows borrowing"),
        ({"cash": 0}, "positive value to rebalance, got 0.00"),
        ({"unallocated": -1}, "unallocated: expected zero or more"),
        ({"transaction_cost_bps": 10_000}, "transaction_cost_bps: expected less than 10000"),
        ({"rebalance_threshold": "x"}, "rebalance_threshold: expected a finite number, got 'x'"),
        ({"quantity_step": 0}, "quantity_step: expected a positive multiple"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"quantities": {}, "prices": PRICES, "cash": 100, "target_weights": {"AAPL": 0.5}}
    with pytest.raises(ValueError, match=r"^\[plan_rebalance\] .*" + message):
        plan_rebalance(**{**arguments, **change})


SYMBOLS = [f"S{i}" for i in range(8)]
money = st.decimals(0, 1_000_000, places=2)
shares = st.lists(st.integers(0, 100), min_size=8, max_size=8)


@st.composite
def books(draw: st.DrawFn) -> dict[str, Any]:
    """A random long-only book with targets that fit: shares of what the unnamed positions leave."""
    quantities = {s: draw(st.decimals(0, 1000, places=8)) for s in SYMBOLS if draw(st.booleans())}
    prices = {s: draw(st.decimals("0.01", 5000, places=4)) for s in SYMBOLS}
    cash, unallocated, full = draw(money), draw(st.sampled_from([D(0), D("12345.67")])), draw(st.booleans())
    named = [s for s in SYMBOLS if draw(st.booleans())]
    values = {s: (q * prices[s]).quantize(CENT) for s, q in quantities.items()}
    total = sum(values.values(), cash + unallocated) + CENT
    room = 1 - (0 if full else sum((v for s, v in values.items() if s not in named), D(0)) / total)
    raw = draw(shares)
    scale = max(sum(raw[: len(named)]), 1)
    targets = {s: (D(raw[i]) / scale * room).quantize(D("1e-10"), "ROUND_DOWN") for i, s in enumerate(named)}
    return {
        "quantities": quantities,
        "prices": prices,
        "cash": cash + CENT,
        "target_weights": targets,
        "unallocated": unallocated,
        "full": full,
        "rebalance_threshold": draw(st.sampled_from(["0", "0.01", "0.05"])),
        "minimize_turnover": draw(st.booleans()),
        "transaction_cost_bps": draw(st.sampled_from([0, 10, 75, 2500])),
    }


@settings(max_examples=300, deadline=None)
@given(books())
def test_the_books_balance(book: dict[str, Any]) -> None:
    plan = plan_rebalance(**book)
    rate = D(book["transaction_cost_bps"]) / 10_000
    quantities: dict[str, Decimal] = dict(book["quantities"])
    prices: dict[str, Decimal] = book["prices"]
    cash = book["cash"] + (book["unallocated"] if plan.trades else 0)
    for trade in plan.trades:  # an independent replay, order by order
        assert trade.quantity > 0
        assert trade.value == (trade.quantity * trade.price).quantize(CENT)
        assert trade.price == prices[trade.symbol]
        assert abs(trade.cost - trade.value * rate) <= D("0.005")
        sign = 1 if trade.side == "buy" else -1
        quantities[trade.symbol] = quantities.get(trade.symbol, D(0)) + sign * trade.quantity
        cash -= sign * trade.value + trade.cost
        assert cash >= 0
        assert quantities[trade.symbol] >= 0
    order = [trade.side for trade in plan.trades]
    assert order == sorted(order, reverse=True)  # "sell" before "buy"
    assert cash == plan.cash_after
    assert {s: q for s, q in quantities.items() if q} == {s: q for s, q in plan.quantities_after.items() if q}
    assert plan.total_turnover == sum((trade.value for trade in plan.trades), D(0))
    assert plan.execution_cost == sum((trade.cost for trade in plan.trades), D(0))
    cents = CENT * (2 * len(SYMBOLS))
    assert abs(plan.total_value_after + plan.execution_cost - plan.total_value_before) <= cents


@settings(max_examples=300, deadline=None)
@given(books())
def test_only_names_beyond_their_band_trade_and_end_inside_it(book: dict[str, Any]) -> None:
    plan = plan_rebalance(**book)
    targets: dict[str, Decimal] = book["target_weights"]
    threshold = D(book["rebalance_threshold"])
    held: dict[str, Decimal] = book["quantities"]
    for trade in plan.trades:
        if trade.symbol in targets:
            assert abs(targets[trade.symbol] - plan.weights_before[trade.symbol]) > threshold - D("1e-12")
        else:
            assert book["full"]
            assert trade.side == "sell"
    for symbol, quantity in held.items():
        if symbol not in targets and not book["full"]:
            assert plan.quantities_after[symbol] == quantity
    if plan.buy_scale < 1 or not plan.trades:
        return
    # sized on the value before costs: a weight may leave its band by the costs and the rounding, no further
    total = plan.total_value_after
    slack = (plan.execution_cost + D(5001) * D("1e-8") + CENT * 20) / total if total > 0 else D(1)
    for symbol, target in targets.items():
        assert abs(plan.weights_after[symbol] - target) <= threshold + 2 * slack


@settings(max_examples=150, deadline=None)
@given(books())
def test_a_second_plan_has_only_the_dust_of_the_first(book: dict[str, Any]) -> None:
    """At threshold zero everything that is out of place trades, so what is left after one plan is costs and cents."""
    book = {**book, "rebalance_threshold": "0", "minimize_turnover": False}
    first = plan_rebalance(**book)
    if first.total_value_after <= 0:
        return
    again = {
        **book,
        "quantities": first.quantities_after,
        "cash": first.cash_after,
        "unallocated": 0 if first.trades else book["unallocated"],
    }
    try:
        second = plan_rebalance(**again)
    except UnnamedWeightsError:
        assert not book["full"]  # the costs raised the weight of what was left alone above what the targets leave
        return
    assert second.total_turnover <= 2 * first.execution_cost + CENT * 40

"""Rebalancing: target weights to a list of trades that the cash can pay, exact to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

from portfolio_engine._exact import CONTEXT, ZERO, money, money_down, steps, to_decimals
from portfolio_engine._rebalance_input import (
    NAME,
    WEIGHT_DIGITS,
    Book,
    Rules,
    UnnamedWeightsError,
    at_least_zero,
    check_targets,
    read_book,
    read_cost_rate,
    read_step,
)

__all__ = ["RebalancePlan", "Trade", "UnnamedWeightsError", "plan_rebalance"]


@dataclass(frozen=True)
class Trade:
    """One order: quantity (positive, to 1e-8) at price; value = quantity * price and cost, both to the cent."""

    symbol: str
    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal
    value: Decimal
    cost: Decimal


@dataclass(frozen=True)
class RebalancePlan:
    """Trades in order of execution and the book before and after them, at the given prices; all exact decimals.

    Attributes:
        trades: sells first.
        total_turnover: sum of the trades' values.
        execution_cost: sum of the trades' costs.
        rebalance_ratio: total_turnover / total_value_before.
        weights_before, weights_after: of held and named symbols, to 1e-12; cash is what they leave.
        quantities_after: of held and named symbols.
        cash_after: money.
        capital_released: unallocated capital that became cash: all of it as soon as there is a trade, else 0.
        total_value_before, total_value_after: positions + cash + unallocated capital.
        buy_scale: 1, or less when the wished buys were cut to the cash at hand.
    """

    trades: tuple[Trade, ...]
    total_turnover: Decimal
    execution_cost: Decimal
    rebalance_ratio: Decimal
    weights_before: dict[str, Decimal]
    weights_after: dict[str, Decimal]
    quantities_after: dict[str, Decimal]
    cash_after: Decimal
    capital_released: Decimal
    total_value_before: Decimal
    total_value_after: Decimal
    buy_scale: Decimal


def plan_rebalance(
    quantities: Any,
    prices: Any,
    cash: Any,
    target_weights: Any,
    *,
    unallocated: Any = 0,
    rebalance_threshold: Any = "0.01",
    minimize_turnover: bool = False,
    full: bool = False,
    transaction_cost_bps: Any = 10,
    minimum_trade_value: Any = 0,
    quantity_step: Any = "0.00000001",
    long_only: bool = True,
) -> RebalancePlan:
    """Trades that bring holdings to target weights; a pure function on exact decimals.

    Weights are shares of total value = positions + cash + unallocated. Quantities and prices are rounded to 1e-8, money
    to 1e-2, half even; a trade's value is rounded once.

    - A named symbol trades when |target - current| is strictly above the threshold, all the way to the target.
    - Symbols that target_weights does not name stay as they are.
    - Sells come before buys. Buys are scaled down together so that cash after costs never goes below zero.
    - The first plan with a trade releases all unallocated capital into cash, to pay for the buys.

    Args:
        quantities: held now, by symbol. Like every number here Decimal, int, str or float (through its shortest text:
            0.1 is 0.1); mappings or Series.
        prices: of every held and named symbol, positive.
        cash: money.
        target_weights: shares, 0.30 is 30 %.
        unallocated: money committed to the portfolio and not yet invested.
        rebalance_threshold: the band around each target.
        minimize_turnover: trade only to the edge of the band, target +- threshold.
        full: sell the symbols that are not named, whatever their size.
        transaction_cost_bps: of each trade's value, below 10000; 10 is 0.1 %.
        minimum_trade_value: money; smaller trades are left out, and those worth less than half a cent always.
        quantity_step: 1e-8 trades fractions, 1 whole shares.
        long_only: refuse negative weights, holdings and cash, and weights that sum to more than 1. False accepts
            them; cash may then fall to the borrowing that the targets ask for, and no further.

    Returns:
        RebalancePlan.

    Raises:
        UnnamedWeightsError: a ValueError; named and unnamed weights together exceed 1.
        ValueError: another bad argument.
    """
    book = read_book(quantities, prices, cash, unallocated, target_weights, long_only)
    targets = to_decimals(target_weights, NAME, "target_weights")
    rules = Rules(
        threshold=at_least_zero(rebalance_threshold, "rebalance_threshold"),
        minimize_turnover=minimize_turnover,
        full=full,
        cost_rate=read_cost_rate(transaction_cost_bps),
        minimum_trade_value=at_least_zero(minimum_trade_value, "minimum_trade_value"),
        quantity_step=read_step(quantity_step),
        long_only=long_only,
    )
    check_targets(book, targets, rules)
    changes = _changes(book, targets, rules)
    exits = {s for s in changes if _target(book, targets, rules, s) == 0 and not (minimize_turnover and s in targets)}
    sells = [_trade(book, rules, s, change, s in exits) for s, change in changes.items() if change < 0]
    sells = [trade for trade in sells if _is_worth_it(trade, rules)]
    buys, scale = _affordable_buys(book, targets, rules, changes, exits, sells)
    return _plan(book, (*sells, *buys), scale)


def _target(book: Book, targets: dict[str, Decimal], rules: Rules, symbol: str) -> Decimal:
    """The weight a symbol is meant to have: named, sold by full=True, or left as it is."""
    if symbol in targets:
        return targets[symbol]
    return ZERO if rules.full else book.weight(symbol)


def _changes(book: Book, targets: dict[str, Decimal], rules: Rules) -> dict[str, Decimal]:
    """Wished change of each position in money, to the cent; symbols inside their band are absent."""
    changes = {}
    for symbol in book.quantities:
        if symbol not in targets:
            if rules.full:
                changes[symbol] = -book.values[symbol]
            continue
        gap = CONTEXT.subtract(targets[symbol], book.weight(symbol))
        if abs(gap) <= rules.threshold:
            continue
        if rules.minimize_turnover:
            gap = CONTEXT.subtract(gap, rules.threshold.copy_sign(gap))
        changes[symbol] = money(CONTEXT.multiply(gap, book.total))
    return changes


def _trade(book: Book, rules: Rules, symbol: str, change: Decimal, is_exit: bool) -> Trade:
    """The order for a change in money. Buys round down, so that their value never exceeds the change."""
    price, held = book.prices[symbol], book.quantities[symbol]
    rounding = ROUND_DOWN if change > 0 else ROUND_HALF_EVEN
    quantity = abs(held) if is_exit else steps(CONTEXT.divide(abs(change), price), rules.quantity_step, rounding)
    if change < 0 and rules.long_only:
        quantity = min(quantity, held)
    value = money(CONTEXT.multiply(quantity, price))
    side: Literal["buy", "sell"] = "buy" if change > 0 else "sell"
    return Trade(symbol, side, quantity, price, value, money(CONTEXT.multiply(value, rules.cost_rate)))


def _is_worth_it(trade: Trade, rules: Rules) -> bool:
    return trade.value > 0 and trade.value >= rules.minimum_trade_value


def _affordable_buys(
    book: Book,
    targets: dict[str, Decimal],
    rules: Rules,
    changes: dict[str, Decimal],
    exits: set[str],
    sells: list[Trade],
) -> tuple[list[Trade], Decimal]:
    """The buys that cash, released capital and proceeds can pay with their costs, and the scale applied to them."""
    wished = {symbol: change for symbol, change in changes.items() if change > 0}
    outlay = {s: change + money(CONTEXT.multiply(change, rules.cost_rate)) for s, change in wished.items()}
    needed = sum(outlay.values(), ZERO)
    floor = ZERO
    if not rules.long_only:
        weights = sum((_target(book, targets, rules, symbol) for symbol in book.quantities), ZERO)
        floor = money(CONTEXT.multiply(min(ZERO, 1 - weights), book.total))
    proceeds = sum((trade.value - trade.cost for trade in sells), ZERO)
    available = max(ZERO, book.cash + book.unallocated + proceeds - floor)
    scale = Decimal(1) if needed <= available else CONTEXT.divide(available, needed)
    buys = []
    for symbol, change in wished.items():
        if scale < 1:
            # both on the cent grid: value + cost of the result cannot round above the budget
            budget = money_down(CONTEXT.multiply(outlay[symbol], scale))
            change = money_down(CONTEXT.divide(budget, 1 + rules.cost_rate))
        buys.append(_trade(book, rules, symbol, change, symbol in exits and scale == 1))
    return [trade for trade in buys if _is_worth_it(trade, rules)], scale


def _plan(book: Book, trades: tuple[Trade, ...], scale: Decimal) -> RebalancePlan:
    quantities, cash = dict(book.quantities), book.cash
    released = book.unallocated if trades else ZERO
    for trade in trades:
        sign = 1 if trade.side == "buy" else -1
        quantities[trade.symbol] += sign * trade.quantity
        cash -= sign * trade.value + trade.cost
    after = Book(quantities, book.prices, cash + released, book.unallocated - released)
    turnover = sum((trade.value for trade in trades), ZERO)
    return RebalancePlan(
        trades=trades,
        total_turnover=turnover,
        execution_cost=sum((trade.cost for trade in trades), ZERO),
        rebalance_ratio=CONTEXT.divide(turnover, book.total).quantize(WEIGHT_DIGITS),
        weights_before=book.weights(),
        weights_after=after.weights(),
        quantities_after=quantities,
        cash_after=after.cash,
        capital_released=released,
        total_value_before=book.total,
        total_value_after=after.total,
        buy_scale=scale.quantize(WEIGHT_DIGITS),
    )

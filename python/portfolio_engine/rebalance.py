"""Rebalancing: target weights to a list of trades that the cash can pay, exact to the cent."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

from portfolio_engine._exact import CONTEXT, ZERO, money, money_down, steps, to_decimal, to_decimals, units

NAME = "plan_rebalance"
WEIGHT_TOLERANCE = Decimal("1e-9")  # an optimiser's weights sum to one to rounding only
WEIGHT_DIGITS = Decimal("1e-12")


class UnnamedWeightsError(ValueError):
    """Named targets and the positions left alone exceed the portfolio; `unnamed` holds their current weights."""

    def __init__(self, message: str, unnamed: dict[str, Decimal]) -> None:
        super().__init__(message)
        self.unnamed = unnamed


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
    """Trades in order of execution (sells first) and the book before and after them, at the given prices.

    total_turnover is the sum of the trades' values, execution_cost the sum of their costs, rebalance_ratio the
    turnover over total_value_before. capital_released is unallocated capital that became cash: all of it as soon as
    there is a trade. buy_scale below 1 says that the wished buys were cut to the cash at hand.
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


@dataclass(frozen=True)
class _Book:
    quantities: dict[str, Decimal]
    prices: dict[str, Decimal]
    cash: Decimal
    unallocated: Decimal
    values: dict[str, Decimal] = field(init=False)
    total: Decimal = field(init=False)

    def __post_init__(self) -> None:
        values = {s: money(CONTEXT.multiply(q, self.prices[s])) for s, q in self.quantities.items()}
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "total", sum(values.values(), self.cash + self.unallocated))

    def weight(self, symbol: str) -> Decimal:
        return CONTEXT.divide(self.values[symbol], self.total)

    def weights(self) -> dict[str, Decimal]:
        return {symbol: self.weight(symbol).quantize(WEIGHT_DIGITS) for symbol in self.values}


@dataclass(frozen=True)
class _Rules:
    threshold: Decimal
    minimize_turnover: bool
    full: bool
    cost_rate: Decimal
    minimum_trade_value: Decimal
    quantity_step: Decimal
    long_only: bool


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

    quantities, prices and target_weights map symbols to numbers (Decimal, int, str or float; floats through their
    shortest text). cash and unallocated are money. Weights are shares of total value = positions + cash +
    unallocated. Quantities and prices are rounded to 1e-8, money to 1e-2, half even; a trade's value is rounded once.

    - A named symbol trades when |target - current| is strictly above rebalance_threshold (default 0.01), all the way
      to the target; with minimize_turnover only to the edge of the band target +- threshold.
    - Symbols that target_weights does not name stay as they are; full=True sells them whatever their size.
    - Sells come before buys. Buys are scaled down together so that cash after costs (transaction_cost_bps of each
      trade's value, default 10 = 0.1 %) never goes below zero.
    - The first plan with a trade releases all unallocated capital into cash, to pay for the buys.
    - Trades under minimum_trade_value and trades worth less than half a cent are left out; quantity_step 1 trades
      whole shares.
    - long_only=True (default) refuses negative weights, holdings and cash, and weights that sum to more than one.
      long_only=False accepts them; cash may then fall to the borrowing the targets ask for, and no further.

    Raises UnnamedWeightsError when named and unnamed weights exceed one, ValueError for other bad arguments.
    """
    book = _read_book(quantities, prices, cash, unallocated, target_weights, long_only)
    targets = to_decimals(target_weights, NAME, "target_weights")
    rules = _Rules(
        threshold=_at_least_zero(rebalance_threshold, "rebalance_threshold"),
        minimize_turnover=minimize_turnover,
        full=full,
        cost_rate=_cost_rate(transaction_cost_bps),
        minimum_trade_value=_at_least_zero(minimum_trade_value, "minimum_trade_value"),
        quantity_step=_step(quantity_step),
        long_only=long_only,
    )
    _check_targets(book, targets, rules)
    changes = _changes(book, targets, rules)
    exits = {s for s in changes if _target(book, targets, rules, s) == 0 and not (minimize_turnover and s in targets)}
    sells = [_trade(book, rules, s, change, s in exits) for s, change in changes.items() if change < 0]
    sells = [trade for trade in sells if _is_worth_it(trade, rules)]
    buys, scale = _affordable_buys(book, targets, rules, changes, exits, sells)
    return _plan(book, (*sells, *buys), scale)


def _read_book(
    quantities: Any, prices: Any, cash: Any, unallocated: Any, target_weights: Any, long_only: bool
) -> _Book:
    held = {s: units(q) for s, q in to_decimals(quantities, NAME, "quantities").items()}
    for symbol in to_decimals(target_weights, NAME, "target_weights"):
        held.setdefault(symbol, ZERO)
    quoted = {s: units(p) for s, p in to_decimals(prices, NAME, "prices").items()}
    if missing := [symbol for symbol in held if symbol not in quoted]:
        raise ValueError(f"[{NAME}] prices: expected a price for every symbol, got none for {', '.join(missing)}")
    if wrong := {symbol: str(quoted[symbol]) for symbol in held if quoted[symbol] <= 0}:
        raise ValueError(f"[{NAME}] prices: expected positive prices, got {wrong}")
    book = _Book(
        quantities=held,
        prices=quoted,
        cash=money(to_decimal(cash, NAME, "cash")),
        unallocated=money(_at_least_zero(unallocated, "unallocated")),
    )
    if long_only and book.cash < 0:
        raise ValueError(f"[{NAME}] cash: expected zero or more, got {book.cash} (long_only=False allows borrowing)")
    if long_only and (short := {symbol: str(q) for symbol, q in held.items() if q < 0}):
        raise ValueError(f"[{NAME}] quantities: expected zero or more, got {short} (long_only=False allows shorts)")
    if book.total <= 0:
        raise ValueError(f"[{NAME}] total value: expected a positive value to rebalance, got {book.total}")
    return book


def _at_least_zero(value: Any, argument: str) -> Decimal:
    number = to_decimal(value, NAME, argument)
    if number < 0:
        raise ValueError(f"[{NAME}] {argument}: expected zero or more, got {value}")
    return number


def _cost_rate(transaction_cost_bps: Any) -> Decimal:
    bps = _at_least_zero(transaction_cost_bps, "transaction_cost_bps")
    if bps >= 10_000:
        raise ValueError(f"[{NAME}] transaction_cost_bps: expected less than 10000 (100 %), got {bps}")
    return bps.scaleb(-4)


def _step(quantity_step: Any) -> Decimal:
    step = to_decimal(quantity_step, NAME, "quantity_step")
    if step <= 0 or step != units(step):
        raise ValueError(f"[{NAME}] quantity_step: expected a positive multiple of 1e-8, got {quantity_step}")
    return step


def _check_targets(book: _Book, targets: dict[str, Decimal], rules: _Rules) -> None:
    if not rules.long_only:
        return
    for symbol, weight in targets.items():
        if weight < 0:
            raise ValueError(f"[{NAME}] target_weights[{symbol!r}]: expected zero or more, got {weight}")
        if weight > 1 + WEIGHT_TOLERANCE:
            raise ValueError(
                f"[{NAME}] target_weights[{symbol!r}]: expected a share of at most 1, got {weight}"
                + (f"; did you mean {weight.scaleb(-2).normalize():f}?" if weight <= 100 else "")
            )
    named = sum(targets.values(), ZERO)
    unnamed = {s: w for s, w in book.weights().items() if s not in targets and w > 0 and not rules.full}
    total = named + sum(unnamed.values(), ZERO)
    if total <= 1 + WEIGHT_TOLERANCE:
        return
    if unnamed and named <= 1 + WEIGHT_TOLERANCE:
        kept = ", ".join(f"{symbol} ({weight:.2%})" for symbol, weight in unnamed.items())
        raise UnnamedWeightsError(
            f"[{NAME}] target_weights: named weights ({named:.4f}) and the positions left as they are ({kept}) "
            "exceed 1; name them, lower the targets, or sell them with full=True",
            unnamed,
        )
    raise ValueError(f"[{NAME}] target_weights: expected a sum of at most 1, got {named.normalize():f}")


def _target(book: _Book, targets: dict[str, Decimal], rules: _Rules, symbol: str) -> Decimal:
    """The weight a symbol is meant to have: named, sold by full=True, or left as it is."""
    if symbol in targets:
        return targets[symbol]
    return ZERO if rules.full else book.weight(symbol)


def _changes(book: _Book, targets: dict[str, Decimal], rules: _Rules) -> dict[str, Decimal]:
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


def _trade(book: _Book, rules: _Rules, symbol: str, change: Decimal, is_exit: bool) -> Trade:
    """The order for a change in money. Buys round down, so that their value never exceeds the change."""
    price, held = book.prices[symbol], book.quantities[symbol]
    rounding = ROUND_DOWN if change > 0 else ROUND_HALF_EVEN
    quantity = abs(held) if is_exit else steps(CONTEXT.divide(abs(change), price), rules.quantity_step, rounding)
    if change < 0 and rules.long_only:
        quantity = min(quantity, held)
    value = money(CONTEXT.multiply(quantity, price))
    side: Literal["buy", "sell"] = "buy" if change > 0 else "sell"
    return Trade(symbol, side, quantity, price, value, money(CONTEXT.multiply(value, rules.cost_rate)))


def _is_worth_it(trade: Trade, rules: _Rules) -> bool:
    return trade.value > 0 and trade.value >= rules.minimum_trade_value


def _affordable_buys(
    book: _Book,
    targets: dict[str, Decimal],
    rules: _Rules,
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


def _plan(book: _Book, trades: tuple[Trade, ...], scale: Decimal) -> RebalancePlan:
    quantities, cash = dict(book.quantities), book.cash
    released = book.unallocated if trades else ZERO
    for trade in trades:
        sign = 1 if trade.side == "buy" else -1
        quantities[trade.symbol] += sign * trade.quantity
        cash -= sign * trade.value + trade.cost
    after = _Book(quantities, book.prices, cash + released, book.unallocated - released)
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

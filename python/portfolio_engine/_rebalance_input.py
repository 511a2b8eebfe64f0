"""A rebalance's arguments, checked: the book as exact decimals, and the rules of the plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from portfolio_engine._exact import CONTEXT, ZERO, money, to_decimal, to_decimals, units

NAME = "plan_rebalance"
WEIGHT_TOLERANCE = Decimal("1e-9")  # an optimiser's weights sum to one to rounding only
WEIGHT_DIGITS = Decimal("1e-12")


class UnnamedWeightsError(ValueError):
    """Named targets and the positions left alone exceed the portfolio; `unnamed` holds their current weights."""

    def __init__(self, message: str, unnamed: dict[str, Decimal]) -> None:
        super().__init__(message)
        self.unnamed = unnamed


@dataclass(frozen=True)
class Book:
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
class Rules:
    threshold: Decimal
    minimize_turnover: bool
    full: bool
    cost_rate: Decimal
    minimum_trade_value: Decimal
    quantity_step: Decimal
    long_only: bool


def read_book(quantities: Any, prices: Any, cash: Any, unallocated: Any, target_weights: Any, long_only: bool) -> Book:
    held = {s: units(q) for s, q in to_decimals(quantities, NAME, "quantities").items()}
    for symbol in to_decimals(target_weights, NAME, "target_weights"):
        held.setdefault(symbol, ZERO)
    quoted = {s: units(p) for s, p in to_decimals(prices, NAME, "prices").items()}
    if missing := [symbol for symbol in held if symbol not in quoted]:
        raise ValueError(f"[{NAME}] prices: expected a price for every symbol, got none for {', '.join(missing)}")
    if wrong := {symbol: str(quoted[symbol]) for symbol in held if quoted[symbol] <= 0}:
        raise ValueError(f"[{NAME}] prices: expected positive prices, got {wrong}")
    book = Book(
        quantities=held,
        prices=quoted,
        cash=money(to_decimal(cash, NAME, "cash")),
        unallocated=money(at_least_zero(unallocated, "unallocated")),
    )
    if long_only and book.cash < 0:
        raise ValueError(f"[{NAME}] cash: expected zero or more, got {book.cash} (long_only=False allows borrowing)")
    if long_only and (short := {symbol: str(q) for symbol, q in held.items() if q < 0}):
        raise ValueError(f"[{NAME}] quantities: expected zero or more, got {short} (long_only=False allows shorts)")
    if book.total <= 0:
        raise ValueError(f"[{NAME}] total value: expected a positive value to rebalance, got {book.total}")
    return book


def at_least_zero(value: Any, argument: str) -> Decimal:
    number = to_decimal(value, NAME, argument)
    if number < 0:
        raise ValueError(f"[{NAME}] {argument}: expected zero or more, got {value}")
    return number


def read_cost_rate(transaction_cost_bps: Any) -> Decimal:
    bps = at_least_zero(transaction_cost_bps, "transaction_cost_bps")
    if bps >= 10_000:
        raise ValueError(f"[{NAME}] transaction_cost_bps: expected less than 10000 (100 %), got {bps}")
    return bps.scaleb(-4)


def read_step(quantity_step: Any) -> Decimal:
    step = to_decimal(quantity_step, NAME, "quantity_step")
    if step <= 0 or step != units(step):
        raise ValueError(f"[{NAME}] quantity_step: expected a positive multiple of 1e-8, got {quantity_step}")
    return step


def check_targets(book: Book, targets: dict[str, Decimal], rules: Rules) -> None:
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

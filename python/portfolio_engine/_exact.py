"""Exact arithmetic for books: decimals in, rounded once, half even."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal
from numbers import Integral, Real
from typing import Any

CENT = Decimal("0.01")
UNIT = Decimal("0.00000001")
ZERO = Decimal(0)
CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def to_decimal(value: object, function: str, argument: str) -> Decimal:
    """Decimal of a number: floats through their shortest text, so that 0.1 is 0.1; NaN and infinity are errors."""
    number: Decimal | None = None
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, Integral) and not isinstance(value, bool):
        number = Decimal(int(value))
    elif isinstance(value, Real) and not isinstance(value, bool):
        number = Decimal(repr(float(value)))
    elif isinstance(value, str):
        try:
            number = Decimal(value.strip())
        except ArithmeticError:
            number = None
    if number is None or not number.is_finite():
        raise ValueError(f"[{function}] {argument}: expected a finite number, got {value!r}")
    return number


def to_decimals(values: Any, function: str, argument: str) -> dict[str, Decimal]:
    """Decimals by symbol from a mapping or a pandas Series."""
    if not isinstance(values, Mapping) and not hasattr(values, "items"):
        raise ValueError(
            f"[{function}] {argument}: expected a mapping of symbol to number, got {type(values).__name__}"
        )
    return {str(name): to_decimal(value, function, f"{argument}[{name!r}]") for name, value in values.items()}


def money(value: Decimal) -> Decimal:
    """To the cent, half even."""
    return value.quantize(CENT, context=CONTEXT)


def money_down(value: Decimal) -> Decimal:
    """To the cent, towards zero: what can be spent without exceeding `value`."""
    return value.quantize(CENT, rounding=ROUND_DOWN, context=CONTEXT)


def units(value: Decimal) -> Decimal:
    """A quantity or price to 1e-8, half even."""
    return value.quantize(UNIT, context=CONTEXT)


def steps(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    """The multiple of `step` next to `value`, as a quantity to 1e-8."""
    count = CONTEXT.divide(value, step).to_integral_value(rounding=rounding)
    return units(CONTEXT.multiply(count, step))

"""Exact quantities and money: Decimal, rounded half even at the places the books keep."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

CENT = Decimal("0.01")
UNIT = Decimal("0.00000001")
ZERO = Decimal(0)
MAX_QUANTITY = Decimal("9e10")  # also the bound on a price
MAX_MONEY = Decimal("1e12")

# the product of two 19-digit numbers fits, so that a value is rounded once
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def money(value: Decimal) -> Decimal:
    """`value` to the cent, half even; never -0."""
    return EXACT.add(value.quantize(CENT, context=EXACT), ZERO)


def quantity(value: Decimal) -> Decimal:
    """`value` (a quantity or a price) to 1e-8, half even; never -0."""
    return EXACT.add(value.quantize(UNIT, context=EXACT), ZERO)


def worth(units: Decimal, price: Decimal) -> Decimal:
    """Value of `units` at `price`, rounded once to the cent."""
    return money(EXACT.multiply(units, price))


def exact(value: float | int | str | Decimal) -> Decimal:
    """Decimal with the digits a person would read in `value` (through repr for a float)."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)

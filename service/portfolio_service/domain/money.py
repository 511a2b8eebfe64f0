"""Exact quantities and money: Decimal, rounded half even at the places the books keep."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")
UNIT = Decimal("0.00000001")
ZERO = Decimal(0)
MAX_QUANTITY = Decimal("9e10")  # also the bound on a price
MAX_MONEY = Decimal("1e12")


def money(value: Decimal) -> Decimal:
    """`value` to the cent, half even."""
    return value.quantize(CENT, rounding=ROUND_HALF_EVEN)


def quantity(value: Decimal) -> Decimal:
    """`value` (a quantity or a price) to 1e-8, half even."""
    return value.quantize(UNIT, rounding=ROUND_HALF_EVEN)


def exact(value: float | int | str | Decimal) -> Decimal:
    """Decimal with the digits a person would read in `value` (through repr for a float)."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)

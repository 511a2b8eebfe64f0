"""Names given by the user: looked up with a suggestion, weights refused when they look like percentages."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from portfolio_engine._labels import Array

LARGEST_WEIGHT = 5.0  # 500 % of the portfolio: beyond it a percentage was meant


def unknown(function: str, argument: str, kind: str, name: object, known: Iterable[str]) -> ValueError:
    """The error for a name that is not known: it suggests the nearest and says how many there are."""
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    folded = [candidate for candidate in known if candidate.casefold() == str(name).casefold()]
    hint = f"; did you mean {(folded or close)[0]!r}?" if folded or close else ""
    listing = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
    return ValueError(
        f"[{function}] {argument}: expected one of the {len(known)} known {kind} names ({listing}), got {name!r}{hint}"
    )


def fraction(value: float, function: str, argument: str, *, limit: float = LARGEST_WEIGHT) -> float:
    """`value` as a weight; NaN is refused, and 30 asks whether 0.30 was meant."""
    if type(value) is float and abs(value) <= limit:  # NaN is not
        return value
    if isinstance(value, (bool, str)):
        raise ValueError(f"[{function}] {argument}: expected a number, got {value!r}")
    number = float(value)
    if math.isnan(number):
        raise ValueError(f"[{function}] {argument}: expected a number, got NaN")
    if abs(number) > limit and math.isfinite(number):
        raise ValueError(
            f"[{function}] {argument}: expected a fraction of the portfolio (0.30 is 30 %), got {number:g}; "
            f"did you mean {number / 100:.2f}?"
        )
    return number


def as_mapping(value: Any) -> dict[str, Any] | None:
    """A mapping or a pandas Series as a dict with string keys; None for anything else."""
    if type(value) is float:
        return None
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if hasattr(value, "index") and hasattr(value, "items"):
        return {str(key): item for key, item in value.items()}
    return None


@lru_cache(maxsize=16)
def _positions(names: tuple[str, ...]) -> dict[str, int]:
    """Name -> place; kept, because every group, row and view of a problem asks for the same one."""
    return {name: k for k, name in enumerate(names)}


def vector(
    value: Any,
    names: Sequence[str],
    function: str,
    argument: str,
    *,
    default: float = 0.0,
    limit: float = LARGEST_WEIGHT,
) -> Array:
    """(n,) weights from {name: weight} (others get `default`), a Series, or a sequence in the order of `names`."""
    plain = isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.shape == (len(names),)
    if plain and np.abs(value).max(initial=0.0) <= limit:  # NaN is not
        return np.array(value, dtype=np.float64)
    items = value if type(value) is dict else as_mapping(value)
    if items is None:
        numbers = list(value)
        if len(numbers) != len(names):
            raise ValueError(f"[{function}] {argument}: expected {len(names)} numbers, got {len(numbers)}")
        items = dict(zip(names, numbers, strict=True))
    position = _positions(names if isinstance(names, tuple) else tuple(names))
    out = np.full(len(names), default) if default else np.zeros(len(names))
    for name, item in items.items():
        place = position.get(name if type(name) is str else str(name))
        if place is None:
            raise unknown(function, argument, "asset", str(name), names)
        sound = type(item) is float and abs(item) <= limit  # NaN is not
        out[place] = item if sound else fraction(item, function, f"{argument}[{name}]", limit=limit)
    return out

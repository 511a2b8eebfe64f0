"""All real roots of f(s) = sum_k c_k exp(s tau_k), isolated with proof before they are refined.

On a short interval each term lies between its two ends, and so does their sum, after exp(-s tau*) is taken out, with
tau* the mean exponent there; the derivative of what is left likewise. Intervals without a root are discarded, those in
which it is monotonic are decided by their two ends, all others are halved. Nothing is guessed: a piece that stays
undecided down to rounding is handed back as such.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from portfolio_engine._labels import Array

LIMIT = 60.0  # exponents are scaled to at most 1: growth by e^60 and down to e^-60 over the longest time
NARROW = 1e-9  # an undecided piece is not halved below this width
BLUR = 1e-6  # of places where f only touches zero: float64 tells them no better apart
WIDTH = 1e-16  # of the interval that a root is refined to
ROUNDING = 256 * np.finfo(np.float64).eps
TERMS_AT_ONCE = 1_000_000
PIECES = 200_000

Signs = npt.NDArray[np.int_]


@dataclass(frozen=True)
class Roots:
    """Simple roots in ascending order; `touching` are places where f comes to zero without an evident crossing."""

    simple: tuple[float, ...]
    touching: tuple[float, ...]


def roots(amounts: Array, exponents: Array) -> Roots:
    """Roots in [-LIMIT, LIMIT]; exponents from 0 to 1, the sum of |amounts| about 1."""
    if _sign_changes(amounts, exponents) == 1:  # Descartes' rule, which holds for real exponents too: exactly one root
        crosses = _sign(amounts, exponents, -LIMIT) != _sign(amounts, exponents, LIMIT)
        return Roots((_bisect(amounts, exponents, -LIMIT, LIMIT),) if crosses else (), ())
    simple: list[float] = []
    touching: list[float] = []
    edges = np.linspace(-LIMIT, LIMIT, 61)
    a, b, looked_at = edges[:-1], edges[1:], 0
    while len(a):
        looked_at += len(a)
        value, slope = _proven_signs(amounts, exponents, a, b)
        monotonic = (value == 0) & (slope != 0)
        for left, right in zip(a[monotonic].tolist(), b[monotonic].tolist(), strict=True):
            if _sign(amounts, exponents, left) != _sign(amounts, exponents, right):
                simple.append(_bisect(amounts, exponents, left, right))
        left_open = (value == 0) & (slope == 0)
        a, b = a[left_open], b[left_open]
        narrow = (b - a < NARROW) | (looked_at > PIECES)
        touching += ((a + b) / 2)[narrow].tolist()
        a, b = a[~narrow], b[~narrow]
        middle = (a + b) / 2
        a, b = np.concatenate([a, middle]), np.concatenate([middle, b])
    return Roots(tuple(sorted(simple)), _merged(touching))


def _proven_signs(amounts: Array, exponents: Array, a: Array, b: Array) -> tuple[Signs, Signs]:
    """Of f all over each [a, b], and of the slope of f without its mean growth; 0 where that is not proven."""
    step = max(1, TERMS_AT_ONCE // len(amounts))
    parts = [_signs(amounts, exponents, a[k : k + step], b[k : k + step]) for k in range(0, len(a), step)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _signs(amounts: Array, exponents: Array, a: Array, b: Array) -> tuple[Signs, Signs]:
    growth = (a + b)[:, None] / 2 * exponents
    weight = np.abs(amounts) * np.exp(growth - growth.max(axis=1, keepdims=True))
    mean = (weight @ exponents) / weight.sum(axis=1)
    d = exponents - mean[:, None]
    at_a, at_b = np.exp(d * a[:, None]), np.exp(d * b[:, None])
    slack = ROUNDING * (np.abs(amounts) * np.maximum(at_a, at_b)).sum(axis=1)

    def proven(factor: Array, rising: npt.NDArray[np.bool_]) -> Signs:
        low = (factor * np.where(rising, at_a, at_b)).sum(axis=1)
        high = (factor * np.where(rising, at_b, at_a)).sum(axis=1)
        return np.asarray((low > slack).astype(int) - (high < -slack))

    return proven(np.broadcast_to(amounts, d.shape), amounts * d > 0), proven(amounts * d, amounts + 0 * d > 0)


def _sign(amounts: Array, exponents: Array, s: float) -> bool:
    """Whether f(s) is positive."""
    growth = s * exponents
    return bool(amounts @ np.exp(growth - growth.max()) > 0)


def _sign_changes(amounts: Array, exponents: Array) -> int:
    """Of the amounts in the order of their exponents; terms of one exponent count as their sum."""
    places, owner = np.unique(exponents, return_inverse=True)
    signs = np.sign(np.bincount(owner.ravel(), weights=amounts, minlength=len(places)))
    signs = signs[signs != 0]
    return int(np.count_nonzero(signs[1:] != signs[:-1]))


def _bisect(amounts: Array, exponents: Array, a: float, b: float) -> float:
    rising = _sign(amounts, exponents, b)
    while b - a > WIDTH and a < (middle := (a + b) / 2) < b:
        if _sign(amounts, exponents, middle) == rising:
            b = middle
        else:
            a = middle
    return (a + b) / 2


def _merged(places: list[float]) -> tuple[float, ...]:
    """Neighbouring pieces are one place."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > BLUR:
            found.append(place)
    return tuple(found)

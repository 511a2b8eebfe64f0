"""How far each position moves in a scenario, and on what ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd

import portfolio_engine as pe

NEAREST = timedelta(days=7)  # how old the price at a window's edge may be
FLOOR = -1.0  # a long position loses at most itself


@dataclass(frozen=True)
class Move:
    """One position's return, and where it comes from: history, beta, given, none."""

    value: float
    basis: str
    beta: float | None = None
    floored: bool = False


@dataclass(frozen=True)
class Moves:
    """Moves by symbol; a symbol that nothing is known of is in `uncovered`, never a silent zero."""

    of: Mapping[str, Move]
    uncovered: tuple[str, ...] = ()
    notes: Mapping[str, object] = field(default_factory=dict)


def of_window(
    held: Sequence[str], prices: pd.DataFrame, window: tuple[date, date], betas: Mapping[str, float], benchmark: str
) -> Moves | None:
    """Each symbol's own return from close to close; without one its beta times the benchmark's. None: not covered."""
    known = _changes(prices, window)
    if not known:
        return None
    market = known.get(benchmark)
    found = {}
    for symbol in held:
        if symbol in known:
            found[symbol] = Move(known[symbol], "history")
        elif market is not None and symbol in betas:
            found[symbol] = _floored(betas[symbol] * market, "beta", betas[symbol])
    notes = {"start": str(window[0]), "end": str(window[1]), "benchmark_return": market}
    return Moves(found, tuple(symbol for symbol in held if symbol not in found), notes)


def of_shocks(held: Sequence[str], returns: pd.DataFrame, shocks: Mapping[str, float], factor: str = "") -> Moves:
    """What the returns' covariance says when some of its columns move by `shocks`; others are uncovered."""
    covariance = pd.DataFrame(
        np.atleast_2d(np.cov(returns.to_numpy(dtype=np.float64), rowvar=False)),
        index=returns.columns,
        columns=returns.columns,
    )
    moved = pe.conditional_returns(covariance, shocks)
    shock = shocks.get(factor, 0.0)
    found = {}
    for symbol in held:
        if symbol in shocks and symbol != factor:
            found[symbol] = _floored(shocks[symbol], "given")
        elif symbol in returns:
            beta = float(moved[symbol]) / shock if shock else None
            found[symbol] = _floored(float(moved[symbol]), "beta", beta)
    return Moves(found, tuple(symbol for symbol in held if symbol not in found))


def of_returns(held: Sequence[str], given: Mapping[str, float]) -> Moves:
    """As said; what is not named stays where it is because it was asked for."""
    return Moves({s: _floored(given[s], "given") if s in given else Move(0.0, "zero") for s in held})


def _floored(value: float, basis: str, beta: float | None = None) -> Move:
    return Move(max(value, FLOOR), basis, beta, value < FLOOR)


def _changes(prices: pd.DataFrame, window: tuple[date, date]) -> dict[str, float]:
    """From the last close at or before the start to the last at or before the end, of the symbols that have both."""
    if prices.empty:
        return {}
    start, end = (_at(prices, pd.Timestamp(edge)) for edge in window)
    if start is None or end is None:
        return {}
    changes = (end / start - 1).dropna()
    return {str(symbol): float(change) for symbol, change in changes.items()}


def _at(prices: pd.DataFrame, edge: pd.Timestamp) -> pd.Series | None:
    recent = prices[(prices.index > edge - NEAREST) & (prices.index <= edge)]
    return None if recent.empty else recent.ffill().iloc[-1]

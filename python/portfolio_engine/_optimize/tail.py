"""The scenarios behind a tail objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine.cvar import CVaRSolution, solve_cvar
from portfolio_engine.moments import Moments

FUNCTION = "optimize"


@dataclass(frozen=True, eq=False)
class Tail:
    """CVaR of a period less `reward`'w, both in units of the returns of one period."""

    returns: Array  # (T, n)
    confidence: float
    reward: Array  # (n,)

    @classmethod
    def of(cls, returns: Any, moments: Moments, confidence: float | None, risk_tolerance: float | None) -> Tail:
        """`returns` as `optimize` was given them; ValueError for moments, which no longer know their scenarios."""
        if isinstance(returns, Moments):
            raise ValueError(
                f"[{FUNCTION}] returns_or_moments: expected the table of returns, whose rows are the scenarios of "
                "min_cvar, got Moments"
            )
        share = 0.95 if confidence is None else _number("confidence", confidence)
        if not 0 < share < 1:
            raise ValueError(f"[{FUNCTION}] confidence: expected a number above 0 and below 1, got {confidence!r}")
        tolerance = 0.0 if risk_tolerance is None else _number("risk_tolerance", risk_tolerance)
        if tolerance < 0:
            raise ValueError(f"[{FUNCTION}] risk_tolerance: expected a number >= 0, got {risk_tolerance!r}")
        periods = moments.periods_per_year
        assert periods is not None  # estimated from a table
        return cls(np.asarray(returns, dtype=np.float64), share, tolerance / periods * moments.mu)

    def value(self, w: Array) -> float:
        """The objective at (n,) weights, straight from the definition."""
        losses = np.sort(-(self.returns @ w))[::-1]
        tail = (1 - self.confidence) * len(losses)
        whole = int(tail)
        edge = (tail - whole) * losses[whole] if whole < len(losses) else 0.0
        return float((losses[:whole].sum() + edge) / tail - self.reward @ w)

    def minimise(self, rows: dict[str, Any], columns: int, **options: Any) -> CVaRSolution:
        """Over x = (weights, further variables without returns), `columns` in all."""
        further = columns - self.returns.shape[1]
        table = np.hstack([self.returns, np.zeros((len(self.returns), further))]) if further else self.returns
        cost = np.concatenate([-self.reward, np.zeros(further)])
        return solve_cvar(table, cost, **rows, confidence=self.confidence, **options)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
        raise ValueError(f"[{FUNCTION}] {name}: expected a finite number, got {value!r}")
    return float(value)

"""Risk of many portfolios of the same assets at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from portfolio_engine._labels import Array, as_array

BLOCK = 256  # portfolios at once: bounds the memory of T x BLOCK returns


@dataclass(frozen=True, eq=False)
class RiskTable:
    """One number a portfolio (m,); NaN where it has fewer than `minimum` common returns.

    Attributes:
        volatility: standard deviation (ddof 1) of a period's return.
        value_at_risk, conditional_value_at_risk: historical, one period, as in `tail_risk`; negative is a loss.
        observations: common returns used.
    """

    volatility: Array
    value_at_risk: Array
    conditional_value_at_risk: Array
    observations: npt.NDArray[np.int64]


def risk_table(
    prices: npt.ArrayLike | Any, weights: npt.ArrayLike | Any, *, confidence: float = 0.95, minimum: int = 2
) -> RiskTable:
    """Volatility, value at risk and expected shortfall of m portfolios from one table of prices.

    A portfolio uses the rows on which all its own assets have a price; where no price is missing all portfolios are
    one matrix product.

    Args:
        prices: (T, n), > 0 or NaN, oldest first.
        weights: (m, n); what a row leaves of 1 is cash without return.
        confidence: above 0.5, below 1.
        minimum: least number of returns, at least 2.

    Raises:
        ValueError: shapes that do not match, infinite or not positive prices, weights that are not finite, an option
            out of range.
    """
    function = "risk_table"
    table, w = as_array(prices, function, "prices"), as_array(weights, function, "weights")
    if table.ndim != 2 or w.ndim != 2 or w.shape[1] != table.shape[1]:
        raise ValueError(
            f"[{function}] weights: expected shape (m, n) beside (T, n) prices, got {w.shape}, {table.shape}"
        )
    if (table <= 0).any() or np.isinf(table).any():
        raise ValueError(f"[{function}] prices: expected numbers > 0 or NaN, got {table[~(table > 0)][0]}")
    if not np.isfinite(w).all():
        raise ValueError(f"[{function}] weights: expected finite numbers, got NaN or infinity")
    if not 0.5 < confidence < 1 or minimum < 2:
        raise ValueError(
            f"[{function}] expected confidence in (0.5, 1) and minimum >= 2, got {confidence} and {minimum}"
        )
    numbers, counts = np.full((3, len(w)), np.nan), np.zeros(len(w), dtype=np.int64)
    gaps = np.isnan(table).any(axis=0)
    broken = (w[:, gaps] != 0).any(axis=1)
    whole = np.flatnonzero(~broken)
    if len(table) > minimum:
        returns = table[1:, ~gaps] / table[:-1, ~gaps] - 1
        for start in range(0, len(whole), BLOCK):
            rows = whole[start : start + BLOCK]
            numbers[:, rows], counts[rows] = _measures(returns @ w[rows][:, ~gaps].T, confidence), len(returns)
        for row in np.flatnonzero(broken):
            held = w[row] != 0
            own = table[:, held]
            own = own[~np.isnan(own).any(axis=1)]
            if len(own) > minimum:
                series = (own[1:] / own[:-1] - 1) @ w[row, held]
                numbers[:, row], counts[row] = _measures(series[:, None], confidence)[:, 0], len(series)
    return RiskTable(numbers[0], numbers[1], numbers[2], counts)


def _measures(returns: Array, confidence: float) -> Array:
    """(3, m): volatility, VaR and CVaR of the columns."""
    ordered, count = np.sort(returns, axis=0), max((1 - confidence) * len(returns), 1.0)
    whole = int(np.floor(count + 1e-9))
    rest = max(count - whole, 0.0)
    below = ordered[:whole].sum(axis=0) + (rest * ordered[whole] if rest > 1e-9 else 0.0)
    return np.stack([returns.std(axis=0, ddof=1), np.quantile(ordered, 1 - confidence, axis=0), below / count])

"""The mechanics of a walk-forward test: which days trade, what drifts, what a trade costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from portfolio_engine._labels import Array

SCHEDULES = ("daily", "weekly", "monthly", "quarterly")
MAX_GAPS = 0.05  # share of missing prices inside the window of an asset that may still be chosen


def carry_forward(prices: Array) -> Array:
    """Each missing price replaced by the last one before it; what comes before the first price stays NaN."""
    rows = np.where(np.isnan(prices), -1, np.arange(len(prices))[:, None])
    last = np.maximum.accumulate(rows, axis=0)
    filled = np.take_along_axis(prices, np.maximum(last, 0), axis=0)
    return np.where(last < 0, np.nan, filled)


def eligible(window: Array) -> npt.NDArray[np.bool_]:
    """Assets with a price on the first and the last day of the window and at most 5 % missing between."""
    known = ~np.isnan(window)
    enough = known.mean(axis=0) >= 1 - MAX_GAPS
    return np.asarray(known[0] & known[-1] & enough)


def trade_rows(dates: npt.NDArray[np.datetime64] | None, rows: int, schedule: str | int, first: int) -> list[int]:
    """Rows that trade: `first`, then the first row of each new period (or every n-th row after `first`).

    A new period is known on its first day, so the rule never looks at a later date.
    """
    if isinstance(schedule, int):
        return list(range(first, rows, schedule))
    if schedule == "daily":
        return list(range(first, rows))
    assert dates is not None
    days = dates.astype("datetime64[D]")
    if schedule == "weekly":
        period = (days.astype(np.int64) + 3) // 7  # 1970-01-01 was a Thursday: weeks start on Monday
    else:
        period = days.astype("datetime64[M]").astype(np.int64) // (3 if schedule == "quarterly" else 1)
    starts = np.flatnonzero(np.diff(period) != 0) + 1
    return [first, *(int(row) for row in starts if row > first)]


@dataclass
class Account:
    """Money per asset and cash; cash earns nothing."""

    holdings: Array
    cash: float

    @property
    def value(self) -> float:
        return float(self.holdings.sum() + self.cash)

    def drift(self, growth: Array) -> None:
        """A day passes: each holding grows by its price ratio."""
        self.holdings = np.where(self.holdings != 0.0, self.holdings * growth, 0.0)

    def trade_to(self, weights: Array, cost_rate: float) -> tuple[float, float]:
        """Trades to weights of the value that is left after the trade's own cost; returns (turnover, cost) in money.

        The value after costs solves V = V0 - rate * sum|w V - h|, a contraction for rate * sum|w| < 1.
        """
        before = after = self.value
        for _ in range(200):
            turnover = float(np.abs(weights * after - self.holdings).sum())
            updated = before - cost_rate * turnover
            if updated == after:
                break
            after = updated
        target = weights * after
        turnover = float(np.abs(target - self.holdings).sum())
        cost = cost_rate * turnover
        self.cash = before - cost - float(target.sum())
        self.holdings = target
        return turnover, cost

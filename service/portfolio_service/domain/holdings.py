"""The contract's metrics of many portfolios at once, from one table of prices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from portfolio_service.domain.measures import MIN_RETURNS, measure
from portfolio_service.domain.models import PerformanceMetrics
from portfolio_service.domain.valuation import Floats


def metrics_of_many(
    portfolio_ids: Sequence[str],
    prices: Floats,
    weights: Floats,
    totals: Floats,
    benchmark: Floats,
    risk_free_rate: float,
    now: datetime,
) -> list[tuple[PerformanceMetrics | None, bool]]:
    """One for each row of `weights` (m, n), on the rows of `prices` (T, n) on which all it holds has one; None under
    MIN_RETURNS of them. Beside it whether the `benchmark` (T,) has all of those days."""
    found: list[tuple[PerformanceMetrics | None, bool]] = []
    for portfolio_id, row, total in zip(portfolio_ids, weights, totals, strict=True):
        held = row != 0
        days = ~np.isnan(prices[:, held]).any(axis=1)
        own, market = prices[days][:, held], benchmark[days]
        there = not np.isnan(market).any()
        if not held.any() or len(own) <= MIN_RETURNS:
            found.append((None, there))
            continue
        returns = pd.Series((own[1:] / own[:-1] - 1) @ row[held])
        beside = pd.Series(market[1:] / market[:-1] - 1) if there else None
        found.append((measure(portfolio_id, returns, beside, risk_free_rate, float(total), now), there))
    return found

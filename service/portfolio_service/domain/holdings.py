"""What today's holdings would have returned, and the contract's metrics of many portfolios from one table of prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from portfolio_service.domain.measures import MIN_RETURNS, measure
from portfolio_service.domain.models import PerformanceMetrics
from portfolio_service.domain.valuation import Floats


@dataclass(frozen=True)
class HoldingsReturns:
    """Daily returns of today's weights, cash at zero; the benchmark's where it has all of those dates."""

    dates: pd.DatetimeIndex  # (T,), of the later close of each return
    returns: Floats  # (T,)
    benchmark: Floats | None  # (T,)


def holdings_returns(closes: pd.DataFrame, weights: Mapping[str, float], benchmark: str) -> HoldingsReturns:
    """On the dates on which every one of `weights` has a close; no returns when there are fewer than two of them."""
    if not weights or any(symbol not in closes for symbol in weights):
        return HoldingsReturns(pd.DatetimeIndex([]), np.empty(0), None)
    column = {str(symbol): k for k, symbol in enumerate(closes.columns)}
    table = closes.to_numpy(dtype=np.float64)
    own = table[:, [column[symbol] for symbol in weights]]
    days = ~np.isnan(own).any(axis=1)
    own = own[days]
    returns = (own[1:] / own[:-1] - 1) @ np.array(list(weights.values()))
    dates = pd.DatetimeIndex(closes.index[days][1:])
    market = table[days, column[benchmark]] if benchmark in column else np.full(len(own), np.nan)
    beside = None if np.isnan(market).any() else market[1:] / market[:-1] - 1
    return HoldingsReturns(dates, returns, beside)


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
        returns = (own[1:] / own[:-1] - 1) @ row[held]
        beside = market[1:] / market[:-1] - 1 if there else None
        found.append((measure(portfolio_id, returns, beside, risk_free_rate, float(total), now), there))
    return found

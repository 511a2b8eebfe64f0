"""Walk-forward backtest: weights from the past only, drifting holdings, costs on every trade."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from portfolio_engine._backtest_decide import decide
from portfolio_engine._backtest_input import Input, check_input, read_input
from portfolio_engine._labels import Array
from portfolio_engine._walk import Account, eligible, trade_rows
from portfolio_engine.constraints import Constraints

if TYPE_CHECKING:
    from portfolio_engine.performance import Performance

UNTRADED = ("relaxed", "infeasible", "no_assets")  # "relaxed" trades with accept_relaxed


@dataclass(frozen=True)
class Rebalance:
    """One decision of a backtest.

    Attributes:
        date: the day it traded (row number when the prices have no dates).
        decided_on: the last day the method saw.
        status: the optimiser's; "infeasible" when the constraints conflict, "custom" for a function's weights,
            "no_assets" when nothing was eligible.
        traded: False leaves the holdings as they drift.
        assets: number of eligible assets.
        turnover: sum |trade| over the value before it.
        cost: money paid for it.
        target_weights: (n,), zero where not eligible, NaN where there was no answer; a Series when labels were given.
        milliseconds: of the optimisation.
    """

    date: Any
    decided_on: Any
    status: str
    traded: bool
    assets: int
    turnover: float
    cost: float
    target_weights: Any
    milliseconds: float


@dataclass(frozen=True)
class Backtest:
    """The daily record of a backtest from its first trade on; pandas objects when the prices were a DataFrame.

    Attributes:
        dates: (days,).
        values: (days,), money at the close, after costs.
        returns: (days,), simple; the first one is on initial_value, so that values = initial_value *
            cumprod(1 + returns).
        weights: (days, n), at the close, after trades; what is missing to one is cash.
        benchmark_returns: (days,) or None; zero on the first day, on which the portfolio only pays its first trade.
        rebalances: every decision, in order.
        total_turnover: sum of the decisions' turnovers.
        total_cost: money.
        initial_value: money.
        method: name, "custom" for a function.
        status: "completed", or "ruined" when the value reached zero and the record stops before that day.
        performance: measures of `returns` against `benchmark_returns`.
    """

    dates: Any
    values: Any
    returns: Any
    weights: Any
    benchmark_returns: Any
    rebalances: tuple[Rebalance, ...]
    total_turnover: float
    total_cost: float
    initial_value: float
    method: str
    status: str
    performance: Performance

    @property
    def statuses(self) -> dict[str, int]:
        """How many decisions ended with each status."""
        counts: dict[str, int] = {}
        for item in self.rebalances:
            counts[item.status] = counts.get(item.status, 0) + 1
        return counts

    def plot(self, path: Any = None) -> Any:
        """Value, drawdown and weights as a matplotlib Figure; saved to `path` when given."""
        from portfolio_engine.plots import plot_backtest

        return plot_backtest(self, path)


def backtest(
    prices: Any,
    method: str | Callable[[Any], Any] = "mean_variance",
    schedule: str | int = "monthly",
    costs: float = 10.0,
    *,
    lookback: int = 252,
    lag: int = 1,
    constraints: Constraints | None = None,
    benchmark: Any = None,
    dates: Any = None,
    initial_value: float = 100_000.0,
    risk_free_rate: float = 0.0,
    accept_relaxed: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Backtest:
    """Test a method on past prices, walking forward.

    At a decision an asset is eligible when it has a price on the first and the last day of the window and at most 5 %
    missing between. Missing prices are valued, traded and turned into returns at the last price before them; an asset
    that stops quoting is sold at its last price by the next decision that trades. A decision without an answer keeps
    the holdings. Money not invested earns nothing. Nothing after `decided_on` is read.

    Args:
        prices: (days, n), positive, NaN where there is none; a DataFrame with a DatetimeIndex, or an array with
            `dates`.
        method: a method of `optimize`, or a function of the window's returns ((lookback, eligible assets), a DataFrame
            when prices is one) that gives weights: array, mapping, Series or Allocation.
        schedule: "daily", "weekly", "monthly", "quarterly" (first trading day of the period), or a number of days; the
            first trade is on the first day that has `lookback` returns and `lag` days before it.
        costs: basis points of each trade's value, 0 to 1000, paid out of the portfolio at the trade.
        lookback: daily returns a decision sees.
        lag: trading days between the last price seen and the trade: 1 decides on yesterday's close and trades at
            today's, 0 trades at the close it was decided on.
        constraints: as for `optimize`. Names not eligible on a day are left out on that day, groups and rows without
            an eligible asset too; a turnover limit is taken against the drifted weights, the first purchase is free
            of it.
        benchmark: name of a column (then not an asset), or its own prices: a Series with dates, or (days,).
        dates: (days,) datetime64, for arrays.
        initial_value: money.
        risk_free_rate: annual, for the method and the measures.
        accept_relaxed: trade a target that met its soft constraints only as nearly as possible.
        progress: called with (decisions done, decisions in all).
        options: passed on to `optimize` (target_return, max_volatility, risk_aversion, device, ...).

    Returns:
        Backtest.

    Raises:
        ValueError: a bad argument, too few days, unknown names in constraints.
    """
    given = read_input(prices, benchmark, dates, method, constraints, lookback, lag, accept_relaxed, options)
    check_input(given, schedule, costs, initial_value)
    first = lookback + lag
    rows = trade_rows(given.dates, len(given.raw), schedule, first)
    record = _walk(given, rows, first, costs / 10_000.0, float(initial_value), progress, risk_free_rate)
    return _result(given, record, first, float(initial_value), risk_free_rate)


@dataclass
class _Record:
    values: list[float]
    weights: list[Array]
    rebalances: list[Rebalance]
    turnover: float
    cost: float
    status: str


def _walk(
    given: Input,
    rows: list[int],
    first: int,
    cost_rate: float,
    initial_value: float,
    progress: Callable[[int, int], None] | None,
    risk_free_rate: float,
) -> _Record:
    days, assets = given.raw.shape
    account = Account(np.zeros(assets), initial_value)
    record = _Record([], [], [], 0.0, 0.0, "completed")
    pending = set(rows)
    for row in range(first, days):
        account.drift(given.filled[row] / given.filled[row - 1])
        if account.value <= 0.0:
            record.status = "ruined"
            break
        if row in pending:
            item = _rebalance(given, row, account, cost_rate, risk_free_rate)
            record.rebalances.append(item)
            record.turnover += item.turnover
            record.cost += item.cost
            if progress is not None:
                progress(len(record.rebalances), len(rows))
        record.values.append(account.value)
        record.weights.append(account.holdings / account.value)
    return record


def _rebalance(given: Input, row: int, account: Account, cost_rate: float, risk_free_rate: float) -> Rebalance:
    seen = row - given.lag
    window = slice(seen - given.lookback, seen + 1)
    chosen = np.flatnonzero(eligible(given.raw[window]))
    current = account.holdings / account.value
    target, status, milliseconds = decide(given, window, chosen, current, risk_free_rate)
    traded = bool(np.isfinite(target).all()) and (status not in UNTRADED or given.accept_relaxed)
    turnover = cost = 0.0
    if traded:
        before = account.value
        money, cost = account.trade_to(target, cost_rate)
        turnover = money / before
    labelled = target if given.names is None else sys.modules["pandas"].Series(target, index=list(given.names))
    return Rebalance(
        given.label(row), given.label(seen), status, traded, len(chosen), turnover, cost, labelled, milliseconds
    )


def _result(given: Input, record: _Record, first: int, initial_value: float, risk_free_rate: float) -> Backtest:
    from portfolio_engine.performance import performance

    values = np.array(record.values)
    returns = values / np.concatenate(([initial_value], values[:-1])) - 1.0
    span = slice(first, first + len(values))
    reference = None
    if given.benchmark is not None:
        growth = given.benchmark[span] / given.benchmark[first - 1 : first - 1 + len(values)] - 1.0
        reference = np.concatenate(([0.0], growth[1:]))  # the first day holds the first trade's cost only
    weights = np.array(record.weights)
    dates: Any = np.arange(span.start, span.stop) if given.index is None else given.index[span]
    labelled: dict[str, Any] = {"values": values, "returns": returns, "benchmark_returns": reference}
    if given.names is not None:
        series = sys.modules["pandas"].Series
        labelled = {k: None if v is None else series(v, index=dates, name=k) for k, v in labelled.items()}
        weights = sys.modules["pandas"].DataFrame(weights, index=dates, columns=list(given.names))
    measured = performance(labelled["returns"], labelled["benchmark_returns"], risk_free_rate=risk_free_rate)
    return Backtest(
        dates=dates,
        weights=weights,
        rebalances=tuple(record.rebalances),
        total_turnover=record.turnover,
        total_cost=record.cost,
        initial_value=initial_value,
        method=given.method if isinstance(given.method, str) else "custom",
        status=record.status,
        performance=measured,
        **labelled,
    )

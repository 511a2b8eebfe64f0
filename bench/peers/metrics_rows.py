"""Performance metrics of one portfolio and of a thousand: the ones that ours and empyrical both have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import portfolio_engine as pe
from bench.kernels import returns
from bench.peers.case import OURS, Row, Work, only
from bench.peers.qp_problem import Array

# Ours -> the same measure in empyrical; those that agree in definition.
EMPYRICAL: dict[str, Callable[[Any, Array, Array], Any]] = {
    "total_return": lambda e, x, _: e.cum_returns_final(x),
    "geometric_return": lambda e, x, _: e.annual_return(x),
    "volatility": lambda e, x, _: e.annual_volatility(x),
    "downside_deviation": lambda e, x, _: e.downside_risk(x),
    "sharpe_ratio": lambda e, x, _: e.sharpe_ratio(x),
    "sortino_ratio": lambda e, x, _: e.sortino_ratio(x),
    "omega_ratio": lambda e, x, _: e.omega_ratio(x),
    "tail_ratio": lambda e, x, _: e.tail_ratio(x),
    "max_drawdown": lambda e, x, _: e.max_drawdown(x),
    "calmar_ratio": lambda e, x, _: e.calmar_ratio(x),
    "value_at_risk": lambda e, x, _: e.value_at_risk(x, cutoff=0.05),
    "beta": lambda e, x, y: e.beta(x, y),
}
WHOLE_TABLES = ("total_return", "geometric_return", "volatility", "downside_deviation", "sharpe_ratio", "sortino_ratio",
                "max_drawdown")  # fmt: skip
# And in quantstats, which has them in the same definition.
QUANTSTATS: dict[str, Callable[[Any, Any], Any]] = {
    "total_return": lambda q, x: q.comp(x),
    "volatility": lambda q, x: q.volatility(x),
    "sharpe_ratio": lambda q, x: q.sharpe(x),
    "max_drawdown": lambda q, x: q.max_drawdown(x),
    "omega_ratio": lambda q, x: q.omega(x),
    "tail_ratio": lambda q, x: q.tail_ratio(x),
}


def series(observations: int) -> Work:
    """One portfolio and its benchmark. Peers compute a dozen of the forty measures that ours always does."""
    import empyrical
    import pandas as pd
    from quantstats import stats

    observed, market = (np.ascontiguousarray(column) for column in returns(observations, 2).T)
    truth = {name: measure(empyrical, observed, market) for name, measure in EMPYRICAL.items()}
    dated = pd.Series(observed, index=pd.bdate_range("2000-01-03", periods=observations))

    def error(found: dict[str, Any]) -> float:
        return max(abs(float(value) / float(truth[name]) - 1) for name, value in found.items())

    return Work(
        (
            only(
                OURS,
                lambda: pe.performance(observed, market, device="cpu"),
                lambda r: {name: getattr(r, name) for name in EMPYRICAL},
            ),
            only("empyrical", lambda: {name: f(empyrical, observed, market) for name, f in EMPYRICAL.items()}),
            only("quantstats, 6 of them", lambda: {name: f(stats, dated) for name, f in QUANTSTATS.items()}),
        ),
        error,
        bytes=16.0 * observations,
    )


def table(portfolios: int, observations: int) -> Work:
    """A column for each portfolio, the same dozen measures; empyrical takes a whole table for seven of them."""
    import empyrical

    observed = returns(observations, portfolios)
    market = np.ascontiguousarray(observed.mean(axis=1))
    truth = np.array([[EMPYRICAL[name](empyrical, column, market) for name in EMPYRICAL] for column in observed.T[:20]])

    def error(found: Array) -> float:
        return float(np.abs(found[:20] / truth - 1).max())

    def loop() -> Array:
        columns = np.ascontiguousarray(observed.T)
        return np.array([[EMPYRICAL[name](empyrical, column, market) for name in EMPYRICAL] for column in columns])

    def at_once() -> Array:
        columns = np.ascontiguousarray(observed.T)

        def measured(name: str) -> Any:
            if name in WHOLE_TABLES:
                return EMPYRICAL[name](empyrical, observed, market)
            return [EMPYRICAL[name](empyrical, column, market) for column in columns]

        return np.column_stack([measured(name) for name in EMPYRICAL])

    return Work(
        (
            only(
                OURS,
                lambda: pe.performance_batch(observed, market, device="cpu"),
                lambda r: np.column_stack([getattr(r, name) for name in EMPYRICAL]),
            ),
            only("empyrical, a loop", loop),
            only("empyrical, tables where it takes them", at_once),
        ),
        error,
        bytes=8.0 * portfolios * observations,
    )


ROWS = (
    *(
        Row("metrics", days, f"metrics of one portfolio, {days} days", 0.1, lambda t=days: series(t), days == 252)
        for days in (252, 2520)
    ),
    Row("metrics", 1000, "metrics of 1,000 portfolios, 252 days", 0.02, lambda: table(1000, 252)),
)

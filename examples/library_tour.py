"""The Python library without the service: python examples/library_tour.py [prices.csv]

Prices: a first column of dates, one column per symbol. Without a file, returns of a made-up market are used.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import portfolio_engine as pe


def made_up_prices(days: int = 1260) -> pd.DataFrame:
    """Five correlated assets, five years; made up, seeded."""
    rng = np.random.default_rng(2024)
    market = rng.standard_normal((days, 1)) * 0.008
    own = rng.standard_normal((days, 5)) * [0.006, 0.009, 0.011, 0.014, 0.004]
    drift = np.array([0.0004, 0.0005, 0.0006, 0.0008, 0.0002])
    index = pd.bdate_range("2020-01-01", periods=days, name="date")
    return pd.DataFrame(
        100 * np.exp(np.cumsum(drift + market + own, axis=0)),
        index=index,
        columns=["UTIL", "BANK", "SOFT", "CHIP", "BOND"],
    )


def main() -> None:
    prices = pd.read_csv(sys.argv[1], index_col=0, parse_dates=True) if len(sys.argv) > 1 else made_up_prices()
    moments = pe.estimate_moments(prices.pct_change().iloc[1:])  # annual; Ledoit-Wolf covariance

    rules = pe.Constraints(max_weight=0.4)
    best = pe.optimize(moments, "max_sharpe", rules, risk_free_rate=0.02)
    print(f"max_sharpe ({best.status}): return {best.expected_return:.1%}, risk {best.expected_risk:.1%}")
    print(best.weights.map("{:.1%}".format).to_string())
    print("what binds:", {k: round(v, 3) for k, v in best.shadow_prices.items() if k.startswith("max_weight[") and v})

    frontier = pe.efficient_frontier(moments, 20, rules, risk_free_rate=0.02)
    print(f"frontier: risk from {frontier.expected_risk[0]:.1%} to {frontier.expected_risk[-1]:.1%}")

    plan = pe.plan_rebalance({}, prices.iloc[-1], 100_000, best.weights)  # exact decimals, to the cent
    for trade in plan.trades:
        print(f"  {trade.side} {trade.quantity} {trade.symbol} at {trade.price}: {trade.value}")
    print(f"turnover {plan.total_turnover}, cost {plan.execution_cost}, cash left {plan.cash_after}")

    tested = pe.backtest(prices, "max_sharpe", "monthly", costs=10, constraints=rules)
    done = tested.performance
    print(
        f"walk-forward: {done.annualized_return:.1%} a year, volatility {done.volatility:.1%}, Sharpe ratio "
        f"{done.sharpe_ratio:.2f}, worst drawdown {done.max_drawdown:.1%}, {len(tested.rebalances)} rebalances"
    )


if __name__ == "__main__":
    main()

"""Walk-forward backtests: the accounts against a slow recomputation, and nothing seen before its time."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

import portfolio_engine._walk as walk
from portfolio_engine.backtest import Backtest, backtest
from portfolio_engine.constraints import Constraints

RNG = np.random.default_rng(7)
DAYS = pd.bdate_range("2020-01-01", periods=420)
NAMES = ["AAA", "BBB", "CCC", "DDD"]


def make_prices(days: int = 420, seed: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((days, 1)) * 0.006
    steps = 0.0004 + common + rng.standard_normal((days, 4)) * [0.008, 0.011, 0.014, 0.02]
    return pd.DataFrame(50 * np.exp(np.cumsum(steps, axis=0)), index=DAYS[:days], columns=NAMES)


PRICES = make_prices()
FIXED = {"AAA": 0.4, "BBB": 0.3, "CCC": 0.2, "DDD": 0.1}


def fixed(returns: pd.DataFrame) -> dict[str, float]:
    return {name: FIXED[name] for name in returns.columns}


def slow_accounts(prices: pd.DataFrame, result: Backtest, bps: float, initial: float) -> np.ndarray:
    """The same account in share counts, one asset at a time, the cost found by bisection."""
    shares, cash, values = dict.fromkeys(prices.columns, 0.0), initial, []
    targets = {item.date: item.target_weights for item in result.rebalances if item.traded}
    for day in result.dates:
        price = prices.loc[day]
        if day in targets:
            before = cash + sum(shares[s] * price[s] for s in shares)
            low, high = 0.0, before
            for _ in range(200):
                after = (low + high) / 2
                traded = sum(abs(targets[day][s] * after - shares[s] * price[s]) for s in shares)
                low, high = (after, high) if after + bps / 1e4 * traded < before else (low, after)
            shares = {s: targets[day][s] * after / price[s] for s in shares}
            cash = after - sum(targets[day][s] * after for s in shares)
        values.append(cash + sum(shares[s] * price[s] for s in shares))
    return np.array(values)


@pytest.mark.parametrize(("method", "bps"), [("max_sharpe", 25.0), ("min_variance", 0.0), (fixed, 200.0)])
def test_accounts_agree_with_a_slow_recomputation(method: Any, bps: float) -> None:
    result = backtest(PRICES, method, "monthly", bps, lookback=60, initial_value=250_000)
    expected = slow_accounts(PRICES, result, bps, 250_000)
    np.testing.assert_allclose(result.values, expected, rtol=1e-12)
    np.testing.assert_allclose(250_000 * np.cumprod(1 + result.returns), expected, rtol=1e-12)
    money = sum(item.cost for item in result.rebalances)
    assert result.total_cost == pytest.approx(money)
    before = [result.values[item.date] + item.cost for item in result.rebalances]
    paid = [item.turnover * value * bps / 1e4 for item, value in zip(result.rebalances, before, strict=True)]
    assert money == pytest.approx(sum(paid), rel=1e-12)
    assert result.total_turnover == pytest.approx(sum(item.turnover for item in result.rebalances))
    assert result.status == "completed"


def test_weights_drift_between_trades() -> None:
    result = backtest(PRICES, fixed, 10_000, 0, lookback=60)
    start = result.dates[0]
    grown = (PRICES.loc[start:] / PRICES.loc[start]) * pd.Series(FIXED)
    np.testing.assert_allclose(result.weights, grown.div(grown.sum(axis=1), axis=0), rtol=1e-12)
    np.testing.assert_allclose(result.values, 100_000 * grown.sum(axis=1), rtol=1e-12)
    assert len(result.rebalances) == 1


def test_daily_equal_weights_without_costs_earn_the_mean_return() -> None:
    result = backtest(PRICES, "equal_weight", "daily", 0, lookback=30)
    mean = PRICES.pct_change().mean(axis=1).loc[result.dates[1:]]
    np.testing.assert_allclose(result.returns.iloc[1:], mean, atol=1e-14)
    assert result.returns.iloc[0] == 0.0


def tampered(prices: pd.DataFrame, row: int) -> pd.DataFrame:
    other = prices.copy()
    other.iloc[row:] *= np.random.default_rng(3).uniform(0.2, 5.0, other.iloc[row:].shape)
    return other


@pytest.mark.parametrize("method", ["mean_variance", "max_sharpe", "risk_parity"])
@pytest.mark.parametrize("row", [100, 230, 419])
def test_the_future_cannot_be_seen(method: str, row: int) -> None:
    full = backtest(PRICES, method, "weekly", lookback=60)
    other = backtest(tampered(PRICES, row), method, "weekly", lookback=60)
    cut = backtest(PRICES.iloc[: max(row, 63)], method, "weekly", lookback=60)
    past = full.dates < PRICES.index[row]
    for changed in (other, cut):
        days = changed.dates < PRICES.index[row]
        assert np.array_equal(full.values[past], changed.values[days])  # bit for bit
        assert np.array_equal(full.weights[past], changed.weights[days])
    for one, two in zip(full.rebalances, other.rebalances, strict=True):
        same = np.array_equal(one.target_weights, two.target_weights)
        assert same or one.decided_on >= PRICES.index[row]


def test_lag_is_the_distance_between_seeing_and_trading() -> None:
    seen: list[pd.Timestamp] = []

    def spy(returns: pd.DataFrame) -> np.ndarray:
        seen.append(returns.index[-1])
        assert len(returns) == 40
        return np.full(4, 0.25)

    for lag in (0, 1, 5):
        seen.clear()
        result = backtest(PRICES, spy, "monthly", lookback=40, lag=lag)
        at = [PRICES.index.get_loc(item.date) for item in result.rebalances]
        assert [PRICES.index.get_loc(day) for day in seen] == [row - lag for row in at]
        assert [item.decided_on for item in result.rebalances] == seen
        assert at[0] == 40 + lag


def test_schedules_trade_on_the_first_day_of_each_period() -> None:
    expected = {
        "daily": lambda day: day,
        "weekly": lambda day: day.isocalendar()[:2],
        "monthly": lambda day: (day.year, day.month),
        "quarterly": lambda day: (day.year, day.quarter),
    }
    for schedule, period in expected.items():
        result = backtest(PRICES, fixed, schedule, lookback=60)
        firsts = [day for before, day in itertools.pairwise(DAYS[60:]) if period(before) != period(day)]
        assert [item.date for item in result.rebalances] == list(dict.fromkeys([DAYS[61], *firsts]))
    rows = [PRICES.index.get_loc(item.date) for item in backtest(PRICES, fixed, 21, lookback=60).rebalances]
    assert rows == list(range(61, 420, 21))


def test_late_listings_gaps_and_the_end_of_quotes() -> None:
    prices = PRICES.copy()
    prices.iloc[:150, 3] = np.nan  # DDD lists late
    prices.iloc[200:203, 1] = np.nan  # BBB pauses
    prices.iloc[300:, 0] = np.nan  # AAA stops
    result = backtest(prices, "equal_weight", "monthly", 10, lookback=60)
    for item in result.rebalances:
        seen = prices.index.get_loc(item.decided_on)
        window = prices.iloc[seen - 60 : seen + 1]
        listed = window.iloc[0].notna() & window.iloc[-1].notna()
        assert ((item.target_weights > 0) == listed).all()
        assert item.assets == listed.sum()
    filled = prices.ffill().bfill()
    np.testing.assert_allclose(result.values, slow_accounts(filled, result, 10, 100_000), rtol=1e-12)
    assert result.weights["AAA"].iloc[-1] == 0.0
    assert result.weights["DDD"].iloc[0] == 0.0
    assert not np.isnan(result.values).any()


def test_too_many_gaps_or_no_asset_keeps_the_holdings() -> None:
    prices = PRICES.copy()
    prices.iloc[10:50:3] = np.nan
    result = backtest(prices, fixed, "monthly", lookback=60)
    assert result.statuses["no_assets"] >= 1
    assert not result.rebalances[0].traded
    assert result.values.iloc[0] == 100_000
    assert result.rebalances[-1].traded
    assert np.isnan(result.rebalances[0].target_weights).all()


def test_infeasible_and_relaxed_decisions_keep_the_holdings() -> None:
    tight = Constraints(max_weight=0.1)
    kept = backtest(PRICES, "mean_variance", "quarterly", lookback=60, constraints=tight)
    assert set(kept.statuses) == {"infeasible"}
    assert (kept.values == 100_000).all()
    relaxed = backtest(PRICES, "mean_variance", "quarterly", lookback=60, target_return=3.0)
    assert "relaxed" in relaxed.statuses
    assert all(item.traded == (item.status == "optimal") for item in relaxed.rebalances)
    accepted = backtest(PRICES, "mean_variance", "quarterly", lookback=60, target_return=3.0, accept_relaxed=True)
    assert all(item.traded for item in accepted.rebalances)


def test_constraints_follow_the_assets_that_are_there() -> None:
    prices = PRICES.copy()
    prices.iloc[:200, 3] = np.nan
    rules = Constraints(
        max_weight={"DDD": 0.05, "*": 0.6},
        groups={"late": ["DDD"], "both": ["CCC", "DDD"]},
        group_max={"late": 0.04, "both": 0.3},
        linear={"pair": {"coefficients": {"AAA": 1, "DDD": -1}, "lower": 0.1}},
        turnover=0.3,
        current_weights={},
    )
    for given in (prices, prices.to_numpy()):
        named = rules
        if given is not prices:
            named = Constraints(
                max_weight={"3": 0.05, "*": 0.6},
                groups={"late": ["3"], "both": ["2", "3"]},
                group_max={"late": 0.04, "both": 0.3},
                linear={"pair": {"coefficients": {"0": 1, "3": -1}, "lower": 0.1}},
                turnover=0.3,
                current_weights={},
            )
        result = backtest(
            given, "min_variance", "monthly", lookback=60, constraints=named, dates=DAYS, accept_relaxed=True
        )
        targets = np.array([item.target_weights for item in result.rebalances])
        assert targets[:, 3].max() <= 0.04 + 1e-9
        assert (targets[:, 2] + targets[:, 3]).max() <= 0.3 + 1e-9
        assert (targets[:, 0] - targets[:, 3]).min() >= 0.1 - 1e-9
        assert result.rebalances[0].turnover > 0.9  # the first purchase is free of the limit
        assert all(item.turnover <= 0.3 + 1e-3 for item in result.rebalances[1:] if item.status == "optimal")


def test_arrays_and_frames_give_the_same_numbers() -> None:
    frame = backtest(PRICES, "risk_parity", "monthly", lookback=60)
    array = backtest(PRICES.to_numpy(), "risk_parity", "monthly", lookback=60, dates=DAYS.to_numpy())
    assert np.array_equal(frame.values.to_numpy(), array.values)
    assert np.array_equal(frame.weights.to_numpy(), array.weights)
    bare = backtest(PRICES.to_numpy(), "risk_parity", 21, lookback=60)
    assert bare.rebalances[0].date == 61
    assert bare.dates[0] == 61


def test_a_portfolio_of_its_benchmark_has_beta_one() -> None:
    result = backtest(PRICES[["AAA"]], "equal_weight", 10_000, 0, lookback=60, benchmark=PRICES["AAA"])
    assert result.performance.beta == pytest.approx(1, abs=1e-12)
    assert result.performance.tracking_error == pytest.approx(0, abs=1e-12)
    column = backtest(PRICES, "equal_weight", "monthly", lookback=60, benchmark="AAA")
    assert list(column.weights.columns) == ["BBB", "CCC", "DDD"]
    expected = PRICES["AAA"].pct_change().loc[column.dates]
    np.testing.assert_allclose(column.benchmark_returns.iloc[1:], expected.iloc[1:], rtol=1e-12)


def test_a_short_portfolio_can_be_ruined_and_says_so() -> None:
    prices = PRICES.copy()
    prices.loc[DAYS[200] :, "AAA"] *= 4
    result = backtest(prices, lambda r: np.array([-0.6, 0, 0, 0]), 10_000, 0, lookback=60)
    assert result.status == "ruined"
    assert len(result.values) == 200 - 61
    assert (result.values > 0).all()


def test_progress_counts_the_decisions() -> None:
    calls: list[tuple[int, int]] = []
    result = backtest(PRICES, fixed, "monthly", lookback=60, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(k, len(result.rebalances)) for k in range(1, len(result.rebalances) + 1)]


def test_the_account_pays_its_own_costs() -> None:
    account = walk.Account(np.array([500.0, 0.0]), 500.0)
    turnover, cost = account.trade_to(np.array([0.2, 0.8]), 0.01)
    assert cost == pytest.approx(0.01 * turnover, rel=1e-14)
    assert account.value == pytest.approx(1000 - cost, rel=1e-14)
    assert account.cash == pytest.approx(0, abs=1e-11)
    np.testing.assert_allclose(account.holdings / account.value, [0.2, 0.8], rtol=1e-14)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": "hourly"}, "schedule: expected one of daily, weekly, monthly, quarterly or a number"),
        ({"schedule": 0}, "schedule: expected"),
        ({"costs": -1}, "costs: expected basis points between 0 and 1000, got -1"),
        ({"lookback": 1}, "lookback: expected a whole number of at least 2"),
        ({"lag": -1}, "lag: expected"),
        ({"lookback": 419}, "prices: expected at least 422 days .* got 420; shorten lookback"),
        ({"initial_value": 0}, "initial_value: expected a positive amount"),
        ({"benchmark": "ZZZ"}, "benchmark: expected a column of prices or a series, got 'ZZZ'"),
        ({"prices": PRICES.to_numpy()}, "dates: expected dates for the schedule 'monthly'"),
        ({"prices": -PRICES}, "prices: expected positive finite prices"),
        ({"prices": PRICES.iloc[::-1]}, "dates: expected 420 ascending unique dates"),
        ({"prices": PRICES["AAA"]}, "prices: expected shape"),
        ({"benchmark": np.ones(3)}, r"benchmark: expected shape \(420,\), got \(3,\)"),
        ({"method": lambda returns: [0.5]}, "method: expected 4 finite weights"),
        ({"method": lambda returns: {"ZZZ": 1.0}}, "method: expected weights of eligible assets, got ZZZ"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, Any], message: str) -> None:
    arguments = {"prices": PRICES, "method": "equal_weight", "schedule": "monthly", "lookback": 60}
    with pytest.raises(ValueError, match=r"^\[backtest\] " + message):
        backtest(**{**arguments, **change})


def test_unknown_methods_and_assets_are_the_optimisers_errors() -> None:
    with pytest.raises(ValueError, match=r"method: expected one of .*max_sharpe.*, got 'max_sharp'"):
        backtest(PRICES, "max_sharp", lookback=60)
    with pytest.raises(ValueError, match="'AAB'; did you mean 'AAA'"):
        backtest(PRICES, "min_variance", lookback=60, constraints=Constraints(max_weight={"AAB": 0.5}))

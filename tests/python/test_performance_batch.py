"""Measures of many series at once are those of each; a window's are those of the window alone."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import portfolio_engine as pe
from portfolio_engine import kernels

RELATIVE = ("alpha", "beta", "correlation", "tracking_error", "information_ratio")
ALONE = (
    "total_return",
    "annualized_return",
    "volatility",
    "downside_deviation",
    "sharpe_ratio",
    "sortino_ratio",
    "max_drawdown",
    "value_at_risk",
    "conditional_value_at_risk",
)


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = kernels.num_threads()
    yield kernels.set_num_threads
    kernels.set_num_threads(before)


def returns(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 4e-4 + 0.006 * rng.standard_normal((rows, 1)) + 0.01 * rng.standard_t(4, (rows, columns))


def nasty(rows: int) -> np.ndarray:
    """Columns: ordinary, all losses, constant, zero, ruined halfway, huge, tiny, equal returns but one."""
    table = returns(rows, 8, seed=3)
    table[:, 1] = -np.abs(table[:, 1])
    table[:, 2], table[:, 3] = 0.01, 0.0
    table[rows // 2, 4] = -1.0
    table[:, 5] = np.abs(table[:, 5]) * 1e3
    table[:, 6] *= 1e-12
    table[:, 7] = 0.003
    table[rows // 3, 7] = -0.2
    return table


def same(got: float, want: float) -> bool:
    return got == want or (math.isnan(got) and math.isnan(want))


@pytest.mark.parametrize("rows", [1, 2, 5, 252])
@pytest.mark.parametrize("with_benchmark", [False, True])
def test_a_table_has_the_numbers_of_each_column(rows: int, with_benchmark: bool) -> None:
    table = np.hstack([returns(rows, 37), nasty(rows)])
    market = returns(rows, 1, seed=9)[:, 0] if with_benchmark else None
    got = pe.performance_batch(table, market, risk_free_rate=0.02, periods_per_year=52, confidence=0.9)
    for k, column in enumerate(table.T):
        one = pe.performance(column, market, risk_free_rate=0.02, periods_per_year=52, confidence=0.9)
        for name, values in got.to_dict().items():
            assert values.shape == (table.shape[1],)
            assert same(values[k], getattr(one, name)), (name, k)
    assert got.observations == rows


def test_a_table_keeps_names_and_becomes_a_frame() -> None:
    dates = pd.bdate_range("2024-01-01", periods=30)
    frame = pd.DataFrame(returns(30, 3), columns=["A", "B", "C"], index=dates)
    got = pe.performance_batch(frame, frame["A"])
    assert got.beta["A"] == pytest.approx(1)
    table = pd.DataFrame(got.to_dict())
    assert list(table.index) == ["A", "B", "C"]
    assert {one.name for one in dataclasses.fields(pe.Performance)} - set(table.columns) == {
        "observations",
        "device",
        "device_reason",
        "_places",
        "_index",
    }
    assert table.loc["B", "longest_drawdown"] == pe.performance(frame["B"]).longest_drawdown
    with pytest.raises(ValueError, match=r"\[performance_batch\] benchmark: expected the index of the returns"):
        pe.performance_batch(frame, frame["A"].set_axis(dates + pd.Timedelta(days=1)))


def test_threads_do_not_change_a_bit(threads: Callable[[int], None]) -> None:
    table = returns(60, 50)
    threads(1)
    one = pe.performance_batch(table).to_dict()
    threads(3)
    for name, values in pe.performance_batch(table).to_dict().items():
        assert np.array_equal(values, one[name], equal_nan=True), name


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (np.zeros(3), {}, r"returns: expected a matrix, got shape \(3,\)"),
        (np.zeros((0, 3)), {}, "returns: expected at least 1 observation, got none"),
        (np.array([[0.1, 0.2], [0.1, np.inf]]), {}, r"returns: expected finite numbers, got inf at \[1, 1\]"),
        (np.array([[0.1, 0.2], [0.1, -2.0]]), {}, r"returns: expected simple returns, .* got -2 at \[1, 1\]"),
        (np.zeros((2, 2)), {"benchmark": [0.1]}, "benchmark: expected one for each of the 2 returns, got 1"),
        (np.zeros((2, 2)), {"confidence": 1}, "confidence: expected a probability"),
    ],
)
def test_wrong_arguments_of_a_table(table: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^\[performance_batch\] {message}"):
        pe.performance_batch(table, **options)


@pytest.mark.parametrize("window", [2, 3, 10, 64, 100, 150])
@pytest.mark.parametrize("with_benchmark", [False, True])
def test_a_window_is_measured_as_a_series_of_its_own(window: int, with_benchmark: bool) -> None:
    series, market = returns(130, 2, seed=window).T.copy()
    market = market if with_benchmark else None
    got = pe.rolling_performance(series, market, window=window, risk_free_rate=0.03, confidence=0.9)
    for t in range(len(series)):
        if t + 1 < window:
            assert all(math.isnan(values[t]) for values in got.to_dict().values())
            continue
        part = slice(t + 1 - window, t + 1)
        other = market[part] if market is not None else None
        one = pe.performance(series[part], other, risk_free_rate=0.03, confidence=0.9)
        for name in ALONE + RELATIVE:
            want = getattr(one, name)
            assert getattr(got, name)[t] == pytest.approx(want, rel=1e-9, abs=1e-13, nan_ok=True), (name, t)


def test_windows_of_nasty_series() -> None:
    """A window with no spread has a volatility of exactly zero, whatever went before."""
    for column in nasty(90).T:
        got = pe.rolling_performance(column, window=7)
        for t in range(6, 90):
            one = pe.performance(column[t - 6 : t + 1])
            for name in ("total_return", "volatility", "max_drawdown", "value_at_risk", "conditional_value_at_risk"):
                assert getattr(got, name)[t] == pytest.approx(getattr(one, name), rel=1e-9, abs=1e-13), (name, t)
    flat = np.r_[1e6, np.full(20, 0.1)]
    assert (pe.rolling_performance(flat, window=5).volatility[5:] == 0).all()


def test_windows_against_pandas() -> None:
    index = pd.bdate_range("2020-01-01", periods=300)
    series, market = (pd.Series(column, index=index) for column in returns(300, 2).T)
    got = pe.rolling_performance(series, market, window=60)
    assert got.volatility.index.equals(index)
    pd.testing.assert_series_equal(got.volatility, series.rolling(60).std() * 252**0.5, check_names=False, rtol=1e-9)
    beta = series.rolling(60).cov(market) / market.rolling(60).var()
    pd.testing.assert_series_equal(got.beta, beta, check_names=False, rtol=1e-8)
    pd.testing.assert_series_equal(got.value_at_risk, series.rolling(60).quantile(0.05), check_names=False, rtol=1e-12)
    assert list(pd.DataFrame(got.to_dict()).columns) == list(ALONE + RELATIVE)


def test_the_value_of_nothing_before_a_whole_window() -> None:
    assert np.isnan(pe.rolling_performance([0.1, 0.2], window=3).volatility).all()


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        ([0.1, 0.2], {"window": 1}, "window: expected a whole number of returns, at least 2, got 1"),
        ([0.1, 0.2], {"window": 2.5}, "window: expected a whole number of returns, at least 2, got 2.5"),
        ([], {"window": 2}, "returns: expected at least 1 observation"),
        ([[0.1]], {"window": 2}, "returns: expected a vector"),
        ([0.1, np.nan], {"window": 2}, r"returns: expected finite numbers, got nan at \[1\]"),
        ([0.1, 0.2], {"window": 2, "benchmark": [0.1]}, "benchmark: expected one for each of the 2 returns"),
        ([0.1, 0.2], {"window": 2, "periods_per_year": 0}, "periods_per_year: expected a positive number"),
    ],
)
def test_wrong_arguments_of_a_window(series: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^\[rolling_performance\] {message}"):
        pe.rolling_performance(series, **options)

"""Performance measures against NumPy, pandas, SciPy and empyrical, and the behaviour at the edges."""

from __future__ import annotations

import math

import empyrical
import numpy as np
import pandas as pd
import pytest
import scipy.stats

from portfolio_engine.performance import Drawdown, performance


def series(rows: int, seed: int = 0, drift: float = 4e-4) -> np.ndarray:
    return drift + 0.012 * np.random.default_rng(seed).standard_t(4, rows)


def test_against_numpy_pandas_and_scipy() -> None:
    x, b = series(500), series(500, seed=1)
    x = x + 0.7 * b
    rf = 1.03 ** (1 / 252) - 1
    got = performance(x, b, risk_free_rate=0.03)
    excess, active = x - rf, x - b
    value = np.cumprod(1 + x)
    down = np.minimum(excess, 0)
    fit = scipy.stats.linregress(b - rf, excess)
    want = {
        "total_return": value[-1] - 1,
        "annualized_return": x.mean() * 252,
        "geometric_return": value[-1] ** (252 / 500) - 1,
        "volatility": x.std(ddof=1) * 252**0.5,
        "downside_deviation": np.sqrt(np.mean(down**2) * 252),
        "mean_absolute_deviation": np.abs(x - x.mean()).mean(),
        "sharpe_ratio": excess.mean() / excess.std(ddof=1) * 252**0.5,
        "sortino_ratio": excess.mean() / np.sqrt(np.mean(down**2)) * 252**0.5,
        "omega_ratio": np.maximum(excess, 0).sum() / -down.sum(),
        "gain_loss_ratio": x[x > 0].sum() / -x[x < 0].sum(),
        "tail_ratio": abs(np.quantile(x, 0.95) / np.quantile(x, 0.05)),
        "value_at_risk": np.quantile(x, 0.05),
        "conditional_value_at_risk": np.sort(x)[:25].mean(),
        "skewness": pd.Series(x).skew(),
        "kurtosis": pd.Series(x).kurt(),
        "best": x.max(),
        "worst": x.min(),
        "positive_share": (x > 0).mean(),
        "alpha": fit.intercept * 252,
        "beta": fit.slope,
        "correlation": fit.rvalue,
        "tracking_error": active.std(ddof=1) * 252**0.5,
        "information_ratio": active.mean() / active.std(ddof=1) * 252**0.5,
        "treynor_ratio": excess.mean() * 252 / fit.slope,
        "m_squared": 252 * (excess.mean() / x.std(ddof=1) * b.std(ddof=1) + rf),
        "systematic_risk": abs(fit.slope) * b.std(ddof=1) * 252**0.5,
        "specific_risk": (excess - fit.slope * (b - rf)).std(ddof=1) * 252**0.5,
        "up_capture": (scipy.stats.gmean(1 + x[b > 0]) - 1) / (scipy.stats.gmean(1 + b[b > 0]) - 1),
        "down_capture": (scipy.stats.gmean(1 + x[b < 0]) - 1) / (scipy.stats.gmean(1 + b[b < 0]) - 1),
    }
    for name, value_wanted in want.items():
        assert getattr(got, name) == pytest.approx(value_wanted, rel=1e-10, abs=1e-15), name
    assert got.observations == 500


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("rows", [1, 2, 20, 127, 129, 130, 252, 2520])
def test_tails_of_every_shape_are_those_of_the_sorted_returns(rows: int, confidence: float) -> None:
    """However the returns lie: in order, tied, with a few values far out, or so that a sample of them misleads."""
    rng = np.random.default_rng(rows)
    normal = 0.01 * rng.standard_normal(rows)
    misleading = normal.copy()
    misleading[(2 * np.arange(32) + 1) * rows // 64] = -0.5  # just where a few values would be looked at
    rare = np.where(np.arange(rows) % 7 == 3, -0.9, 0.01)
    shapes = [
        normal,
        np.sort(normal),
        -np.sort(normal),
        np.round(normal, 2),
        np.zeros(rows),
        rare,
        np.expm1(99 * normal),
    ]
    for x in (*shapes, misleading, -misleading):
        got, ordered, tail = performance(x, confidence=confidence), np.sort(x), 1 - confidence
        mass = max(tail * rows, 1.0)
        whole = int(mass)
        worst = ordered[:whole].sum() + (mass - whole) * (ordered[whole] if whole < rows else 0.0)
        assert got.value_at_risk == pytest.approx(np.quantile(x, tail), rel=1e-12, abs=1e-15)
        assert got.conditional_value_at_risk == pytest.approx(worst / mass, rel=1e-12, abs=1e-15)
        low, high = np.quantile(x, [0.05, 0.95])
        if low != 0:
            assert got.tail_ratio == pytest.approx(abs(high) / abs(low), rel=1e-11)


def test_captures_of_long_and_wild_series() -> None:
    """Growth beyond the range of floating point numbers, and a loss of everything."""
    b = np.tile([0.1, -0.1, 0.2, -0.3, 0.0], 400)
    up, down = b > 0, b < 0
    wild = (np.where(up, 1e10, -1 + 1e-15), np.where(up, 1e30, -0.5))  # thirteen of 1e30 multiply to infinity
    for x in (np.where(up, 5.0, -0.9), np.where(up, -0.999999, 50.0), *wild, 3 * b):
        got = performance(x, b)
        for capture, rows in ((got.up_capture, up), (got.down_capture, down)):
            own, market = np.log1p(x[rows]).mean(), np.log1p(b[rows]).mean()
            assert capture == pytest.approx(np.expm1(own) / np.expm1(market), rel=1e-9)
    lost = np.where(np.arange(2000) == 777, -1.0, 0.01)  # in a period in which the benchmark rose
    assert performance(lost, b).up_capture == pytest.approx(-1 / np.expm1(np.log1p(b[up]).mean()), rel=1e-12)


def test_path_measures_against_pandas() -> None:
    x = pd.Series(series(400, seed=3), index=pd.bdate_range("2020-01-01", periods=400))
    got = performance(x, risk_free_rate=0.01)
    value = np.concatenate([[1.0], np.cumprod(1 + x.to_numpy())])
    fall = value / np.maximum.accumulate(value) - 1
    assert got.max_drawdown == pytest.approx(fall.min(), rel=1e-12)
    assert got.ulcer_index == pytest.approx(np.sqrt(np.mean(fall[1:] ** 2)), rel=1e-12)
    assert got.pain_index == pytest.approx(-fall[1:].mean(), rel=1e-12)
    assert got.calmar_ratio == pytest.approx(got.geometric_return / -fall.min(), rel=1e-12)
    assert got.martin_ratio == pytest.approx((got.geometric_return - 0.01) / got.ulcer_index, rel=1e-12)
    assert got.pain_ratio == pytest.approx((got.geometric_return - 0.01) / got.pain_index, rel=1e-12)
    assert [d.depth for d in got.drawdowns] == sorted(d.depth for d in got.drawdowns)
    assert got.average_drawdown == pytest.approx(np.mean([d.depth for d in got.drawdowns]), rel=1e-12)
    assert got.longest_drawdown == max(d.length for d in got.drawdowns)
    under_water = sum(d.length - (d.recovery is not None) for d in got.drawdowns)
    assert under_water == (fall < 0).sum()
    worst = got.drawdowns[0]
    assert worst.valley == x.index[int(fall.argmin()) - 1]
    assert worst.peak < worst.valley
    peak_value = value[x.index.get_loc(worst.peak) + 1]
    assert value[x.index.get_loc(worst.valley) + 1] / peak_value - 1 == pytest.approx(worst.depth, rel=1e-12)
    assert len(pd.DataFrame(got.drawdowns)) == len(got.drawdowns)


def test_against_empyrical_on_random_series() -> None:
    for seed in range(5):
        x, b = pd.Series(series(300, seed)), pd.Series(series(300, seed + 50))
        got = performance(x, b)
        for name, want in {
            "total_return": empyrical.cum_returns_final(x),
            "geometric_return": empyrical.annual_return(x),
            "volatility": empyrical.annual_volatility(x),
            "sharpe_ratio": empyrical.sharpe_ratio(x),
            "sortino_ratio": empyrical.sortino_ratio(x),
            "calmar_ratio": empyrical.calmar_ratio(x),
            "omega_ratio": empyrical.omega_ratio(x),
            "max_drawdown": empyrical.max_drawdown(x),
            "downside_deviation": empyrical.downside_risk(x),
            "tail_ratio": empyrical.tail_ratio(x),
            "value_at_risk": empyrical.value_at_risk(x, 0.05),
            "beta": empyrical.beta(x, b),
        }.items():
            assert getattr(got, name) == pytest.approx(want, rel=1e-9), name


def test_conditional_value_at_risk_counts_the_edge_in_part() -> None:
    x = np.array([-0.05, -0.03, -0.02, 0.0, 0.01, 0.02, 0.03])
    got = performance(x, confidence=0.8)  # 1.4 of 7 observations
    assert got.conditional_value_at_risk == pytest.approx((-0.05 + 0.4 * -0.03) / 1.4, rel=1e-14)
    assert performance(x, confidence=0.99).conditional_value_at_risk == -0.05
    for confidence in np.linspace(0.01, 0.99, 60):
        at = performance(x, confidence=confidence)
        assert at.conditional_value_at_risk <= at.value_at_risk + 1e-15


def test_constant_series() -> None:
    got = performance([0.01] * 6, [0.01] * 6)
    assert got.volatility == 0
    assert got.sharpe_ratio == got.sortino_ratio == got.calmar_ratio == got.omega_ratio == math.inf
    assert got.max_drawdown == got.ulcer_index == 0
    assert got.drawdowns == ()
    for name in ("skewness", "kurtosis", "beta", "alpha", "correlation", "information_ratio", "down_capture"):
        assert math.isnan(getattr(got, name)), name
    zero = performance([0.0] * 6)
    assert math.isnan(zero.sharpe_ratio)
    assert math.isnan(zero.calmar_ratio)
    assert zero.total_return == zero.volatility == 0


def test_all_negative_series() -> None:
    got = performance(series(50, drift=-0.5))
    assert got.best < 0
    assert got.positive_share == got.omega_ratio == got.gain_loss_ratio == 0
    assert got.max_drawdown == pytest.approx(got.total_return, rel=1e-13)
    assert got.drawdowns[0].peak is None
    assert got.drawdowns[0].recovery is None
    assert got.longest_drawdown == 50
    assert got.sharpe_ratio < 0
    assert got.sortino_ratio < 0
    assert got.calmar_ratio < 0


def test_loss_of_everything() -> None:
    got = performance([0.1, -1.0, 0.5], [0.0, -0.5, 0.1])
    assert got.total_return == got.geometric_return == got.max_drawdown == -1
    assert got.drawdowns == (Drawdown(depth=-1.0, peak=0, valley=1, recovery=None, length=2),)
    assert got.down_capture == pytest.approx(2.0)


def test_one_observation() -> None:
    got = performance([0.02])
    assert got.total_return == pytest.approx(0.02)
    assert got.value_at_risk == got.conditional_value_at_risk == got.best == got.worst == 0.02
    for name in ("volatility", "sharpe_ratio", "skewness", "kurtosis"):
        assert math.isnan(getattr(got, name)), name


def test_a_path_back_at_its_peak_has_recovered() -> None:
    got = performance([-0.1, 1 / 9, -0.3, 3 / 7])
    assert [d.recovery for d in got.drawdowns] == [3, 1]
    assert [d.length for d in got.drawdowns] == [2, 2]


def test_to_dict_and_layouts() -> None:
    x = series(60)
    got = performance(x, x * 0.5)
    table = got.to_dict()
    assert table["drawdowns"][0] == {
        "depth": got.drawdowns[0].depth,
        "peak": got.drawdowns[0].peak,
        "valley": got.drawdowns[0].valley,
        "recovery": got.drawdowns[0].recovery,
        "length": got.drawdowns[0].length,
    }
    assert table["beta"] == pytest.approx(2.0)
    assert table["device"] == "cpu"
    wide = np.zeros((60, 2))
    wide[:, 1] = x
    assert performance(wide[:, 1]).to_dict() | {"drawdowns": 0} == pytest.approx(
        performance(list(x)).to_dict() | {"drawdowns": 0}, nan_ok=True
    )
    assert performance(x.astype(np.float32)).volatility == pytest.approx(got.volatility, rel=1e-6)


def test_a_benchmark_of_other_dates_is_refused() -> None:
    x = pd.Series(series(5), index=pd.bdate_range("2024-01-01", periods=5))
    with pytest.raises(ValueError, match=r"benchmark: expected the index of the returns, got 2024-01-02 .* in row 0"):
        performance(x, x.set_axis(pd.bdate_range("2024-01-02", periods=5)))
    x.iloc[2] = np.nan
    with pytest.raises(ValueError, match=r"\[performance\] returns: .* got nan at row 2024-01-03"):
        performance(x)


@pytest.mark.parametrize(
    ("returns", "options", "message"),
    [
        ([], {}, "returns: expected at least 1 observation, got none"),
        ([[0.1], [0.2]], {}, r"returns: expected a vector, got shape \(2, 1\)"),
        ([0.1, np.nan], {}, r"returns: expected finite numbers, got nan at \[1\]"),
        ([0.1, -1.01], {}, r"returns: expected simple returns, not below -1 .* got -1.01 at \[1\]"),
        ([0.1], {"benchmark": [0.1, 0.2]}, "benchmark: expected one for each of the 1 returns, got 2"),
        ([0.1], {"benchmark": [np.inf]}, "benchmark: expected finite numbers"),
        ([0.1], {"risk_free_rate": -1}, "risk_free_rate: expected an annual rate above -1, got -1"),
        ([0.1], {"periods_per_year": 0}, "periods_per_year: expected a positive number, got 0"),
        ([0.1], {"confidence": 95}, "confidence: expected a probability between 0 and 1, got 95"),
        ([0.1], {"device": "tpu"}, "device"),
    ],
)
def test_errors(returns: object, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"^\[performance\] " + message):
        performance(returns, **options)

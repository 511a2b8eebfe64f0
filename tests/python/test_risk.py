"""Volatility, VaR and CVaR by asset: sums, homogeneity, independent computations, degenerate inputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

import portfolio_engine as pe
from portfolio_engine.risk import TailMethod, TailRisk

Floats = npt.NDArray[np.float64]
METHODS: tuple[TailMethod, ...] = ("historical", "gaussian", "cornish_fisher")
RNG = np.random.default_rng(8)
RETURNS = RNG.standard_t(5, (400, 4)) @ np.array([[1, 0.5, 0, 0], [0, 1, 0.3, 0], [0, 0, 1, 0], [0, 0, 0, 0.1]]) * 0.01
WEIGHTS = np.array([0.4, 0.3, 0.2, 0.05])


def parts(found: TailRisk) -> tuple[Floats, Floats]:
    return (
        np.asarray(found.value_at_risk_contributions),
        np.asarray(found.conditional_value_at_risk_contributions),
    )


def assert_adds_up(found: TailRisk) -> None:
    scale = max(float(np.abs(parts(found)[0]).sum()), float(np.abs(parts(found)[1]).sum()), 1e-300)
    assert parts(found)[0].sum() == pytest.approx(found.value_at_risk, abs=1e-12 * scale)
    assert parts(found)[1].sum() == pytest.approx(found.conditional_value_at_risk, abs=1e-12 * scale)


def test_historical_is_the_quantile_and_the_mean_of_the_tail() -> None:
    found = pe.tail_risk(RETURNS, WEIGHTS, confidence=0.95)
    total = RETURNS @ WEIGHTS
    assert found.value_at_risk == pytest.approx(np.quantile(total, 0.05), rel=1e-12)
    worst = np.argsort(total)[:20]
    assert found.conditional_value_at_risk == pytest.approx(total[worst].mean(), rel=1e-12)
    assert parts(found)[1] == pytest.approx(RETURNS[worst].mean(axis=0) * WEIGHTS, rel=1e-12)
    measured = pe.performance(total, confidence=0.95)
    assert found.value_at_risk == pytest.approx(measured.value_at_risk, rel=1e-12)
    assert found.conditional_value_at_risk == pytest.approx(measured.conditional_value_at_risk, rel=1e-12)


def test_the_tail_counts_the_scenario_at_its_edge_in_part() -> None:
    returns = np.arange(-5.0, 5.0)[:, None] / 100  # 10 scenarios, a tail of 2.5
    found = pe.tail_risk(returns, [1.0], confidence=0.75)
    assert found.conditional_value_at_risk == pytest.approx((-0.05 - 0.04 - 0.5 * 0.03) / 2.5)
    assert pe.tail_risk(returns, [1.0], confidence=0.99).conditional_value_at_risk == pytest.approx(-0.05)


def test_equal_scenarios_at_the_edge_share_the_tail() -> None:
    returns = np.array([[-0.02, 0.01], [0.01, -0.02], [0.03, 0.03], [0.04, 0.04]])  # the first two add up to the same
    found = pe.tail_risk(returns, [1.0, 1.0], confidence=0.75)
    assert parts(found)[1] == pytest.approx([-0.005, -0.005])


def test_gaussian_against_scipy() -> None:
    found = pe.tail_risk(RETURNS, WEIGHTS, confidence=0.99, method="gaussian", horizon=10)
    total = stats.norm(10 * (RETURNS @ WEIGHTS).mean(), np.sqrt(10) * (RETURNS @ WEIGHTS).std(ddof=1))
    assert found.value_at_risk == pytest.approx(total.ppf(0.01), rel=1e-9)
    assert found.conditional_value_at_risk == pytest.approx(
        integrate.quad(lambda u: total.ppf(u), 0, 0.01)[0] / 0.01, rel=1e-6
    )


def test_cornish_fisher_is_its_expansion_and_the_integral_of_it() -> None:
    total = RETURNS @ WEIGHTS
    s, k, sd = stats.skew(total), stats.kurtosis(total), total.std()

    def quantile(level: float) -> float:
        z = stats.norm.ppf(level)
        expansion = z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36
        return float(total.mean() + sd * expansion)

    found = pe.tail_risk(RETURNS, WEIGHTS, method="cornish_fisher")
    assert found.value_at_risk == pytest.approx(quantile(0.05), rel=1e-9)
    assert found.conditional_value_at_risk == pytest.approx(integrate.quad(quantile, 0, 0.05)[0] / 0.05, rel=1e-6)


@pytest.mark.parametrize("method", ["gaussian", "cornish_fisher"])
def test_contributions_are_the_derivatives(method: TailMethod) -> None:
    step = 1e-6
    found = pe.tail_risk(RETURNS, WEIGHTS, method=method, horizon=3)
    for k in range(4):
        bump = np.eye(4)[k] * step
        up, down = (pe.tail_risk(RETURNS, WEIGHTS + s * bump, method=method, horizon=3) for s in (1, -1))
        slope = (up.value_at_risk - down.value_at_risk) / (2 * step)
        assert parts(found)[0][k] == pytest.approx(WEIGHTS[k] * slope, rel=1e-5, abs=1e-9)
        slope = (up.conditional_value_at_risk - down.conditional_value_at_risk) / (2 * step)
        assert parts(found)[1][k] == pytest.approx(WEIGHTS[k] * slope, rel=1e-5, abs=1e-9)


def test_historical_var_contributions_estimate_the_gaussian_ones() -> None:
    covariance = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]]) * 1e-4
    weights = np.array([0.5, 0.2, 0.3])
    draws = np.random.default_rng(3).multivariate_normal(np.zeros(3), covariance, 200_000)
    found = pe.tail_risk(draws, weights)
    sigma = np.sqrt(weights @ covariance @ weights)
    exact = stats.norm.ppf(0.05) * weights * (covariance @ weights) / sigma
    assert parts(found)[0] == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
def test_add_up_scale_and_permute(method: TailMethod, data: st.DataObject) -> None:
    n, rows = data.draw(st.integers(1, 6)), data.draw(st.integers(3, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    returns = rng.standard_normal((rows, n)) * 0.02
    weights = rng.uniform(-0.2, 1, n)
    confidence = data.draw(st.sampled_from([0.51, 0.9, 0.95, 0.999]))
    found = pe.tail_risk(returns, weights, confidence=confidence, method=method)
    assert_adds_up(found)
    doubled = pe.tail_risk(returns, 2 * weights, confidence=confidence, method=method)
    assert parts(doubled)[0] == pytest.approx(2 * parts(found)[0], rel=1e-9, abs=1e-15)
    assert parts(doubled)[1] == pytest.approx(2 * parts(found)[1], rel=1e-9, abs=1e-15)
    order = rng.permutation(n)
    turned = pe.tail_risk(returns[:, order], weights[order], confidence=confidence, method=method)
    assert parts(turned)[1] == pytest.approx(parts(found)[1][order], rel=1e-9, abs=1e-15)
    halves = pe.tail_risk(
        np.repeat(returns, 2, axis=1), np.repeat(weights / 2, 2), confidence=confidence, method=method
    )
    assert parts(halves)[0].reshape(n, 2).sum(axis=1) == pytest.approx(parts(found)[0], rel=1e-9, abs=1e-15)
    if method != "cornish_fisher":
        assert found.conditional_value_at_risk <= found.value_at_risk + 1e-15


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        (np.zeros((30, 2)), 0.0),
        (np.full((30, 2), -0.01), -0.01),  # every day loses the same
    ],
)
def test_no_variance(method: TailMethod, returns: Floats, expected: float) -> None:
    found = pe.tail_risk(returns, [0.5, 0.5], method=method)
    assert found.value_at_risk == pytest.approx(expected, abs=1e-12)
    assert found.conditional_value_at_risk == pytest.approx(expected, abs=1e-12)
    assert parts(found)[0] == pytest.approx([expected / 2] * 2, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_fewer_days_than_assets_and_no_weights(method: TailMethod) -> None:
    assert_adds_up(pe.tail_risk(RNG.standard_normal((5, 20)) * 0.01, np.full(20, 0.05), method=method))
    nothing = pe.tail_risk(RETURNS, np.zeros(4), method=method)
    assert (nothing.value_at_risk, nothing.conditional_value_at_risk) == (0.0, 0.0)


def test_a_horizon_compounds_each_asset_over_runs_that_overlap() -> None:
    found = pe.tail_risk(RETURNS, WEIGHTS, horizon=5)
    runs = np.array([np.prod(1 + RETURNS[k : k + 5], axis=0) - 1 for k in range(396)])
    again = pe.tail_risk(runs, WEIGHTS)
    assert found.observations == 396
    assert found.value_at_risk == pytest.approx(again.value_at_risk, rel=1e-9)
    assert found.value_at_risk_se == pytest.approx(again.value_at_risk_se * np.sqrt(5), rel=1e-9)


def test_standard_errors_are_the_spread_over_samples() -> None:
    rng = np.random.default_rng(12)
    for method in ("historical", "gaussian"):
        runs = [pe.tail_risk(rng.standard_normal((500, 1)) * 0.01, [1.0], method=method) for _ in range(300)]
        spread = np.std([run.value_at_risk for run in runs])
        assert np.mean([run.value_at_risk_se for run in runs]) == pytest.approx(spread, rel=0.15)
        spread = np.std([run.conditional_value_at_risk for run in runs])
        assert np.mean([run.conditional_value_at_risk_se for run in runs]) == pytest.approx(spread, rel=0.15)


def test_an_expansion_that_is_no_quantile_function_says_so() -> None:
    crash = np.append(RNG.standard_normal(200) * 0.001, -0.5)[:, None]
    assert not pe.tail_risk(crash, [1.0], method="cornish_fisher").monotone
    assert pe.tail_risk(RETURNS, WEIGHTS, method="cornish_fisher").monotone


def test_labels_are_carried_and_aligned() -> None:
    frame = pd.DataFrame(RETURNS, columns=list("ABCD"))
    weights = pd.Series(WEIGHTS, index=list("ABCD"))[list("DCBA")]
    found = pe.tail_risk(frame, weights)
    assert list(found.value_at_risk_contributions.index) == list("ABCD")
    assert found.value_at_risk == pytest.approx(pe.tail_risk(RETURNS, WEIGHTS).value_at_risk)


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"confidence": 0.5}, "confidence"),
        ({"confidence": 1.0}, "confidence"),
        ({"horizon": 0}, "horizon"),
        ({"horizon": 400}, "horizon"),
        ({"method": "magic"}, "method"),
        ({"weights": [0.5, 0.5]}, "weights"),
        ({"weights": [0.5, np.nan, 0.1, 0.1]}, "weights"),
        ({"returns": RETURNS[:1]}, "returns"),
        ({"returns": np.where(RETURNS > 0.02, np.nan, RETURNS)}, "returns"),
    ],
)
def test_wrong_arguments_are_named(changes: dict[str, object], argument: str) -> None:
    arguments = {"returns": RETURNS, "weights": WEIGHTS, **changes}
    with pytest.raises(ValueError, match=rf"\[tail_risk\] {argument}: expected .* got "):
        pe.tail_risk(**arguments)


def test_decomposition_adds_up_to_the_volatility() -> None:
    covariance = np.cov(RETURNS.T)
    found = pe.risk_decomposition(covariance, WEIGHTS)
    assert found.volatility == pytest.approx((RETURNS @ WEIGHTS).std(ddof=1), rel=1e-12)
    assert found.contributions.sum() == pytest.approx(found.volatility, rel=1e-12)
    shares = WEIGHTS / WEIGHTS.sum()
    assert found.concentration == pytest.approx((shares**2).sum())
    assert found.effective_positions == pytest.approx(1 / (shares**2).sum())


def test_diversification_of_equal_independent_and_of_identical_assets() -> None:
    assert pe.risk_decomposition(np.eye(9), np.full(9, 1 / 9)).diversification_ratio == pytest.approx(3.0)
    assert pe.risk_decomposition(np.ones((9, 9)), np.full(9, 1 / 9)).diversification_ratio == pytest.approx(1.0)
    assert pe.risk_decomposition(np.eye(9), np.full(9, 1 / 9)).effective_positions == pytest.approx(9.0)


def test_decomposition_without_risk() -> None:
    hedge = pe.risk_decomposition(np.ones((2, 2)), np.array([0.5, -0.5]))
    assert (hedge.volatility, hedge.diversification_ratio) == (0.0, 1.0)
    empty = pe.risk_decomposition(np.eye(2), np.zeros(2))
    assert (empty.volatility, empty.concentration, empty.effective_positions) == (0.0, 0.0, 0.0)


def test_correlation_of_a_constant_asset_is_unknown() -> None:
    found = pe.correlation(np.array([[4.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 0.0]]))
    assert found[0, 1] == 0.5
    assert np.isnan(found[0, 2])
    assert list(np.diag(found)) == [1.0, 1.0, 1.0]


def test_factor_exposure_is_the_regression() -> None:
    market = RETURNS.mean(axis=1) + RNG.standard_normal(400) * 0.002
    found = pe.factor_exposure(RETURNS, market, WEIGHTS)
    line = stats.linregress(market, RETURNS @ WEIGHTS)
    assert found.beta == pytest.approx(line.slope, rel=1e-10)
    assert found.systematic_share == pytest.approx(line.rvalue**2, rel=1e-10)
    assert found.betas @ WEIGHTS == pytest.approx(found.beta, rel=1e-12)
    residual = RETURNS @ WEIGHTS - line.slope * market
    assert found.residual_volatility == pytest.approx(residual.std(ddof=1), rel=1e-10)
    with pytest.raises(ValueError, match="factor: expected returns that vary"):
        pe.factor_exposure(RETURNS, np.full(400, 0.01), WEIGHTS)


def test_given_moments_are_the_sample_ones() -> None:
    table = pd.DataFrame(RETURNS, columns=list("ABCD"))
    given_ = pe.gaussian_tail_risk(table.mean(), table.cov(), WEIGHTS, confidence=0.99, horizon=5, observations=400)
    sample = pe.tail_risk(table, WEIGHTS, confidence=0.99, horizon=5, method="gaussian")
    assert given_.value_at_risk == pytest.approx(sample.value_at_risk, rel=1e-12)
    assert given_.conditional_value_at_risk_se == pytest.approx(sample.conditional_value_at_risk_se, rel=1e-12)
    assert given_.value_at_risk_contributions["B"] == pytest.approx(sample.value_at_risk_contributions["B"], rel=1e-12)
    with pytest.raises(ValueError, match="expected mean"):
        pe.gaussian_tail_risk([0.0], np.eye(2), [1.0])

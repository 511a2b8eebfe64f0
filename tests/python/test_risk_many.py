"""Risk of many portfolios at once, and stressed moments."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

import portfolio_engine as pe

RNG = np.random.default_rng(21)
PRICES = 100 * np.cumprod(1 + RNG.standard_normal((253, 12)) * 0.01, axis=0)
WEIGHTS = RNG.dirichlet(np.ones(12), 7) * 0.9
SIGMA = np.cov((PRICES[1:] / PRICES[:-1] - 1).T)


def test_each_row_is_the_portfolio_alone() -> None:
    found = pe.risk_table(PRICES, WEIGHTS)
    for row, weights in enumerate(WEIGHTS):
        alone = pe.tail_risk(PRICES[1:] / PRICES[:-1] - 1, weights)
        assert found.value_at_risk[row] == pytest.approx(alone.value_at_risk, rel=1e-12)
        assert found.conditional_value_at_risk[row] == pytest.approx(alone.conditional_value_at_risk, rel=1e-12)
        assert found.volatility[row] == pytest.approx(pe.risk_decomposition(SIGMA, weights).volatility, rel=1e-12)


def test_a_gap_concerns_only_those_who_hold_it() -> None:
    prices = PRICES.copy()
    prices[:200, 0] = np.nan  # listed late
    prices[100, 1] = np.nan  # one holiday of its own
    weights = np.vstack([WEIGHTS[0], np.where(np.arange(12) == 1, 0.5, 0.0), np.where(np.arange(12) > 1, 0.05, 0.0)])
    found = pe.risk_table(prices, weights, minimum=20)
    assert list(found.observations) == [52, 251, 252]
    rest = np.delete(PRICES, 100, axis=0)[:, 1]
    assert found.volatility[1] == pytest.approx(0.5 * (rest[1:] / rest[:-1] - 1).std(ddof=1), rel=1e-12)
    assert np.isnan(pe.risk_table(prices, weights, minimum=60).volatility[0])


def test_cash_and_too_little_history() -> None:
    assert pe.risk_table(PRICES, np.zeros((1, 12))).volatility[0] == 0.0
    assert np.isnan(pe.risk_table(PRICES[:10], WEIGHTS, minimum=20).volatility).all()
    assert pe.risk_table(PRICES, np.zeros((0, 12))).volatility.shape == (0,)


def test_a_thousand_portfolios_take_a_moment() -> None:
    prices = 100 * np.cumprod(1 + RNG.standard_normal((253, 150)) * 0.01, axis=0)
    weights = RNG.dirichlet(np.ones(150), 1000)
    begin = time.perf_counter()
    found = pe.risk_table(prices, weights)
    assert time.perf_counter() - begin < 2
    assert np.isfinite(found.volatility).all()


@pytest.mark.parametrize(
    ("prices", "weights", "options"),
    [
        (PRICES, WEIGHTS[:, :5], {}),
        (-PRICES, WEIGHTS, {}),
        (PRICES, WEIGHTS * np.inf, {}),
        (PRICES, WEIGHTS, {"confidence": 0.2}),
        (PRICES, WEIGHTS, {"minimum": 1}),
    ],
)
def test_wrong_arguments(prices: object, weights: object, options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"\[risk_table\] .*expected .* got "), np.errstate(invalid="ignore"):
        pe.risk_table(prices, weights, **options)  # wrong on purpose


def test_one_shock_moves_the_others_by_their_betas() -> None:
    found = pe.conditional_returns(SIGMA, {0: -0.2})
    assert found == pytest.approx(-0.2 * SIGMA[:, 0] / SIGMA[0, 0], rel=1e-9)
    assert found[0] == -0.2


def test_several_shocks_are_a_joint_regression() -> None:
    found = pe.conditional_returns(SIGMA, {1: -0.3, 4: 0.1})
    slopes = np.linalg.solve(SIGMA[np.ix_([1, 4], [1, 4])], SIGMA[[1, 4]]).T
    assert found == pytest.approx(slopes @ [-0.3, 0.1], rel=1e-9)


def test_identical_assets_share_their_shock() -> None:
    twins = pd.DataFrame(np.ones((3, 3)) * 1e-4, index=list("ABC"), columns=list("ABC"))
    found = pe.conditional_returns(twins, {"A": -0.1, "B": -0.1})
    assert found.to_dict() == pytest.approx({"A": -0.1, "B": -0.1, "C": -0.1})
    with pytest.raises(ValueError, match="shocks: expected assets of the covariance, got"):
        pe.conditional_returns(twins, {"Z": -0.1})


@pytest.mark.parametrize("level", [0.0, 0.5, 0.9, 1.0])
def test_stressed_correlations_stay_a_covariance(level: float) -> None:
    apart = SIGMA.copy()
    apart[0, 1:] *= -1  # one asset that runs against the others
    apart[1:, 0] *= -1
    found = pe.stress_covariance(apart, correlation=level, volatility_multiplier=1.5)
    assert np.linalg.eigvalsh(found)[0] > -1e-10 * np.diag(found).max()
    assert np.diag(found) == pytest.approx(2.25 * np.diag(SIGMA), rel=1e-9)
    weights = np.full(12, 1 / 12)
    calm = pe.risk_decomposition(pe.stress_covariance(apart, volatility_multiplier=1.5), weights).volatility
    assert pe.risk_decomposition(found, weights).volatility >= calm * (1 - 1e-9)


def test_full_correlation_adds_volatilities() -> None:
    weights = np.full(12, 1 / 12)
    found = pe.stress_covariance(SIGMA, correlation=1.0)
    assert pe.risk_decomposition(found, weights).volatility == pytest.approx(
        np.sqrt(np.diag(SIGMA)) @ weights, rel=1e-6
    )


def test_an_asset_without_variance_keeps_none() -> None:
    sigma = np.diag([1.0, 0.0, 4.0])
    found = pe.stress_covariance(sigma, correlation=0.5)
    assert found[1] == pytest.approx([0, 0, 0])
    assert found[0, 2] == pytest.approx(1.0)


@pytest.mark.parametrize("options", [{"correlation": 1.5}, {"volatility_multiplier": 0.0}])
def test_wrong_stress(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"\[stress_covariance\] .*: expected .* got "):
        pe.stress_covariance(SIGMA, **options)

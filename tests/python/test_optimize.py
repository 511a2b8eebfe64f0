"""Methods, targets and the fields of an Allocation, row by row of what is documented."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import Allocation, Constraints, Linear, Moments, View, black_litterman, estimate_moments, optimize
from tests.python.portfolios import factor_moments

OPTIMISING = ("mean_variance", "min_variance", "max_sharpe", "black_litterman")
RULES = ("risk_parity", "equal_weight", "inverse_volatility")
TEN = factor_moments(5, 10)


def weights_of(allocation: Allocation) -> np.ndarray:
    return np.asarray(allocation.weights, dtype=float)


@pytest.mark.parametrize("method", OPTIMISING + RULES)
def test_fields_belong_together(method: str) -> None:
    allocation = optimize(TEN, method, risk_free_rate=0.02)
    w, moments = weights_of(allocation), allocation.moments
    assert w.sum() == pytest.approx(1.0, abs=1e-9)
    assert w.min() >= 0.0
    assert allocation.expected_return == pytest.approx(w @ moments.mu, rel=1e-12)
    assert allocation.expected_risk == pytest.approx(np.sqrt(w @ moments.Sigma @ w), rel=1e-12)
    excess = allocation.expected_return - 0.02
    assert allocation.sharpe_ratio == pytest.approx(excess / allocation.expected_risk, rel=1e-12)
    assert allocation.return_to_risk == pytest.approx(allocation.expected_return / allocation.expected_risk, rel=1e-12)
    assert np.sum(allocation.risk_contributions) == pytest.approx(allocation.expected_risk, rel=1e-12)
    assert allocation.method == method
    assert allocation.status == "optimal"
    assert allocation.constraints_satisfied
    assert not allocation.violations
    assert allocation.residuals.largest <= 1e-9
    assert allocation.device == "cpu"
    assert allocation.milliseconds > 0
    assert allocation.to_dict() == dict(zip(allocation.names, w.tolist(), strict=True))


@pytest.mark.parametrize("method", OPTIMISING + RULES)
def test_labels_come_back(method: str) -> None:
    rng = np.random.default_rng(1)
    returns = pd.DataFrame(rng.normal(0.001, 0.01, (100, 3)), columns=["AAA", "BBB", "CCC"])
    allocation = optimize(returns, method)
    assert list(allocation.weights.index) == ["AAA", "BBB", "CCC"]
    assert list(allocation.risk_contributions.index) == ["AAA", "BBB", "CCC"]
    plain = optimize(returns.to_numpy(), method)
    assert isinstance(plain.weights, np.ndarray)
    np.testing.assert_array_equal(plain.weights, allocation.weights)
    assert plain.names == ("0", "1", "2")


def test_returns_are_estimated_with_the_defaults() -> None:
    returns = np.random.default_rng(2).normal(0.001, 0.01, (80, 4))
    direct = optimize(returns)
    np.testing.assert_array_equal(direct.weights, optimize(estimate_moments(returns)).weights)
    assert direct.moments.method == "ledoit_wolf"
    assert direct.moments.observations == 80


def test_assets_left_out_are_exactly_zero() -> None:
    w = weights_of(optimize(factor_moments(3, 40), "max_sharpe"))
    held = w[w != 0]
    assert len(held) < 40
    assert held.min() > 1e-6


def test_mean_variance_alone_maximises_utility() -> None:
    allocation = optimize(TEN, risk_aversion=4.0)
    assert allocation.objective == "utility"
    best = allocation.objective_value
    assert best == pytest.approx(allocation.expected_return - 2.0 * allocation.expected_risk**2, rel=1e-12)
    rng = np.random.default_rng(0)
    for w in rng.dirichlet(np.full(10, 0.3), 2000):
        assert w @ TEN.mu - 2.0 * w @ TEN.Sigma @ w <= best + 1e-12


def test_target_return_minimises_variance_at_it() -> None:
    for method in ("mean_variance", "min_variance"):
        allocation = optimize(TEN, method, target_return=0.15)
        assert allocation.objective == "variance"
        assert allocation.expected_return == pytest.approx(0.15, abs=1e-10)
    calm = optimize(TEN, "min_variance")
    slack = optimize(TEN, target_return=calm.expected_return - 0.02)
    np.testing.assert_allclose(slack.weights, calm.weights, atol=1e-9)


def test_max_volatility_alone_maximises_return_within_it() -> None:
    calm = optimize(TEN, "min_variance").expected_risk
    for cap in np.linspace(calm * 1.0001, calm * 3.0, 15):
        allocation = optimize(TEN, max_volatility=cap)
        assert allocation.objective == "expected_return"
        assert allocation.status == "optimal"
        assert allocation.expected_risk <= cap * (1 + 1e-12)
        again = optimize(TEN, target_return=allocation.expected_return)  # the frontier's other parametrisation
        np.testing.assert_allclose(weights_of(again), weights_of(allocation), atol=1e-7)
        if allocation.expected_risk < cap * (1 - 1e-9):
            assert allocation.expected_return == pytest.approx(TEN.mu.max(), rel=1e-12)


def test_the_volatility_limit_is_met_to_rounding() -> None:
    for seed in range(25):
        moments = factor_moments(seed, 12)
        ends = (
            optimize(moments, "min_variance").expected_risk,
            np.sqrt(moments.Sigma[moments.mu.argmax(), moments.mu.argmax()]),
        )
        cap = 0.5 * sum(ends)
        assert optimize(moments, max_volatility=cap).expected_risk == pytest.approx(cap, rel=1e-12)


def test_both_targets_give_least_variance() -> None:
    allocation = optimize(TEN, target_return=0.12, max_volatility=0.4)
    assert allocation.objective == "variance"
    np.testing.assert_allclose(weights_of(allocation), weights_of(optimize(TEN, target_return=0.12)), atol=1e-10)


def test_min_variance_ignores_a_slack_limit() -> None:
    np.testing.assert_allclose(
        weights_of(optimize(TEN, "min_variance", max_volatility=0.5)),
        weights_of(optimize(TEN, "min_variance")),
        atol=1e-10,
    )


def test_max_sharpe_beats_random_portfolios_and_does_not_depend_on_risk_aversion() -> None:
    allocation = optimize(TEN, "max_sharpe", risk_free_rate=0.01)
    assert allocation.objective == "sharpe_ratio"
    np.testing.assert_array_equal(
        allocation.weights, optimize(TEN, "max_sharpe", risk_free_rate=0.01, risk_aversion=9.0).weights
    )
    for w in np.random.default_rng(0).dirichlet(np.full(10, 0.3), 2000):
        assert (w @ TEN.mu - 0.01) / np.sqrt(w @ TEN.Sigma @ w) <= allocation.sharpe_ratio + 1e-12


def test_max_sharpe_moves_along_the_frontier_when_a_target_binds() -> None:
    free = optimize(TEN, "max_sharpe")
    calm = optimize(TEN, "min_variance").expected_risk
    cap = 0.5 * (calm + free.expected_risk)
    capped = optimize(TEN, "max_sharpe", max_volatility=cap)
    assert capped.expected_risk == pytest.approx(cap, rel=1e-12)
    np.testing.assert_allclose(weights_of(capped), weights_of(optimize(TEN, max_volatility=cap)), atol=1e-10)
    target = free.expected_return + 0.02
    pushed = optimize(TEN, "max_sharpe", target_return=target)
    assert pushed.expected_return == pytest.approx(target, rel=1e-10)
    np.testing.assert_allclose(weights_of(pushed), weights_of(optimize(TEN, target_return=target)), atol=1e-8)
    slack = optimize(
        TEN, "max_sharpe", target_return=free.expected_return - 0.01, max_volatility=free.expected_risk + 0.01
    )
    np.testing.assert_allclose(weights_of(slack), weights_of(free), atol=1e-9)


def test_max_sharpe_under_every_kind_of_constraint_stays_best() -> None:
    constraints = Constraints(
        min_weight=0.01,
        max_weight=0.25,
        groups={"a": ["0", "1", "2"], "b": ["7", "8", "9"]},
        group_min={"a": 0.2},
        group_max={"b": 0.35},
        linear={"tilt": Linear({"3": 1.0, "4": -1.0}, lower=0.02)},
        turnover=0.9,
        current_weights=[0.1] * 10,
    )
    best = optimize(TEN, "max_sharpe", constraints)
    assert best.status == "optimal"
    for cap in best.expected_risk * np.array([0.97, 0.999, 1.0, 1.001, 1.03]):
        near = optimize(TEN, constraints=constraints, max_volatility=cap)
        assert near.sharpe_ratio <= best.sharpe_ratio + 1e-12


def test_no_positive_excess_return_is_named() -> None:
    allocation = optimize(TEN, "max_sharpe", risk_free_rate=TEN.mu.max() + 0.01)
    assert allocation.status == "no_positive_excess_return"
    assert allocation.sharpe_ratio < 0
    np.testing.assert_array_equal(allocation.weights, optimize(TEN, "min_variance").weights)
    losing = Moments(-np.abs(TEN.mu) - 0.001, TEN.Sigma)
    assert optimize(losing, "max_sharpe").status == "no_positive_excess_return"


def test_excess_return_without_risk_is_named() -> None:
    sigma = np.zeros((3, 3))
    sigma[2, 2] = 0.04
    allocation = optimize(Moments([0.02, 0.03, 0.08], sigma), "max_sharpe", risk_free_rate=0.01)
    assert allocation.status == "zero_risk"
    np.testing.assert_allclose(allocation.weights, [0.0, 1.0, 0.0], atol=1e-12)
    assert np.isnan(allocation.sharpe_ratio)


def test_black_litterman_is_mean_variance_on_the_posterior() -> None:
    views = [View({"0": 1.0, "1": -1.0}, 0.05, 0.6)]
    market = np.linspace(1, 2, 10)
    posterior = black_litterman(
        TEN, views=views, market_weights=market, risk_aversion=3.0, tau=0.1, risk_free_rate=0.01
    )
    for options in ({}, {"target_return": 0.14}, {"max_volatility": 0.25}):
        direct = optimize(posterior, risk_aversion=3.0, risk_free_rate=0.01, **options)
        through = optimize(
            TEN, "black_litterman", views=views, market_weights=market, risk_aversion=3.0, tau=0.1, risk_free_rate=0.01,
            **options,
        )  # fmt: skip
        np.testing.assert_array_equal(direct.weights, through.weights)
        assert through.moments.method == "black_litterman"


@pytest.mark.parametrize("method", RULES[1:])
def test_rules_apply_only_the_budget_and_say_what_they_ignored(method: str) -> None:
    constraints = Constraints(
        max_weight=0.05,
        budget=0.9,
        groups={"g": ["0"]},
        group_max={"g": 0.5},
        turnover=0.01,
        current_weights={"0": 1.0},
    )
    allocation = optimize(TEN, method, constraints, target_return=0.5, max_volatility=0.01)
    assert weights_of(allocation).sum() == pytest.approx(0.9, abs=1e-12)
    assert allocation.ignored == ("max_weight", "group_max[g]", "max_volatility", "turnover", "target_return")
    broken = {violation.constraint: violation for violation in allocation.violations}
    assert set(broken) == {"max_weight", "max_volatility", "turnover", "target_return"}
    assert broken["max_weight"].achieved == pytest.approx(weights_of(allocation).max())
    assert broken["target_return"].achieved == pytest.approx(allocation.expected_return)
    assert not allocation.constraints_satisfied
    plain = optimize(TEN, method)
    assert plain.ignored == ()
    np.testing.assert_allclose(weights_of(allocation), 0.9 * weights_of(plain), rtol=1e-12)


def test_rules_are_what_they_say() -> None:
    np.testing.assert_allclose(optimize(TEN, "equal_weight").weights, 0.1)
    w = weights_of(optimize(TEN, "inverse_volatility"))
    np.testing.assert_allclose(w * np.sqrt(np.diag(TEN.Sigma)), w[0] * np.sqrt(TEN.Sigma[0, 0]), rtol=1e-12)
    np.testing.assert_allclose(np.diff(optimize(TEN, "risk_parity").risk_contributions), 0.0, atol=1e-10)
    budgets = {str(k): k + 1.0 for k in range(10)}
    allocation = optimize(TEN, "risk_parity", risk_budgets=budgets)
    shares = np.asarray(allocation.risk_contributions) / allocation.expected_risk
    np.testing.assert_allclose(shares, np.arange(1, 11) / 55, atol=1e-9)


def test_the_same_input_gives_the_same_bits() -> None:
    first, second = (optimize(TEN, "max_sharpe", max_volatility=0.2) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)

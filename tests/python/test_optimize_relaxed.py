"""Targets that cannot be met: each as nearly as the harder ones allow, then the objective; checked with clarabel."""

from __future__ import annotations

import numpy as np
import pytest

from portfolio_engine import Allocation, Constraints, Moments, optimize
from tests.python.portfolios import Cone, factor_moments

SIX = factor_moments(21, 6)
HELD = {"0": 0.7, "1": 0.3}


def violated(allocation: Allocation) -> dict[str, tuple[float, float]]:
    return {v.constraint: (v.requested, v.achieved) for v in allocation.violations}


def traded(allocation: Allocation, held: dict[str, float]) -> float:
    return sum(abs(weight - held.get(name, 0.0)) for name, weight in allocation.to_dict().items())


@pytest.mark.parametrize("method", ["mean_variance", "min_variance", "max_sharpe"])
def test_volatility_out_of_reach_gives_least_variance(method: str) -> None:
    calm = optimize(SIX, "min_variance")
    allocation = optimize(SIX, method, max_volatility=calm.expected_risk / 2)
    assert allocation.status == "relaxed"
    assert not allocation.constraints_satisfied
    np.testing.assert_allclose(allocation.weights, calm.weights, atol=1e-10)
    requested, achieved = violated(allocation)["max_volatility"]
    assert requested == calm.expected_risk / 2
    assert achieved == pytest.approx(calm.expected_risk, rel=1e-12)
    assert allocation.shadow_prices == {}


@pytest.mark.parametrize("method", ["mean_variance", "min_variance", "max_sharpe"])
def test_return_out_of_reach_gives_the_highest(method: str) -> None:
    allocation = optimize(SIX, method, Constraints(max_weight=0.5), target_return=0.9)
    order = np.argsort(-SIX.mu)[:2]
    np.testing.assert_allclose(np.asarray(allocation.weights)[order], 0.5, atol=1e-12)
    assert violated(allocation)["target_return"][1] == pytest.approx(SIX.mu[order].mean(), rel=1e-12)


@pytest.mark.parametrize("method", ["mean_variance", "min_variance", "max_sharpe"])
def test_the_return_gives_way_to_the_volatility(method: str) -> None:
    cap = optimize(SIX, "min_variance").expected_risk * 1.2
    allocation = optimize(SIX, method, target_return=0.9, max_volatility=cap)
    assert set(violated(allocation)) == {"target_return"}
    assert allocation.expected_risk == pytest.approx(cap, rel=1e-12)
    np.testing.assert_allclose(allocation.weights, optimize(SIX, max_volatility=cap).weights, atol=1e-10)


def test_turnover_gives_way_to_the_volatility_and_the_return_to_both() -> None:
    calm = optimize(SIX, "min_variance").expected_risk
    cap = calm * 1.1
    constraints = Constraints(turnover=0.05, current_weights=HELD)
    allocation = optimize(SIX, "mean_variance", constraints, max_volatility=cap, target_return=0.9)
    assert set(violated(allocation)) == {"turnover", "target_return"}
    assert allocation.expected_risk == pytest.approx(cap, rel=1e-9)
    cone = Cone.of(Constraints(turnover=10.0, current_weights=HELD), SIX.labels)
    total = np.zeros(cone.A.shape[1])
    total[6:] = 1.0
    status, w = cone.minimise(np.zeros((12, 12)), total, np.pad(SIX.Sigma, (0, 6)), cap)
    assert "Solved" in status
    assert traded(allocation, HELD) == pytest.approx(float(np.abs(w[:6] - [0.7, 0.3, 0, 0, 0, 0]).sum()), abs=1e-7)
    assert violated(allocation)["turnover"][1] == pytest.approx(traded(allocation, HELD), abs=1e-9)


def test_turnover_forced_by_a_bound_leaves_the_rest_to_the_objective() -> None:
    """0.5 must be sold; where it goes costs no more turnover, so the method's objective decides."""
    constraints = Constraints(max_weight={"0": 0.2}, turnover=0.1, current_weights=HELD)
    allocation = optimize(SIX, "min_variance", constraints)
    assert set(violated(allocation)) == {"turnover"}
    assert traded(allocation, HELD) == pytest.approx(1.0, abs=1e-9)
    w = np.asarray(allocation.weights)
    assert w[1] >= 0.3 - 1e-12  # nothing beyond the forced sale is sold
    floor = Constraints(max_weight={"0": 0.2}, min_weight={"0": 0.2, "1": 0.3})
    np.testing.assert_allclose(w, optimize(SIX, "min_variance", floor).weights, atol=1e-8)


def test_a_missed_target_is_the_first_thing_to_say() -> None:
    """A caller that never trades relaxed answers must not take this one for a plain minimum-variance portfolio."""
    losing = Moments(-np.abs(SIX.mu) - 0.01, SIX.Sigma)
    allocation = optimize(losing, "max_sharpe", Constraints(max_weight={"0": 0.2}, turnover=0.1, current_weights=HELD))
    assert allocation.status == "relaxed"
    assert set(violated(allocation)) == {"turnover"}


def test_ties_at_the_highest_return_go_to_the_lower_variance() -> None:
    mu = np.array([0.05, 0.10, 0.10, 0.02])
    moments = Moments(mu, factor_moments(8, 4).Sigma)
    allocation = optimize(moments, target_return=0.2)
    pair = Moments(mu[1:3], moments.Sigma[1:3, 1:3])
    np.testing.assert_allclose(np.asarray(allocation.weights)[1:3], optimize(pair, "min_variance").weights, atol=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_relaxed_values_agree_with_an_independent_solver(seed: int) -> None:
    """The documented order, replayed with a conic solver that gets a little slack."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 12))
    moments = factor_moments(seed, n)
    held = dict(zip(moments.labels, rng.dirichlet(np.ones(n)).tolist(), strict=True))
    limit, most = float(rng.uniform(0.0, 0.4)), float(rng.uniform(1.5 / n, 1.0))
    calm = optimize(moments, "min_variance", Constraints(max_weight=most)).expected_risk
    cap = calm * float(rng.uniform(1.001, 1.6))
    target = float(rng.uniform(0.5, 1.5)) * moments.mu.max()
    constraints = Constraints(max_weight=most, turnover=limit, current_weights=held)
    allocation = optimize(moments, "mean_variance", constraints, max_volatility=cap, target_return=target)
    assert allocation.residuals.largest <= 1e-8
    assert allocation.expected_risk <= cap * (1 + 1e-9)
    sigma, zero = np.pad(moments.Sigma, (0, n)), np.zeros((2 * n, 2 * n))

    def best(cost: np.ndarray, turnover: float) -> np.ndarray:
        cone = Cone.of(Constraints(max_weight=most, turnover=turnover, current_weights=held), moments.labels)
        status, x = cone.minimise(zero, cost, sigma, cap * (1 + 1e-9))
        assert "Solved" in status
        return x[:n]

    w = best(np.concatenate([np.zeros(n), np.ones(n)]), 10.0)
    kept = max(limit, float(np.abs(w - list(held.values())).sum()))
    assert traded(allocation, held) <= kept + 1e-6
    highest = float(moments.mu @ best(np.concatenate([-moments.mu, np.zeros(n)]), kept + 1e-9))
    pinned = kept > limit + 1e-6  # then one point is left, which slack e moves by sqrt(e)
    assert allocation.expected_return >= min(target, highest) - (2e-4 if pinned else 1e-6)
    expected = {"turnover": pinned, "target_return": highest < target - 1e-6}
    assert set(violated(allocation)) == {name for name, broken in expected.items() if broken}

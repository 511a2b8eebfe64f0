"""Properties that hold for every input, and agreement with independent solvers, on easy and nasty moments."""

from __future__ import annotations

from typing import Any

import daqp
import numpy as np
import pytest

from portfolio_engine import Allocation, Constraints, InfeasibleError, Linear, Moments, SolverError, optimize
from tests.python.portfolios import Cone, factor_moments, nasty_moments

OPTIMISING = ("mean_variance", "min_variance", "max_sharpe", "black_litterman")
NASTY = nasty_moments()


def random_constraints(rng: np.random.Generator, n: int) -> Constraints:
    fields: dict[str, Any] = {}
    names = [str(k) for k in range(n)]
    if rng.random() < 0.5:
        fields["max_weight"] = float(rng.uniform(1.3 / n, 1.0))
    if rng.random() < 0.3:
        fields["min_weight"] = float(rng.uniform(-0.2, 0.5 / n))
    if rng.random() < 0.4:
        fields["groups"] = {"a": names[: n // 2], "b": names[n // 2 :]}
        fields["group_max"] = {"a": float(rng.uniform(0.3, 0.9))}
        fields["group_min"] = {"b": float(rng.uniform(0.0, 0.3))}
    if rng.random() < 0.3:
        row = dict(zip(names, rng.normal(size=n).tolist(), strict=True))
        fields["linear"] = {"x": Linear(row, upper=float(rng.uniform(0.0, 1.0)))}
    if rng.random() < 0.4:
        fields["current_weights"] = dict(zip(names, rng.dirichlet(np.ones(n)).tolist(), strict=True))
        fields["turnover"] = float(rng.uniform(0.2, 1.2))
    return Constraints(**fields)


def check_constraints(allocation: Allocation, constraints: Constraints) -> None:
    """Budget, bounds, groups and rows to 1e-9, straight from their meaning."""
    w = allocation.to_dict()
    assert sum(w.values()) == pytest.approx(constraints.budget, abs=1e-9)
    assert min(w.values()) >= constraints.min_weight - 1e-9
    assert max(w.values()) <= constraints.max_weight + 1e-9
    for group, members in constraints.groups.items():
        total = sum(w[name] for name in members)
        assert constraints.group_min.get(group, -np.inf) - 1e-9 <= total
        assert total <= constraints.group_max.get(group, np.inf) + 1e-9
    for row in constraints.linear.values():
        assert sum(c * w[name] for name, c in row.coefficients.items()) <= row.upper + 1e-9


@pytest.mark.parametrize("seed", range(80))
def test_random_problems_against_clarabel(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    n = int(rng.integers(2, 30))
    moments, constraints = factor_moments(seed, n), random_constraints(rng, n)
    cap = float(rng.uniform(0.08, 0.4)) if rng.random() < 0.5 else None
    target = float(rng.uniform(-0.02, 0.2)) if rng.random() < 0.5 else None
    cone = Cone.of(constraints, moments.labels)
    if target is not None:
        cone.G = np.vstack([cone.G, np.concatenate([-moments.mu, np.zeros(cone.A.shape[1] - n)])])
        cone.h = np.append(cone.h, -target)
    sigma, cost = moments.Sigma, -moments.mu
    limited = (sigma, cap) if cap is not None else ()
    status, calm = cone.minimise(sigma, np.zeros(n), *limited)
    try:
        answers = [optimize(moments, m, constraints, target_return=target, max_volatility=cap) for m in OPTIMISING[:3]]
    except InfeasibleError:
        assert "Infeasible" in status
        return
    for allocation in answers:
        check_constraints(allocation, constraints)
        assert allocation.residuals.largest <= 1e-9
        assert (allocation.status == "relaxed") == ("Infeasible" in status or "Insufficient" in status)
    if answers[0].status == "relaxed":
        return
    balanced, calmest, sharpest = answers
    assert calmest.objective_value == pytest.approx(calm @ sigma @ calm, abs=1e-9)
    if balanced.objective == "utility":
        w = cone.minimise(2.5 * sigma, cost)[1]
        assert balanced.objective_value == pytest.approx(moments.mu @ w - 1.25 * w @ sigma @ w, abs=1e-9)
    elif balanced.objective == "expected_return":
        w = cone.minimise(np.zeros((n, n)), cost, sigma, cap or 0.0)[1]
        assert balanced.expected_return == pytest.approx(moments.mu @ w, abs=1e-8)
    if sharpest.status == "optimal":  # the ratio is quasi-concave along the frontier: a local maximum is global
        for factor in (0.97, 1.0, 1.03):
            limit = sharpest.expected_risk * factor
            if cap is None or limit <= cap:
                verdict, w = cone.minimise(np.zeros((n, n)), cost, sigma, limit)
                if verdict == "Solved":
                    assert moments.mu @ w / limit <= sharpest.sharpe_ratio + 1e-7


@pytest.mark.parametrize("n", [2, 10, 60])
def test_agreement_with_daqp(n: int) -> None:
    """An active-set method from another author; weights, because these optima are unique."""
    moments = factor_moments(n, n)
    upper = max(0.25, 1.5 / n)
    A = np.vstack([np.ones(n)])
    for quadratic, linear, options in (
        (moments.Sigma, np.zeros(n), {"method": "min_variance"}),
        (2.5 * moments.Sigma, -moments.mu, {"method": "mean_variance"}),
    ):
        bounds = np.concatenate([np.full(n, upper), [1.0]]), np.concatenate([np.zeros(n), [1.0]])
        sense = np.zeros(n + 1, dtype=np.int32)
        sense[-1] = 5
        w = daqp.solve(np.ascontiguousarray(quadratic), linear, A, *bounds, sense)[0]
        allocation = optimize(moments, constraints=Constraints(max_weight=upper), **options)
        np.testing.assert_allclose(allocation.weights, w, atol=1e-8)


def kkt_violation(allocation: Allocation) -> float:
    """Long-only utility without targets: gradients of held assets are equal, of the others no better."""
    w, moments = np.asarray(allocation.weights), allocation.moments
    gradient = moments.mu - 2.5 * moments.Sigma @ w
    held = w > 0
    level = gradient[held].mean()
    scale = 1.0 + np.abs(gradient).max()
    return float(max(np.abs(gradient[held] - level).max(), (gradient[~held] - level).max(initial=0.0)) / scale)


@pytest.mark.parametrize("seed", range(20))
def test_textbook_conditions(seed: int) -> None:
    assert kkt_violation(optimize(factor_moments(seed, 25))) <= 1e-10


def solved(moments: Moments, method: str, **options: Any) -> Allocation:
    return optimize(moments, method, Constraints(max_weight=0.4), **options)


@pytest.mark.parametrize("method", [*OPTIMISING, "risk_parity", "inverse_volatility"])
def test_order_of_assets_does_not_matter(method: str) -> None:
    moments, order = factor_moments(6, 9), np.random.default_rng(0).permutation(9)
    shuffled = Moments(moments.mu[order], moments.Sigma[np.ix_(order, order)])
    for options in ({}, {"target_return": 0.1}, {"max_volatility": 0.22}):
        w, moved = (np.asarray(solved(m, method, **options).weights) for m in (moments, shuffled))
        np.testing.assert_allclose(moved, w[order], atol=1e-8)


@pytest.mark.parametrize("scale", [1e-3, 7.0, 100.0])
def test_units_of_returns_do_not_matter(scale: float) -> None:
    moments = factor_moments(6, 9)
    scaled = Moments(moments.mu * scale, moments.Sigma * scale**2)
    pairs = [
        ("mean_variance", {"risk_aversion": 2.5}, {"risk_aversion": 2.5 / scale}),
        ("mean_variance", {"target_return": 0.1}, {"target_return": 0.1 * scale}),
        ("mean_variance", {"max_volatility": 0.22}, {"max_volatility": 0.22 * scale}),
        ("min_variance", {}, {}),
        ("max_sharpe", {"risk_free_rate": 0.01}, {"risk_free_rate": 0.01 * scale}),
        ("risk_parity", {}, {}),
    ]
    for method, plain, other in pairs:
        np.testing.assert_allclose(
            np.asarray(solved(scaled, method, **other).weights),
            np.asarray(solved(moments, method, **plain).weights),
            atol=1e-8,
        )


def test_an_asset_that_is_dominated_changes_nothing() -> None:
    moments = factor_moments(6, 6)
    wider = np.zeros((7, 7))
    wider[:6, :6] = moments.Sigma
    wider[6, 6] = 1.0
    extended = Moments(np.append(moments.mu, -0.5), wider)
    w = np.asarray(optimize(extended).weights)
    assert w[6] == 0.0
    np.testing.assert_allclose(w[:6], optimize(moments).weights, atol=1e-10)


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("method", [*OPTIMISING, "risk_parity", "equal_weight", "inverse_volatility"])
def test_nasty_moments_give_a_verified_answer_or_a_clear_error(name: str, method: str) -> None:
    moments = NASTY[name]
    middle, top = float(np.median(moments.mu)), float(moments.mu.max())
    volatility = float(np.sqrt(np.median(np.diag(moments.Sigma))))
    undefined = method in ("risk_parity", "inverse_volatility") and name in ("zero variance", "no risk at all")
    undefined |= method == "risk_parity" and name == "fewer observations than assets"
    for options in (
        {},
        {"target_return": middle},
        {"target_return": top},
        {"max_volatility": volatility},
        {"max_volatility": 0.0},
        {"target_return": middle, "max_volatility": 0.3 * volatility},
        {"target_return": top, "max_volatility": 0.0},
    ):
        if undefined:
            with pytest.raises((ValueError, SolverError), match=r"variance|risk"):
                optimize(moments, method, **options)
            continue
        allocation = optimize(moments, method, **options)
        w = np.asarray(allocation.weights)
        assert w.sum() == pytest.approx(1.0, abs=1e-9)
        assert w.min() >= 0.0
        assert allocation.residuals.largest <= 1e-8
        assert allocation.status in ("optimal", "relaxed", "no_positive_excess_return", "zero_risk")
        assert allocation.constraints_satisfied == (not allocation.violations)


def test_duplicates_share_whatever_way_but_cost_nothing() -> None:
    single, double = factor_moments(3, 4), NASTY["duplicate assets"]
    for method in OPTIMISING[:3]:
        one, two = optimize(single, method), optimize(double, method)
        assert two.objective_value == pytest.approx(one.objective_value, rel=1e-9)
        np.testing.assert_allclose(np.asarray(two.weights).reshape(4, 2).sum(axis=1), one.weights, atol=1e-7)


def test_large_problems_stay_exact() -> None:
    moments = factor_moments(0, 200)
    for method, options in (("mean_variance", {}), ("max_sharpe", {}), ("mean_variance", {"max_volatility": 0.15})):
        allocation = optimize(moments, method, Constraints(max_weight=0.05), **options)
        assert allocation.status == "optimal"
        assert allocation.residuals.largest <= 1e-9
        assert np.asarray(allocation.weights).sum() == pytest.approx(1.0, abs=1e-9)

"""Proportional trading costs: optimal by an independent solver, off the return where it counts, refused elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from portfolio_engine import Allocation, Constraints, Moments, optimize
from tests.python.portfolios import Cone, factor_moments


def net(moments: Moments, w: np.ndarray, costs: np.ndarray, held: np.ndarray) -> float:
    return float(moments.mu @ w - costs @ np.abs(w - held))


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("limited", [False, True])
def test_utility_after_costs_agrees_with_an_independent_solver(seed: int, limited: bool) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 15))
    moments, held = factor_moments(seed, n), rng.dirichlet(np.ones(n))
    held[rng.random(n) < 0.3] = 0.0
    held /= held.sum() or 1.0
    costs = rng.uniform(0.0, 0.03, n) * (rng.random(n) < 0.8)
    aversion, turnover = float(rng.uniform(1, 8)), float(rng.uniform(0.2, 1.5)) if limited else 10.0
    named = dict(zip(moments.labels, held.tolist(), strict=True))
    rules = Constraints(turnover=turnover if limited else None, current_weights=named)
    allocation = optimize(moments, constraints=rules, risk_aversion=aversion, trading_cost=costs)
    cone = Cone.of(Constraints(turnover=turnover, current_weights=named), moments.labels)
    m = cone.A.shape[1]
    P, q = np.zeros((m, m)), np.concatenate([-moments.mu, costs])
    P[:n, :n] = aversion * moments.Sigma
    status, x = cone.minimise(P, q)
    assert "Solved" in status
    w = x[:n]
    best = net(moments, w, costs, held) - aversion / 2 * w @ moments.Sigma @ w
    assert allocation.objective_value == pytest.approx(best, rel=1e-7, abs=1e-9)
    own = np.asarray(allocation.weights)
    assert allocation.trading_cost == pytest.approx(costs @ np.abs(own - held), abs=1e-15)
    assert allocation.turnover == pytest.approx(np.abs(own - held).sum())
    assert allocation.turnover <= turnover + 1e-9
    assert allocation.expected_return == pytest.approx(moments.mu @ own)
    assert allocation.residuals.largest <= 1e-8


def test_no_cost_is_no_change_and_a_high_one_is_no_trade() -> None:
    moments, held = factor_moments(4, 9), np.full(9, 1 / 9)
    rules = Constraints(current_weights=held)
    free, none = optimize(moments, constraints=rules), optimize(moments, constraints=rules, trading_cost=0.0)
    np.testing.assert_allclose(free.weights, none.weights, atol=1e-9)
    still = optimize(moments, constraints=rules, trading_cost=0.9)
    np.testing.assert_allclose(still.weights, held, atol=1e-14)
    some = optimize(moments, constraints=rules, trading_cost={"0": 0.9, "5": 0.9})
    np.testing.assert_allclose(np.asarray(some.weights)[[0, 5]], held[[0, 5]], atol=1e-14)


@pytest.mark.parametrize("limit", [None, 0.5])
def test_the_highest_ratio_after_costs(limit: float | None) -> None:
    moments, held, costs = factor_moments(3, 8), np.full(8, 1 / 8), np.full(8, 0.01)
    rules = Constraints(current_weights=held, turnover=limit)
    best = optimize(moments, "max_sharpe", rules, trading_cost=0.01, risk_free_rate=0.01)
    rng = np.random.default_rng(0)
    for _ in range(500):
        w = held + (rng.dirichlet(np.ones(8)) - held) * rng.uniform()
        if limit is not None and np.abs(w - held).sum() > limit:
            continue
        assert (net(moments, w, costs, held) - 0.01) / moments.risk(w) <= best.objective_value * (1 + 1e-10)
    mine = (net(moments, np.asarray(best.weights), costs, held) - 0.01) / best.expected_risk
    assert best.objective_value == pytest.approx(mine)
    assert best.residuals.largest <= 1e-8


def test_costs_within_a_volatility_limit_and_where_targets_give_way() -> None:
    moments, held = factor_moments(6, 7), np.full(7, 1 / 7)
    rules = Constraints(current_weights=held, turnover=0.3)
    calm = optimize(moments, "min_variance", Constraints()).expected_risk
    capped = optimize(moments, constraints=rules, max_volatility=calm * 1.3, trading_cost=0.02)
    assert capped.expected_risk <= calm * 1.3 * (1 + 1e-9)
    gross = optimize(moments, constraints=rules, max_volatility=calm * 1.3)
    assert capped.turnover <= gross.turnover + 1e-9
    assert capped.objective_value >= gross.expected_return - 0.02 * gross.turnover - 1e-12
    relaxed = optimize(moments, constraints=rules, max_volatility=calm * 0.9, trading_cost=0.02)
    assert relaxed.status == "relaxed"


def test_the_price_of_turnover_after_costs_is_the_derivative() -> None:
    moments, held = factor_moments(2, 8), np.full(8, 1 / 8)

    def solved(limit: float) -> Allocation:
        return optimize(moments, constraints=Constraints(turnover=limit, current_weights=held), trading_cost=0.004)

    slope = (solved(0.4 + 1e-5).objective_value - solved(0.4 - 1e-5).objective_value) / 2e-5
    assert slope > 0
    assert solved(0.4).shadow_prices["turnover"] == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("min_variance", {"trading_cost": 0.01}, "expected an objective with expected return"),
        ("mean_variance", {"trading_cost": 0.01, "target_return": 0.05}, "expected an objective with expected return"),
        ("mean_variance", {"trading_cost": -0.01}, "trading_cost: expected numbers >= 0"),
        ("mean_variance", {"trading_cost": 10}, "did you mean 0.10"),
        ("mean_variance", {"trading_cost": {"AAPL": 0.01}}, "expected one of the 3 known asset names"),
        ("mean_variance", {"trading_cost": [0.01]}, "expected 3 numbers, got 1"),
    ],
)
def test_what_makes_no_sense_is_refused(method: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optimize(factor_moments(1, 3), method, Constraints(current_weights=[0.2, 0.3, 0.5]), **options)


def test_costs_need_the_weights_that_are_traded_away_from() -> None:
    with pytest.raises(ValueError, match="trading_cost: expected Constraints with current_weights"):
        optimize(factor_moments(1, 3), trading_cost=0.01)
    assert (
        "trading_cost"
        in optimize(
            factor_moments(1, 3), "equal_weight", Constraints(current_weights=[1.0, 0, 0]), trading_cost=0.01
        ).ignored
    )

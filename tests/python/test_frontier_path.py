"""The critical line against the quadratic program at every kind of t, over easy and nasty problems."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from portfolio_engine import kernels
from portfolio_engine.cancel import CancelToken
from tests.python.frontier_problems import Array, FrontierProblem, random_problem

RUNS = int(os.environ.get("PORTFOLIO_FRONTIER_RUNS", "250"))


def follow(problem: FrontierProblem, points: int = 7, **options: Any) -> dict[str, Any]:
    found = kernels.efficient_frontier(*problem.arguments, points=points, tolerance=1e-9, device="cpu", **options)
    assert found["status"] == "optimal"
    return found


def weights_at(found: dict[str, Any], t: float) -> Array:
    corners, weights = found["corner_risk_tolerance"], found["corner_weights"]
    k = int(np.searchsorted(-corners, -t))
    if k == 0 or k == len(corners):
        return np.asarray(weights[min(k, len(corners) - 1)])
    share = (t - corners[k]) / (corners[k - 1] - corners[k])
    return np.asarray(weights[k] + share * (weights[k - 1] - weights[k]))


def check(seed: int) -> bool:
    """Feasible and as good as the program's answer at both ends, at corners and between them; False without a path."""
    kind, problem = random_problem(seed)
    found = follow(problem)
    t = found["corner_risk_tolerance"]
    if len(t) == 0:
        return False
    assert t[-1] == 0.0
    assert (np.diff(t) < 0).all()
    assert found["max_residual"] <= 1e-9
    steps = 1e-12 * np.abs(problem.mu).max()
    assert (np.diff(found["corner_return"]) <= steps).all()
    rng = np.random.default_rng(seed)
    top = t[0] if t[0] > 0 else 1.0
    between = t[1:] + rng.uniform(size=len(t) - 1) * (t[:-1] - t[1:])
    for at in (0.0, 3 * top, *rng.choice([*t, *between], 3)):
        x, best = weights_at(found, at), problem.at(at).x
        assert problem.violation(x) <= 1e-9
        size = abs(0.5 * best @ problem.sigma @ best) + abs(at * problem.mu @ best)
        size += 1e-6 * np.diag(problem.sigma).max() * np.abs(x).max() ** 2
        assert problem.objective(x, at) <= problem.objective(best, at) + 1e-9 * size, f"{seed}, {kind}, t = {at}"
    return True


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_random_problems(first: int) -> None:
    for seed in range(first, first + 20):
        assert check(seed), f"{seed}: no certified path"


@pytest.mark.slow
def test_many_random_problems() -> None:
    without = [seed for seed in range(1000, 1000 + RUNS) if not check(seed)]
    assert len(without) <= RUNS // 1000, f"no certified path: {without}"  # their points come from programs


@pytest.mark.parametrize("seed", range(0, 18))
def test_units_and_order_change_nothing(seed: int) -> None:
    """Annual or daily moments give the same corners at the same t; other units of risk another t; permuted assets the
    permuted corners. Compared by risk and return where weights may not be unique."""
    kind, problem = random_problem(seed)
    found = follow(problem)
    daily = follow(FrontierProblem(problem.mu / 252, problem.sigma / 252, *problem.arguments[2:]))
    order = np.random.default_rng(seed).permutation(problem.mu.size)
    shuffled = FrontierProblem(
        problem.mu[order],
        problem.sigma[np.ix_(order, order)],
        None if problem.G is None else problem.G[:, order],
        problem.h,
        problem.A[:, order],
        problem.b,
        problem.lb[order],
        problem.ub[order],
    )
    scale = np.abs(problem.mu).max(), np.diag(problem.sigma).max()
    for other, unit in ((daily, 252.0), (follow(shuffled), 1.0)):
        ends = [0, -1]
        for name, size in zip(("corner_return", "corner_variance"), scale, strict=True):
            np.testing.assert_allclose(other[name][ends] * unit, found[name][ends], atol=1e-9 * size)
        np.testing.assert_allclose(other["expected_return"] * unit, found["expected_return"], atol=1e-9 * scale[0])
        risks = other["expected_risk"] * np.sqrt(unit)
        np.testing.assert_allclose(risks, found["expected_risk"], atol=1e-7 * np.sqrt(scale[1]), err_msg=kind)


def test_leverage_of_risk_moves_t_only() -> None:
    _, problem = random_problem(8)
    found, riskier = follow(problem), follow(FrontierProblem(problem.mu, 9 * problem.sigma, *problem.arguments[2:]))
    np.testing.assert_allclose(riskier["corner_risk_tolerance"], 9 * found["corner_risk_tolerance"], rtol=1e-9)
    np.testing.assert_allclose(riskier["corner_weights"], found["corner_weights"], atol=1e-9)


def test_cancelled_and_late() -> None:
    _, problem = random_problem(8)
    token = CancelToken()
    token.cancel()
    for options, status in (({"cancel": token}, "cancelled"), ({"time_limit": 0.0}, "time_limit")):
        found = kernels.efficient_frontier(*problem.arguments, points=5, tolerance=1e-9, device="cpu", **options)
        assert found["status"] == status

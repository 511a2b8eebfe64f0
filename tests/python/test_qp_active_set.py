"""The active set against the interior point and independent solvers: random programs, portfolios, degenerate ones."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from portfolio_engine import FactorCovariance
from portfolio_engine.qp import QPSolution, solve_qp, solve_qp_batch
from tests.python.qp_cases import Case, make
from tests.python.qp_checks import is_primal_certificate, is_ray, residuals

RANDOM = int(os.environ.get("PORTFOLIO_QP_CASES", "150"))
PORTFOLIOS = int(os.environ.get("PORTFOLIO_QP_PORTFOLIOS", "60"))


def market(n: int, seed: int = 0, rows: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Annual covariance and expected returns of a few factors; singular when rows < n."""
    rng = np.random.default_rng(seed)
    T, k = rows or 2 * n, max(3, n // 25)
    B = 0.01 * rng.normal(size=(n, k))
    B[:, 0] = 0.01 * (1 + 0.3 * rng.normal(size=n))
    X = 0.7 * rng.normal(size=(T, k)) @ B.T + 0.02 * rng.normal(size=(T, n)) * np.exp(0.3 * rng.normal(size=n))
    return np.cov(X.T) * 252, X.mean(axis=0) * 252


def portfolio(n: int, seed: int, rows: int | None = None, kind: str = "box") -> dict[str, Any]:
    P, mu = market(n, seed, rows)
    out = {"P": P, "q": -mu / 2.5, "A": np.ones((1, n)), "b": np.ones(1), "lb": np.zeros(n), "ub": np.ones(n)}
    if kind == "box":
        out["ub"] = np.full(n, max(0.1, 1.5 / n))
    elif kind == "sectors":
        G = np.zeros((11, n))
        G[np.arange(n) % 11, np.arange(n)] = 1.0
        out |= {"G": G, "h": np.full(11, 0.2)}
    elif kind == "target":
        out |= {"q": np.zeros(n), "G": -mu[None], "h": -np.quantile(mu, [0.8])}
    elif kind == "short":
        out |= {"lb": np.full(n, -0.1), "ub": np.full(n, 0.3)}
    return out


def checked(problem: dict[str, Any], **options: Any) -> QPSolution:
    s = solve_qp(**problem, **options)
    assert s.status == "optimal"
    assert max(residuals(Case(problem, "optimal"), s).values()) <= 1e-9
    return s


def test_random_programs_have_their_known_status() -> None:
    by_active_set = solvable = 0
    for seed in range(RANDOM):
        case = make(seed)
        s = solve_qp(*case.arguments(), method="active_set")
        assert s.status == case.status, seed
        if case.status == "optimal":
            solvable += 1
            by_active_set += s.method == "active_set"
            assert max(residuals(case, s).values()) <= 1e-9, seed
            if case.objective is not None:
                assert s.objective == pytest.approx(case.objective, rel=1e-7, abs=1e-7), seed
        else:
            assert s.method == "interior_point"
            assert (is_primal_certificate if case.status == "primal_infeasible" else is_ray)(case, s), seed
    assert by_active_set >= 0.9 * solvable


@pytest.mark.parametrize("kind", ["box", "sectors", "target", "short"])
def test_portfolios_agree_with_the_interior_point(kind: str) -> None:
    for seed in range(PORTFOLIOS // 4):
        n = 3 + 4 * (seed % 60)
        problem = portfolio(n, seed, rows=max(3, n // 2) if seed % 3 == 0 else None, kind=kind)
        interior = solve_qp(**problem, method="interior_point")
        if interior.status != "optimal":
            assert solve_qp(**problem).status == interior.status
            continue
        s = checked(problem, method="active_set")
        assert s.method == "active_set"
        assert s.polished
        assert s.objective == pytest.approx(interior.objective, rel=1e-9, abs=1e-12)
        assert (s.x >= problem["lb"]).all()
        assert (s.x <= problem["ub"]).all()
        free = (s.x > problem["lb"]) & (s.x < problem["ub"])
        assert (s.z_box[free] == 0.0).all()


def test_candidates_are_enough_for_many_names() -> None:
    """Beyond the size at which every name is a candidate, cold and with most of them held."""
    for kind in ("box", "target"):
        problem = portfolio(300, 5, kind=kind)
        s = checked(problem)
        assert s.method == "active_set"
        interior = solve_qp(**problem, method="interior_point")
        assert s.objective == pytest.approx(interior.objective, rel=1e-9)
    even = checked({**portfolio(300, 6), "ub": np.full(300, 1.2 / 300)})
    assert (even.x > 0).sum() >= 250


def test_degenerate_markets() -> None:
    P, mu = market(40, 3, rows=15)  # T < n
    P[:, 7], mu[7] = P[:, 4], mu[4]
    P[7] = P[4]
    P[7, 7] = P[4, 4]  # duplicates
    P[0], P[:, 0], mu[0] = 0.0, 0.0, 0.01  # cash
    base = {"P": P, "A": np.ones((1, 40)), "b": np.ones(1), "lb": np.zeros(40), "ub": np.full(40, 0.25)}
    pinned = base | {"ub": np.where(np.arange(40) < 4, 0.25, 0.0)}  # one point only
    for q in (np.zeros(40), -mu, -100 * mu, -np.ones(40)):
        for problem in (base | {"q": q}, pinned | {"q": q}):
            s = checked(problem)
            reference = solve_qp(**problem, method="interior_point")
            assert s.objective == pytest.approx(reference.objective, rel=1e-8, abs=1e-12)
    equal = checked(base | {"P": np.eye(40), "q": np.full(40, -0.1)})  # every name alike
    np.testing.assert_allclose(equal.x, 1 / 40, atol=1e-12)
    linear = checked(base | {"P": None, "q": -mu, "G": np.eye(40)[:5], "h": np.full(5, 0.1)})
    assert linear.x.max() == 0.25


def test_units_change_neither_path_nor_answer() -> None:
    problem = portfolio(30, 1)
    one = checked(problem)
    for factor in (1e-6, 1e6):
        other = checked(problem | {"P": factor * problem["P"], "q": factor * problem["q"]})
        assert other.iterations == one.iterations
        np.testing.assert_allclose(other.x, one.x, atol=1e-12)
    money = checked(
        problem | {"P": problem["P"] / 1e12, "q": problem["q"] / 1e6, "b": [1e6], "ub": 1e6 * problem["ub"]}
    )
    np.testing.assert_allclose(money.x / 1e6, one.x, atol=1e-12)


@pytest.mark.parametrize("n", [40, 150])
def test_a_start_changes_the_time_and_not_the_answer(n: int) -> None:
    rng = np.random.default_rng(n)
    problem = portfolio(n, 2, kind="sectors")
    cold = checked(problem)
    moved = problem | {"q": problem["q"] * (1 + 0.01 * rng.normal(size=n))}
    again = checked(moved)
    warm = checked(moved, start=cold)
    assert warm.iterations < 0.5 * again.iterations
    starts = [cold.x, np.full(n, 1 / n), np.zeros(n), rng.normal(size=n), 100 * rng.random(n)]
    for start in starts:
        s = checked(moved, start=start)
        np.testing.assert_allclose(s.x, again.x, atol=1e-10)
    interior = checked(moved, start=cold, method="interior_point")
    np.testing.assert_allclose(interior.x, again.x, atol=1e-8)


def test_factors_are_the_dense_matrix() -> None:
    rng = np.random.default_rng(4)
    for n, k in ((12, 2), (60, 5), (250, 10)):
        B, half = rng.normal(size=(n, k)), rng.normal(size=(k, k))
        D = np.where(np.arange(n) % 10 == 0, 0.0, rng.uniform(0.01, 0.2, size=n))
        cov = FactorCovariance(B, half @ half.T, D)
        problem = {
            "q": -0.3 * rng.random(n),
            "A": np.ones((1, n)),
            "b": [1.0],
            "lb": np.zeros(n),
            "ub": np.full(n, 0.3),
        }
        dense = checked(problem | {"P": np.asarray(cov)})
        for method in ("active_set", "interior_point"):
            s = solve_qp(cov, **problem, method=method)
            assert s.status == "optimal"
            assert s.method == method
            assert max(residuals(Case(problem | {"P": np.asarray(cov)}, "optimal"), s).values()) <= 1e-9
            assert s.objective == pytest.approx(dense.objective, rel=1e-9)
        plain = FactorCovariance(B, specific_variance=D)
        np.testing.assert_allclose(solve_qp(plain, **problem).x, solve_qp(np.asarray(plain), **problem).x, atol=1e-9)


def test_a_batch_is_the_loop_bit_for_bit() -> None:
    n, count = 30, 12
    rng = np.random.default_rng(9)
    shared = portfolio(n, 9)
    q = shared["q"] * rng.uniform(0.0, 3.0, size=(count, 1))
    given: dict[str, Any] = {
        **shared,
        "q": q,
        "held": rng.dirichlet(np.ones(n), size=count),
        "trading_cost": rng.uniform(0, 0.01, size=n),
        "turnover": rng.uniform(0.1, 2.0, size=count),
        "start": np.full(n, 1 / n),
    }
    batch = solve_qp_batch(**given)
    listed = solve_qp_batch(
        [{k: v[i] if k in ("q", "held", "turnover") else v for k, v in given.items()} for i in range(count)]
    )
    for i, (one, other) in enumerate(zip(batch, listed, strict=True)):
        alone = solve_qp(**{k: v[i] if k in ("q", "held", "turnover") else v for k, v in given.items()})
        assert alone.status == "optimal"
        for s in (one, other):
            for name in ("x", "y", "z", "z_box", "z_trade"):
                np.testing.assert_array_equal(getattr(s, name), getattr(alone, name))
            assert (s.iterations, s.objective, s.turnover_dual) == (
                alone.iterations,
                alone.objective,
                alone.turnover_dual,
            )


def test_symmetric_to_rounding_only() -> None:
    """The symmetric part of P counts; a triangle that is off by 1e-9 does not hide in the residuals."""
    problem = portfolio(20, 3)
    symmetric = checked(problem)
    tilted = problem["P"] + 5e-9 * np.abs(problem["P"]).max() * np.triu(np.ones((20, 20)), 1)
    s = solve_qp(**(problem | {"P": tilted}))
    assert s.status == "optimal"
    np.testing.assert_allclose(s.x, symmetric.x, atol=1e-6)
    assert max(residuals(Case(problem | {"P": 0.5 * (tilted + tilted.T)}, "optimal"), s).values()) <= 1e-9


def test_one_factor_is_a_good_start() -> None:
    steps = {"zero": 0, "one factor": 0}
    for seed in range(20):
        for kind in ("box", "sectors", "target", "short"):
            problem = portfolio(20 + 3 * seed, seed, kind=kind)
            found, other = checked(problem), checked(problem, start=np.zeros(20 + 3 * seed))
            np.testing.assert_allclose(found.x, other.x, atol=1e-8)
            steps["one factor"] += found.iterations
            steps["zero"] += other.iterations
    assert steps["one factor"] < 0.6 * steps["zero"], steps


@pytest.mark.parametrize("cost", [0.0, 1e-5, 1e-3, 0.1])
def test_one_factor_is_a_good_start_where_trading_costs(cost: float) -> None:
    """From equal holdings, nearly all of which are sold, or kept where trading is dear."""
    steps = {"held": 0, "one factor": 0}
    for seed, n in enumerate((*range(20, 80, 3), 97, 150, 300)):
        problem = portfolio(n, seed, kind="box") | {"held": np.full(n, 1 / n), "trading_cost": np.full(n, cost)}
        found, other = solve_qp(**problem), solve_qp(**problem, start=problem["held"])
        assert (found.method, found.status) == ("active_set", "optimal")
        assert max(found.primal_residual, found.dual_residual, found.gap) <= 1e-12
        np.testing.assert_allclose(found.x, other.x, atol=1e-8)
        steps["one factor"] += found.iterations
        steps["held"] += other.iterations
    assert steps["one factor"] < (0.3 if cost < 0.1 else 1.5) * steps["held"], steps


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.1), (0.1, 0.1), (0.1, 1.0), (-np.inf, np.inf), (0.0, np.inf)])
def test_the_start_where_bounds_pin_or_are_absent(low: float, high: float) -> None:
    problem = portfolio(10, 3)
    checked(problem | {"lb": np.full(10, low), "ub": np.full(10, high)})
    checked(problem | {"P": np.zeros((10, 10)), "lb": np.zeros(10)})
    checked(problem | {"A": -2 * problem["A"], "b": -2 * problem["b"]})

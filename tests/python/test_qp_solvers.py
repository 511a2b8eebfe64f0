"""solve_qp against independent solvers, and its duals against finite differences of the optimal value."""

from __future__ import annotations

import ctypes

import clarabel
import daqp
import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from portfolio_engine.qp import solve_qp
from tests.python.qp_cases import Case, solvable
from tests.python.qp_checks import filled

TRAITS = [frozenset(t) for t in ((), ("degenerate",), ("rank_deficient",), ("redundant", "fixed"), ("linear",))]


def by_clarabel(case: Case) -> float:
    P, q, G, h, A, b, lb, ub = filled(case)
    used, low, high = h < np.inf, lb > -np.inf, ub < np.inf
    one = np.eye(len(q))
    rows = sparse.csc_matrix(np.vstack([A, G[used], one[high], -one[low]]))
    sides = np.concatenate([b, h[used], ub[high], -lb[low]])
    cones = [clarabel.ZeroConeT(len(b)), clarabel.NonnegativeConeT(len(sides) - len(b))]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    answer = clarabel.DefaultSolver(sparse.triu(sparse.csc_matrix(P)).tocsc(), q, rows, sides, cones, settings).solve()
    assert str(answer.status) in ("Solved", "AlmostSolved")
    return float(answer.obj_val)


def by_daqp(case: Case) -> float:
    P, q, G, h, A, b, lb, ub = filled(case)
    upper = np.concatenate([ub, h, b])
    lower = np.concatenate([lb, np.full(len(h), -np.inf), b])
    kinds = np.array([0] * (len(q) + len(h)) + [5] * len(b), dtype=ctypes.c_int)
    rows = np.ascontiguousarray(np.vstack([G, A]))
    x, _, flag, _ = daqp.solve(P, q, rows, np.minimum(upper, 1e30), np.maximum(lower, -1e30), kinds)
    assert flag == 1
    return float(0.5 * x @ P @ x + q @ x)


@pytest.mark.parametrize("traits", TRAITS, ids=lambda t: "+".join(sorted(t)) or "plain")
def test_objective_agrees_with_clarabel(traits: frozenset[str]) -> None:
    for seed in range(15):
        rng = np.random.default_rng([seed, 1])
        case = solvable(rng, int(rng.integers(2, 60)), traits)
        s = solve_qp(*case.arguments())
        assert s.objective == pytest.approx(by_clarabel(case), rel=1e-7, abs=1e-7), seed


def test_objective_agrees_with_daqp() -> None:
    for seed in range(30):
        rng = np.random.default_rng([seed, 2])
        case = solvable(rng, int(rng.integers(2, 40)), frozenset())
        s = solve_qp(*case.arguments())
        assert s.objective == pytest.approx(by_daqp(case), rel=1e-7, abs=1e-7), seed


def test_linear_programs_agree_with_highs() -> None:
    for seed in range(30):
        rng = np.random.default_rng([seed, 3])
        case = solvable(rng, int(rng.integers(2, 40)), frozenset({"linear", "degenerate"}))
        _, q, G, h, A, b, lb, ub = filled(case)
        other = linprog(q, G, h, A, b, np.column_stack([lb, ub]), method="highs")
        assert other.status == 0
        s = solve_qp(*case.arguments())
        assert s.objective == pytest.approx(other.fun, rel=1e-9, abs=1e-8), seed


@pytest.mark.parametrize("seed", range(8))
def test_duals_are_slopes_of_the_optimal_value(seed: int) -> None:
    rng = np.random.default_rng([seed, 4])
    case = solvable(rng, int(rng.integers(3, 15)), frozenset())  # strictly complementary: the value is smooth
    s = solve_qp(*case.arguments())
    step = 1e-4

    def value(name: str, k: int, by: float) -> float:
        moved = np.array(case.data[name], dtype=float)
        moved[k] += by
        solved = solve_qp(*Case({**case.data, name: moved}, "optimal").arguments())
        assert solved.is_optimal
        return solved.objective

    slopes = {
        "b": -s.y,
        "h": -s.z,
        "ub": -np.maximum(s.z_box, 0.0),
        "lb": -np.minimum(s.z_box, 0.0),
        "q": s.x,
    }
    tested = 0
    for name, expected in slopes.items():
        for k in np.flatnonzero(np.isfinite(case.data[name])):
            slope = (value(name, int(k), step) - value(name, int(k), -step)) / (2 * step)
            assert slope == pytest.approx(expected[k], abs=1e-6 * (1 + abs(expected[k]))), (name, k)
            tested += 1
    assert tested >= 2 * len(s.x)

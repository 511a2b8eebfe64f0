"""1,000 random quadratic programs of 2 to 200 variables whose nature is known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from portfolio_engine.qp import QPSolution, solve_qp
from tests.python.qp_cases import Case, make
from tests.python.qp_checks import is_degenerate, is_primal_certificate, is_rank_deficient, is_ray, residuals

COUNT = 1000
LIMIT = 1e-8
Solved = list[tuple[int, Case, QPSolution]]


@pytest.fixture(scope="module", params=["auto", "interior_point"])
def solved(request: pytest.FixtureRequest) -> Solved:
    out = []
    for seed in range(COUNT):
        case = make(seed)
        out.append((seed, case, solve_qp(*case.arguments(), method=request.param)))
    return out


@pytest.mark.slow
def test_the_generator_makes_what_it_says(solved: Solved) -> None:
    cases = [case for _, case, _ in solved]
    sizes = [case.data["q"].size for case in cases]
    assert min(sizes) == 2
    assert max(sizes) >= 195
    assert sum(size > 100 for size in sizes) >= 50
    assert sum(case.status == "primal_infeasible" for case in cases) >= 0.14 * COUNT
    assert sum(case.status == "dual_infeasible" for case in cases) >= 0.14 * COUNT
    assert sum("mixed_units" in case.traits for case in cases) >= 0.2 * COUNT
    assert sum("redundant" in case.traits for case in cases) >= 0.15 * COUNT
    # measured, not only labelled; degeneracy where the optimum is known in its own units
    assert sum(map(is_degenerate, cases)) >= 0.15 * COUNT
    assert sum(map(is_rank_deficient, cases)) >= 0.35 * COUNT


def test_every_status_is_the_one_built_in(solved: Solved) -> None:
    wrong = [(seed, case.status, s.status) for seed, case, s in solved if s.status != case.status]
    assert wrong == []


def test_residuals_recomputed_from_the_answer(solved: Solved) -> None:
    worst = {seed: max(residuals(case, s).values()) for seed, case, s in solved if case.status == "optimal"}
    assert len(worst) >= 0.6 * COUNT
    assert {seed: value for seed, value in worst.items() if not value <= LIMIT} == {}


def test_reported_residuals_are_the_real_ones(solved: Solved) -> None:
    for seed, case, s in solved:
        if case.status != "optimal":
            continue
        real = residuals(case, s)
        reported = {"primal": s.primal_residual, "dual": s.dual_residual, "gap": s.gap}
        for name, value in reported.items():
            assert abs(value - real[name]) <= 1e-11, (seed, name)


def test_objective_is_the_one_built_in(solved: Solved) -> None:
    for seed, case, s in solved:
        if case.objective is not None and case.status == "optimal":
            assert abs(s.objective - case.objective) <= 1e-8 * (1 + abs(case.objective)), seed


def test_certificates_multiply_out(solved: Solved) -> None:
    infeasible = [(seed, c, s) for seed, c, s in solved if c.status == "primal_infeasible"]
    unbounded = [(seed, c, s) for seed, c, s in solved if c.status == "dual_infeasible"]
    assert [seed for seed, c, s in infeasible if not is_primal_certificate(c, s)] == []
    assert [seed for seed, c, s in unbounded if not is_ray(c, s)] == []


def test_iterations_stay_few(solved: Solved) -> None:
    counts = np.array([s.iterations for *_, s in solved if s.method == "interior_point"])
    assert len(counts) >= 0.25 * COUNT
    assert counts.mean() <= 15
    assert counts.max() <= 100

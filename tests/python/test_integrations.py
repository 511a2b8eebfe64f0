"""Our solver under the interfaces of qpsolvers and CVXPY, against the solvers that are at home there."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import qpsolvers
from scipy import sparse

from portfolio_engine.integrations.cvxpy import PortfolioEngine
from portfolio_engine.integrations.qpsolvers import NAME


def problem(seed: int, n: int = 12) -> dict[str, Any]:
    """Long only with caps, a group limit and a budget; the covariance is singular."""
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((n - 3, n)) * 0.1
    return {
        "P": factor.T @ factor,
        "q": -0.05 * rng.uniform(0, 1, n),
        "G": (rng.uniform(size=(2, n)) > 0.5).astype(float),
        "h": np.full(2, 0.6),
        "A": np.ones((1, n)),
        "b": np.ones(1),
        "lb": np.zeros(n),
        "ub": np.full(n, 0.4),
    }


def test_qpsolvers_lists_it() -> None:
    assert NAME in qpsolvers.available_solvers
    assert qpsolvers.dense_solvers.count(NAME) == 1


@pytest.mark.parametrize("seed", range(6))
def test_qpsolvers_solution_with_duals(seed: int) -> None:
    given = qpsolvers.Problem(**problem(seed))
    ours = qpsolvers.solve_problem(given, solver=NAME)
    theirs = qpsolvers.solve_problem(given, solver="daqp", eps_prox=1e-6)
    assert ours.found
    assert ours.is_optimal(1e-8)  # its own check of primal, dual and gap
    assert ours.obj == pytest.approx(theirs.obj, abs=1e-6)  # daqp needs a proximal term here
    assert ours.extras["status"] == "optimal"


def test_qpsolvers_with_fewer_arguments_sparse_matrices_and_a_start() -> None:
    given = problem(3)
    x = qpsolvers.solve_qp(
        sparse.csc_matrix(given["P"]), given["q"], A=sparse.csc_matrix(given["A"]), b=given["b"], lb=given["lb"],
        solver=NAME,
    )  # fmt: skip
    assert x is not None
    assert x.sum() == pytest.approx(1)
    free = qpsolvers.solve_problem(qpsolvers.Problem(np.eye(3), np.array([-1.0, 2.0, 0.0])), solver=NAME)
    np.testing.assert_allclose(free.x, [1, -2, 0], atol=1e-12)
    assert free.z_box.size == 0
    again = qpsolvers.solve_qp(**given, solver=NAME, initvals=np.full(12, 1 / 12))
    np.testing.assert_allclose(again, qpsolvers.solve_qp(**given, solver=NAME), atol=1e-9)


def test_qpsolvers_is_told_of_what_has_no_answer() -> None:
    given = problem(1)
    none = qpsolvers.solve_problem(qpsolvers.Problem(**{**given, "b": np.array([9.0])}), solver=NAME)
    assert not none.found
    assert none.x is None
    assert none.extras["status"] == "primal_infeasible"
    certificate = none.extras["certificate"]
    total = given["A"].T @ certificate["y"] + given["G"].T @ certificate["z"] + certificate["z_box"]
    np.testing.assert_allclose(total, 0, atol=1e-9)
    with pytest.raises(qpsolvers.ProblemError, match="P"):
        qpsolvers.solve_qp(-np.eye(2), np.zeros(2), solver=NAME)
    with pytest.raises(TypeError, match="tolerence"):
        qpsolvers.solve_qp(np.eye(2), np.zeros(2), solver=NAME, tolerence=1e-6)


def program(given: dict[str, Any], q: Any) -> tuple[cp.Problem, cp.Variable]:
    """The same as a CVXPY problem; the bounds are those of the variable."""
    x = cp.Variable(len(given["q"]), bounds=[given["lb"], given["ub"]])
    rows = [given["A"] @ x == given["b"], given["G"] @ x <= given["h"]]
    return cp.Problem(cp.Minimize(0.5 * cp.quad_form(x, cp.psd_wrap(given["P"])) + q @ x + 3.0), rows), x


@pytest.mark.parametrize("solver", ["PORTFOLIO_ENGINE", PortfolioEngine()], ids=["by name", "by object"])
def test_cvxpy_value_weights_and_duals(solver: Any) -> None:
    given = problem(2)
    ours, x = program(given, given["q"])
    theirs, other = program(given, given["q"])
    ours.solve(solver=solver)
    theirs.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    assert ours.status == cp.OPTIMAL
    assert ours.value == pytest.approx(theirs.value, abs=1e-9)
    assert given["P"] @ x.value == pytest.approx(given["P"] @ other.value, abs=1e-6)
    for mine, its in zip(ours.constraints, theirs.constraints, strict=True):
        assert mine.dual_value == pytest.approx(its.dual_value, abs=1e-6)
    assert ours.solver_stats.solver_name == "PORTFOLIO_ENGINE"
    assert ours.solver_stats.extra_stats.gap <= 1e-9


def test_cvxpy_parameter_is_changed_and_solved_again() -> None:
    given = problem(4)
    q = cp.Parameter(12, value=given["q"])
    ours, x = program(given, q)
    ours.solve(solver="PORTFOLIO_ENGINE")
    first = ours.value
    q.value = 2 * given["q"]
    ours.solve(solver="PORTFOLIO_ENGINE", tolerance=1e-10)
    theirs, other = program(given, q.value)
    theirs.solve(solver=cp.CLARABEL)
    assert ours.value == pytest.approx(theirs.value, abs=1e-7)
    assert ours.value < first
    assert other.value is not None
    assert x.value.sum() == pytest.approx(1)


def test_cvxpy_linear_program_maximum_and_statuses() -> None:
    x = cp.Variable(3, nonneg=True)
    best = cp.Problem(cp.Maximize(np.array([1.0, 2.0, 3.0]) @ x), [cp.sum(x) <= 2, x[2] <= 0.5])
    assert best.solve(solver="PORTFOLIO_ENGINE") == pytest.approx(4.5)
    none = cp.Problem(cp.Minimize(cp.sum_squares(x)), [cp.sum(x) == -1])
    none.solve(solver="PORTFOLIO_ENGINE")
    assert none.status == cp.INFEASIBLE
    endless = cp.Problem(cp.Maximize(cp.sum(x)))
    endless.solve(solver="PORTFOLIO_ENGINE")
    assert endless.status == cp.UNBOUNDED


def test_cvxpy_refuses_cones_and_unknown_options() -> None:
    x = cp.Variable(3)
    cone = cp.Problem(cp.Minimize(cp.norm(x - 1, 2)), [cp.norm(x, 2) <= 1])
    with pytest.raises(cp.SolverError, match="PORTFOLIO_ENGINE"):
        cone.solve(solver=PortfolioEngine())
    with pytest.raises(TypeError, match="tolerence"):
        cp.Problem(cp.Minimize(cp.sum_squares(x))).solve(solver="PORTFOLIO_ENGINE", tolerence=1e-6)

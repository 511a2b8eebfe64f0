"""Quadratic programs of both devices: every KKT residual recomputed in float64, to the same bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize

from portfolio_engine import solve_qp, solve_qp_batch
from portfolio_engine._selftest import reference
from portfolio_engine._selftest.tolerance import TOLERANCE
from tests.parity.problems import SIZES, covariance, returns


def portfolio(n: int, seed: int, rows: int = 0) -> dict[str, np.ndarray]:
    """Mean-variance utility, fully invested, long only, at most a few times the equal weight; group caps when asked."""
    table = returns(2 * n + 20, n, seed)
    given = {
        "P": covariance(n, seed),
        "q": -table.mean(axis=0) * 252 / 2.5,
        "A": np.ones((1, n)),
        "b": np.ones(1),
        "lb": np.zeros(n),
        "ub": np.full(n, min(1.0, 4 / n)),
    }
    if rows:
        given["G"] = (np.arange(n) % rows == np.arange(rows)[:, None]).astype(float)
        given["h"] = np.full(rows, 1.5 / min(n, rows))
    return given


def stacked(problems: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.stack([problem[name] for problem in problems]) for name in problems[0]}


def check(solution: Any, given: dict[str, np.ndarray], bound: float) -> None:
    assert solution.status == "optimal"
    assert reference.kkt_error(solution, **given) <= bound


@pytest.mark.parametrize("n", SIZES)
def test_batch(device: str, n: int) -> None:
    problems = [portfolio(n, seed) for seed in range(3)]
    solutions = solve_qp_batch(**stacked(problems), device=device)
    for solution, given in zip(solutions, problems, strict=True):
        check(solution, given, TOLERANCE["solve_qp_batch"][device])


@pytest.mark.parametrize("n", [128, 129, 200])
def test_large_members_of_a_batch(device: str, n: int) -> None:
    given = portfolio(n, 4)
    (solution,) = solve_qp_batch(**stacked([given]), device=device)
    check(solution, given, TOLERANCE["solve_qp_batch"][device])


@pytest.mark.parametrize(("n", "rows"), [(8, 1), (33, 3), (64, 11)])
def test_batch_with_dense_rows(device: str, n: int, rows: int) -> None:
    problems = [portfolio(n, seed, rows) for seed in range(3)]
    for solution, given in zip(solve_qp_batch(**stacked(problems), device=device), problems, strict=True):
        check(solution, given, TOLERANCE["solve_qp_batch"][device])


def test_batch_on_one_covariance(device: str) -> None:
    problems = [{**portfolio(33, 0), "q": portfolio(33, seed)["q"]} for seed in range(4)]
    shared = {**problems[0], "q": np.stack([problem["q"] for problem in problems])}
    solutions = solve_qp_batch(**shared, device=device)
    for solution, given in zip(solutions, problems, strict=True):
        check(solution, given, TOLERANCE["solve_qp_batch"][device])
    if device != "cpu":
        assert {solution.device for solution in solutions} == {device}, solutions[0].device_reason


@pytest.mark.parametrize("n", [1, 32, 65])
def test_single(device: str, n: int) -> None:
    given = portfolio(n, 5, 2)
    check(solve_qp(**given, device=device), given, TOLERANCE["solve_qp"][device])


def test_a_daily_covariance_is_solved_as_well_as_an_annual_one(device: str) -> None:
    given = portfolio(20, 1)
    daily = {**given, "P": given["P"] / 252, "q": given["q"] / 252}
    annual = solve_qp_batch(**stacked([given]), device=device)[0]
    (got,) = solve_qp_batch(**stacked([daily]), device=device)
    np.testing.assert_allclose(got.x, annual.x, atol=1e-6)


def test_scipy_agrees(device: str) -> None:
    given = portfolio(6, 2)
    (got,) = solve_qp_batch(**stacked([given]), device=device)
    P, q = given["P"], given["q"]
    peer = scipy.optimize.minimize(
        lambda x: 0.5 * x @ P @ x + q @ x,
        np.full(6, 1 / 6),
        jac=lambda x: P @ x + q,
        bounds=list(zip(given["lb"], given["ub"], strict=True)),
        constraints={"type": "eq", "fun": lambda x: x.sum() - 1, "jac": lambda x: np.ones(6)},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert got.objective <= peer.fun + 1e-9
    np.testing.assert_allclose(got.x, peer.x, atol=1e-5)


def test_a_batch_with_a_problem_that_has_no_answer(device: str) -> None:
    """One infeasible, one unbounded, one ordinary: each gets its own status and certificate."""
    good, wrong = portfolio(8, 0), {**portfolio(8, 1), "ub": np.full(8, 0.1)}
    unbounded = {**portfolio(8, 2), "P": np.zeros((8, 8)), "lb": np.full(8, -np.inf), "ub": np.full(8, np.inf)}
    solutions = solve_qp_batch(**stacked([wrong, good, unbounded]), device=device)
    assert [solution.status for solution in solutions] == ["primal_infeasible", "optimal", "dual_infeasible"]
    check(solutions[1], good, TOLERANCE["solve_qp_batch"][device])
    z_box = solutions[0].z_box
    proof = solutions[0].y @ wrong["b"] + wrong["ub"] @ z_box.clip(0) + wrong["lb"] @ z_box.clip(None, 0)
    assert proof == pytest.approx(-1, abs=1e-9)
    np.testing.assert_allclose(wrong["A"].T @ solutions[0].y + z_box, 0, atol=1e-9)

"""A quadratic program solved again after expected returns changed by one per cent, n = 500.

Ours is one call that is given the last solution. Peers do the same, or keep their workspace with its factors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

import portfolio_engine as pe
from bench.peers import qp_solvers, qp_sparse
from bench.peers.case import LEVELS, OURS, Contender, Row, Work
from bench.peers.qp_problem import Array, Problem, box

Again = Callable[[], tuple[int, Array]]


def alternating(solve: Callable[[int], Array]) -> Again:
    """Each call solves the other of the two problems, from where the last one ended."""
    turn = [0]

    def call() -> tuple[int, Array]:
        turn[0] = 1 - turn[0]
        return turn[0], solve(turn[0])

    return call


def ours_again(problem: Problem, linear: list[Array]) -> Again:
    """From the last solution; that the covariance is one was checked when it was first solved."""
    rows: dict[str, Any] = {"A": problem.A, "b": problem.b, "lb": problem.lb, "ub": problem.ub, "device": "cpu"}
    last = [pe.solve_qp(problem.P, linear[0], **rows)]

    def solve(k: int) -> Array:
        last[0] = pe.solve_qp(problem.P, linear[k], **rows, start=last[0], check_matrix=False)
        return last[0].x

    return alternating(solve)


def daqp_again(problem: Problem, linear: list[Array], level: float) -> Again:
    """One workspace, which keeps the factors and the working set."""
    import daqp as package

    model = package.Model()
    model.settings = {"primal_tol": level, "dual_tol": level}
    bounds = np.concatenate([problem.ub, problem.b]), np.concatenate([problem.lb, problem.b])
    model.setup(problem.P, linear[0], problem.A, *bounds, np.concatenate([np.zeros(problem.n), [5]]).astype(np.intc))

    def solve(k: int) -> Array:
        model.update(f=linear[k])
        return np.array(model.solve()[0])

    return alternating(solve)


def piqp_again(problem: Problem, linear: list[Array], level: float) -> Again:
    """One set-up; it has no warm start."""
    import piqp as package

    solver = package.DenseSolver()
    settings = solver.settings
    settings.eps_abs = settings.eps_rel = settings.eps_duality_gap_abs = settings.eps_duality_gap_rel = level
    solver.setup(
        np.asfortranarray(problem.P), linear[0], np.asfortranarray(problem.A), problem.b, None, None, None,
        problem.lb, problem.ub,
    )  # fmt: skip

    def solve(k: int) -> Array:
        solver.update(c=linear[k])
        solver.solve()
        return np.array(solver.result.x)

    return alternating(solve)


def osqp_again(problem: Problem, linear: list[Array], level: float) -> Again:
    """One factorisation, from the last solution."""
    import osqp as package

    solver = package.OSQP()
    given = qp_sparse.from_dense(problem)
    matrix = sparse.vstack([given.M, sparse.identity(problem.n)], format="csc")
    sides = np.concatenate([given.lower, given.lb]), np.concatenate([given.upper, given.ub])
    solver.setup(
        sparse.triu(given.P, format="csc"), linear[0], matrix, *sides, verbose=False, eps_abs=level, eps_rel=level,
        polishing=True, max_iter=20_000,
    )  # fmt: skip

    def solve(k: int) -> Array:
        solver.update(q=linear[k])
        return np.array(solver.solve().x)

    return alternating(solve)


def proxqp_again(problem: Problem, linear: list[Array], level: float) -> Again:
    """From the last result."""
    from proxsuite import proxqp as package

    solver = package.dense.QP(problem.n, 1, 0, True)
    solver.settings.eps_abs, solver.settings.eps_rel = level, 0.0
    solver.settings.initial_guess = package.InitialGuess.WARM_START_WITH_PREVIOUS_RESULT
    solver.init(problem.P, linear[0], problem.A, problem.b, None, None, None, problem.lb, problem.ub)
    solver.solve()

    def solve(k: int) -> Array:
        solver.update(g=linear[k])
        solver.solve()
        return np.array(solver.results.x)

    return alternating(solve)


def daqp_once(problem: Problem, linear: list[Array], level: float) -> Again:
    """One call, given the last solution."""
    import daqp as package

    bounds = np.concatenate([problem.ub, problem.b]), np.concatenate([problem.lb, problem.b])
    kinds = np.concatenate([np.zeros(problem.n), [5]]).astype(np.intc)
    last = [np.full(problem.n, 1 / problem.n)]

    def solve(k: int) -> Array:
        last[0] = package.solve(
            problem.P, linear[k], problem.A, *bounds, kinds, primal_start=last[0], primal_tol=level, dual_tol=level
        )[0]
        return last[0]

    return alternating(solve)


def cold(adapter: Callable[[Problem, float], Callable[[], Array]]) -> Callable[[Problem, list[Array], float], Again]:
    """A solver that cannot start anywhere, with its own set-up made before."""

    def prepare(problem: Problem, linear: list[Array], level: float) -> Again:
        calls = [adapter(replace(problem, q=q), level) for q in linear]
        return alternating(lambda k: calls[k]())

    return prepare


Peers = dict[str, Callable[[Problem, list[Array], float], Again]]
KEPT: Peers = {"daqp": daqp_again, "piqp": piqp_again, "osqp": osqp_again, "proxqp": proxqp_again}
ONE_CALL: Peers = {"daqp": daqp_once, "piqp": cold(qp_solvers.piqp), "highs": cold(qp_solvers.highs)}


def warm(n: int, peers: Peers) -> Work:
    """Expected returns change by one per cent and back."""
    problem = box(n)
    change = 1 + 0.01 * np.random.default_rng(2).standard_normal(n)
    linear = [problem.q, problem.q * change]
    both = [replace(problem, q=q) for q in linear]
    best = [one.value(one.repaired(qp_solvers.piqp(one, 1e-12)())) for one in both]
    return Work(
        (
            Contender(OURS, lambda _: ours_again(problem, linear)),
            *(
                Contender(name, lambda level, f=f: f(problem, linear, level), levels=LEVELS)
                for name, f in peers.items()
            ),
        ),
        lambda found: both[found[0]].error(found[1], best[found[0]]),
        relative=True,
        bytes=8.0 * n * n,
    )


ROWS = (
    Row("qp_warm", 500, "QP again, n = 500, peers in one call", 0.03, lambda: warm(500, ONE_CALL)),
    Row("qp_warm", 500, "QP again, n = 500, peers keep factors", 0.03, lambda: warm(500, KEPT)),
)

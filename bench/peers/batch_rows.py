"""A thousand quadratic programs of fifty assets: each with its own covariance, or all with one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import portfolio_engine as pe
from bench.peers import qp_solvers
from bench.peers.case import LEVELS, OURS, Contender, Row, Work
from bench.peers.qp_problem import Array, Problem, box
from bench.peers.threads import allowed

COUNT = 1000


def problems(shared: bool) -> list[Problem]:
    """Expected returns of their own each; the covariances differ by random changes of the volatilities."""
    given, rng = box(50), np.random.default_rng(3)
    out = []
    for k in range(COUNT):
        scale = np.ones(50) if shared else rng.uniform(0.8, 1.25, 50)
        P = given.P if shared else np.ascontiguousarray(given.P * np.outer(scale, scale))
        out.append(replace(given, P=P, q=np.roll(given.q, k) * rng.uniform(0.9, 1.1, 50)))
    return out


def one_by_one(call: Callable[[Problem, float], Callable[[], Array]], given: list[Problem], level: float) -> Any:
    """A loop over prepared calls."""
    calls = [call(problem, level) for problem in given]
    return lambda: np.array([solve() for solve in calls])


def proxqp(given: list[Problem], level: float) -> Callable[[], Array]:
    """The batch of proxsuite, on its own threads."""
    from proxsuite import proxqp as package

    n = given[0].n
    batch = package.dense.BatchQP(len(given))
    for problem in given:
        solver = batch.init_qp_in_place(n, 1, n)
        solver.settings.eps_abs, solver.settings.eps_rel = level, 0.0
        solver.settings.initial_guess = package.InitialGuess.NO_INITIAL_GUESS
        solver.init(problem.P, problem.q, problem.A, problem.b, np.eye(n), problem.lb, problem.ub)

    def call() -> Array:
        package.dense.solve_in_parallel(batch, allowed())
        return np.array([np.array(batch.get(k).results.x) for k in range(len(given))])

    return call


def work(shared: bool) -> Work:
    """The worst of all answers counts."""
    given = problems(shared)
    first = given[0]
    best = [problem.value(problem.repaired(qp_solvers.piqp(problem, 1e-12)())) for problem in given]
    P = first.P if shared else np.stack([problem.P for problem in given])
    q = np.stack([problem.q for problem in given])
    rows: dict[str, Any] = {"A": first.A, "b": first.b, "lb": first.lb, "ub": first.ub}

    def error(points: Array) -> float:
        return max(problem.error(x, value) for problem, x, value in zip(given, points, best, strict=True))

    return Work(
        (
            Contender(
                OURS,
                lambda _: lambda: pe.solve_qp_batch(P, q, **rows, device="cpu"),
                lambda found: np.array([solution.x for solution in found]),
            ),
            *(
                Contender(f"{name}, a loop", lambda level, f=f: one_by_one(f, given, level), levels=LEVELS)
                for name, f in (("daqp", qp_solvers.daqp), ("piqp", qp_solvers.piqp), ("quadprog", qp_solvers.quadprog))
            ),
            Contender("proxqp, its batch", lambda level: proxqp(given, level), levels=LEVELS),
        ),
        error,
        bytes=8.0 * P.size,
    )


ROWS = (
    Row("batch", 50, "1,000 QPs of n = 50, a covariance each", 0.2, lambda: work(False)),
    Row("batch", 50, "1,000 QPs of n = 50, one covariance", 0.2, lambda: work(True)),
)

"""The efficient frontier of 100 points: ours, a loop over targets through QP solvers, and whole packages."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import portfolio_engine as pe
from bench.peers import qp_solvers
from bench.peers.case import LEVELS, OURS, Contender, Row, Work
from bench.peers.qp_problem import Array, Problem, moments

POINTS = 100


def problem(n: int, target: float) -> Problem:
    """The least variance at an expected return, long only."""
    mu, sigma = moments(n)
    return Problem(
        sigma, np.zeros(n), np.vstack([np.ones(n), mu]), np.array([1.0, target]), np.zeros(n), np.ones(n)
    )  # fmt: skip


def targets(n: int) -> Array:
    """Evenly spaced from the least-variance portfolio's return to just below the highest."""
    mu, sigma = moments(n)
    least = Problem(sigma, np.zeros(n), np.ones((1, n)), np.ones(1), np.zeros(n), np.ones(n))
    return np.linspace(float(mu @ qp_solvers.piqp(least, 1e-12)()), float(mu.max()), POINTS)[1:-1]


def daqp(n: int, wanted: Array, level: float) -> Callable[[], Array]:
    """Warm from point to point, in one workspace."""
    import daqp as package

    first = problem(n, float(wanted[0]))
    upper, lower = np.concatenate([first.ub, first.b]), np.concatenate([first.lb, first.b])
    sense = np.concatenate([np.zeros(n), [5, 5]]).astype(np.intc)

    def call() -> Array:
        model = package.Model()
        model.settings = {"primal_tol": level, "dual_tol": level}
        model.setup(first.P, first.q, first.A, upper, lower, sense)
        out = []
        for target in wanted:
            upper[-1] = lower[-1] = target
            model.update(bupper=upper, blower=lower)
            out.append(model.solve()[0])
        return np.array(out)

    return call


def highs(n: int, wanted: Array, level: float) -> Callable[[], Array]:
    """One after another."""
    calls = [qp_solvers.highs(problem(n, float(target)), level) for target in wanted]
    return lambda: np.array([solve() for solve in calls])


def piqp(n: int, wanted: Array, level: float) -> Callable[[], Array]:
    """One set-up, updated from point to point."""
    import piqp as package

    first = problem(n, float(wanted[0]))
    solver = package.DenseSolver()
    settings = solver.settings
    settings.eps_abs = settings.eps_rel = level
    settings.eps_duality_gap_abs = settings.eps_duality_gap_rel = level
    solver.setup(
        np.asfortranarray(first.P), first.q, np.asfortranarray(first.A), first.b, None, None, None, first.lb, first.ub
    )

    def call() -> Array:
        out = []
        for target in wanted:
            solver.update(b=np.array([1.0, target]))
            solver.solve()
            out.append(np.array(solver.result.x))
        return np.array(out)

    return call


def work(n: int) -> Work:
    """The worst point counts; ours is read at the same targets as the peers'."""
    mu, sigma = moments(n)
    given, wanted = pe.Moments(mu, sigma), targets(n)
    checks = [problem(n, float(target)) for target in wanted]
    best = [check.value(check.repaired(x)) for check, x in zip(checks, piqp(n, wanted, 1e-12)(), strict=True)]

    def error(points: Array) -> float:
        return max(check.error(x, value) for check, x, value in zip(checks, points, best, strict=True))

    return Work(
        (
            Contender(
                OURS,
                lambda _: lambda: pe.efficient_frontier(given, POINTS, device="cpu"),
                lambda found: np.asarray(found.weights)[1:-1],
            ),
            *(
                Contender(name, lambda level, f=f: f(n, wanted, level), levels=LEVELS)
                for name, f in (("daqp, warm loop", daqp), ("piqp, loop", piqp), ("highs, loop", highs))
            ),
        ),
        error,
        relative=True,
        bytes=8.0 * n * n,
    )


ROWS = (
    Row("frontier", 50, "frontier of 100 points, n = 50", 0.3, lambda: work(50), quick=True),
    Row("frontier", 500, "frontier of 100 points, n = 500", 0.03, lambda: work(500), slow=True),
)

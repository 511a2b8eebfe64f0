"""Solvers that take sparse matrices; also for problems whose structure is in those matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from bench.peers import qp_solvers
from bench.peers.qp_problem import Array, Problem
from bench.peers.threads import allowed

Call = Callable[[], Array]


@dataclass(frozen=True, eq=False)
class Sparse:
    """min 1/2 x'Px + q'x, lower <= Mx <= upper, lb <= x <= ub; the answer is the first `keep` variables."""

    P: Any
    q: Array
    M: Any
    lower: Array
    upper: Array
    lb: Array
    ub: Array
    keep: int


def from_dense(problem: Problem) -> Sparse:
    """The same problem; trading is split into purchases and sales."""
    matrix, lower, upper = qp_solvers.rows(problem)
    n = problem.n
    P, M = sparse.csc_matrix(problem.P), sparse.csc_matrix(matrix)
    if problem.held is None or problem.cost is None:
        return Sparse(P, problem.q, M, lower, upper, problem.lb, problem.ub, n)
    eye, none = sparse.identity(n, format="csc"), sparse.csc_matrix((2 * n, 2 * n))
    trade = sparse.hstack([eye, -eye, eye])
    wide = sparse.hstack([M, sparse.csc_matrix((M.shape[0], 2 * n))])
    return Sparse(
        sparse.block_diag([P, none], format="csc"), np.concatenate([problem.q, problem.cost, problem.cost]),
        sparse.vstack([wide, trade], format="csc"), np.concatenate([lower, problem.held]),
        np.concatenate([upper, problem.held]), np.concatenate([problem.lb, np.zeros(2 * n)]),
        np.concatenate([problem.ub, np.full(2 * n, np.inf)]), n,
    )  # fmt: skip


def split(given: Sparse) -> tuple[Any, Array, Any, Array, Array]:
    """A, b for equalities and G, h_l, h_u for the rest."""
    equal = given.lower == given.upper
    M = given.M.tocsr()
    return M[equal].tocsc(), given.upper[equal], M[~equal].tocsc(), given.lower[~equal], given.upper[~equal]


def piqp(given: Sparse, tolerance: float) -> Call:
    """Proximal interior point, sparse factorisation."""
    import piqp as package

    solver = package.SparseSolver()
    settings = solver.settings
    settings.eps_abs = settings.eps_rel = tolerance
    settings.eps_duality_gap_abs = settings.eps_duality_gap_rel = tolerance
    A, b, G, low, high = split(given)
    rest = (G, low, high) if G.shape[0] else (None, None, None)
    solver.setup(given.P, given.q, A, b, *rest, given.lb, given.ub)

    def call() -> Array:
        solver.solve()
        return np.array(solver.result.x)[: given.keep]

    return call


def clarabel(given: Sparse, tolerance: float) -> Call:
    """Homogeneous interior point in Rust."""
    import clarabel as package

    A, b, G, low, high = split(given)
    eye = sparse.identity(len(given.q), format="csr")
    sides = [(G, high), (-G, -low), (eye, given.ub), (-eye, -given.lb)]
    kept = [(M.tocsr()[np.isfinite(v)], v[np.isfinite(v)]) for M, v in sides]
    matrix = sparse.vstack([A, *(M for M, _ in kept)], format="csc")
    right = np.concatenate([b, *(v for _, v in kept)])
    settings = package.DefaultSettings()
    settings.verbose = False
    settings.max_threads = allowed()
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    cones = [package.ZeroConeT(len(b)), package.NonnegativeConeT(len(right) - len(b))]
    solver = package.DefaultSolver(sparse.triu(given.P, format="csc"), given.q, matrix, right, cones, settings)
    return lambda: np.array(solver.solve().x)[: given.keep]


def highs(given: Sparse, tolerance: float) -> Call:
    """Null-space active set of HiGHS."""
    import highspy

    call = qp_solvers.highs_model(
        given.P, given.q, given.M, (given.lower, given.upper), (given.lb, given.ub), tolerance,
        {"threads": allowed()}, highspy,
    )  # fmt: skip
    return lambda: call()[: given.keep]


def osqp(given: Sparse, tolerance: float) -> Call:
    """Alternating directions with polishing; factorised outside the call, started from zero each time."""
    import osqp as package

    solver = package.OSQP()
    matrix = sparse.vstack([given.M, sparse.identity(len(given.q))], format="csc")
    sides = np.concatenate([given.lower, given.lb]), np.concatenate([given.upper, given.ub])
    solver.setup(
        sparse.triu(given.P, format="csc"), given.q, matrix, *sides, verbose=False, eps_abs=tolerance,
        eps_rel=tolerance, polishing=True, max_iter=20_000,
    )  # fmt: skip
    start = np.zeros(len(given.q)), np.zeros(matrix.shape[0])

    def call() -> Array:
        solver.warm_start(x=start[0], y=start[1])
        return np.array(solver.solve().x)[: given.keep]

    return call


def proxqp(given: Sparse, tolerance: float) -> Call:
    """Proximal augmented Lagrangian of proxsuite, dense."""
    from proxsuite import proxqp as package

    A, b, G, low, high = split(given)
    n, rows = len(given.q), G.shape[0]
    solver = package.dense.QP(n, len(b), rows, True)
    solver.settings.eps_abs, solver.settings.eps_rel = tolerance, 0.0
    solver.settings.initial_guess = package.InitialGuess.NO_INITIAL_GUESS
    inside = (G.toarray(), np.maximum(low, -1e20), np.minimum(high, 1e20)) if rows else (None, None, None)
    solver.init(given.P.toarray(), given.q, A.toarray(), b, *inside, given.lb, np.minimum(given.ub, 1e20))

    def call() -> Array:
        solver.solve()
        return np.array(solver.results.x)[: given.keep]

    return call


def scs(given: Sparse, tolerance: float) -> Call:
    """Splitting conic solver; factorised outside the call, started from zero each time."""
    import scs as package

    A, b, G, low, high = split(given)
    eye = sparse.identity(len(given.q), format="csr")
    kept = [(M.tocsr()[np.isfinite(v)], v[np.isfinite(v)]) for M, v in [(G, high), (-G, -low)]]
    box = np.concatenate([[1.0]]), sparse.csc_matrix((1, len(given.q)))
    matrix = sparse.vstack([A, *(M for M, _ in kept), box[1], -eye], format="csc")
    right = np.concatenate([b, *(v for _, v in kept), box[0], np.zeros(len(given.q))])
    cone = {"z": len(b), "l": sum(len(v) for _, v in kept), "bl": given.lb, "bu": given.ub}
    data = {"P": sparse.triu(given.P, format="csc"), "A": matrix, "b": right, "c": given.q}
    solver = package.SCS(data, cone, verbose=False, eps_abs=tolerance, eps_rel=tolerance, max_iters=50_000)
    return lambda: np.array(solver.solve(warm_start=False)["x"])[: given.keep]

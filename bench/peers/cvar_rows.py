"""Mean-CVaR over five years of days, as the linear program of Rockafellar and Uryasev for the solvers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

import portfolio_engine as pe
from bench.kernels import returns
from bench.peers import qp_solvers, qp_sparse
from bench.peers.case import LEVELS, OURS, Contender, Row, Work
from bench.peers.qp_problem import Array
from bench.peers.threads import allowed

CONFIDENCE = 0.95
TOLERANCE_OF_RISK = 0.1  # of expected return against CVaR, per day


def program(observed: Array, q: Array) -> qp_sparse.Sparse:
    """Variables x, VaR and a shortfall for each day."""
    T, n = observed.shape
    cost = np.concatenate([q, [1.0], np.full(T, 1 / ((1 - CONFIDENCE) * T))])
    short = sparse.hstack([sparse.csc_matrix(observed), np.ones((T, 1)), sparse.identity(T)])
    budget = sparse.csc_matrix(np.concatenate([np.ones(n), np.zeros(T + 1)])[None, :])
    return qp_sparse.Sparse(
        sparse.csc_matrix((len(cost), len(cost))), cost, sparse.vstack([budget, short], format="csc"),
        np.concatenate([[1.0], np.zeros(T)]), np.concatenate([[1.0], np.full(T, np.inf)]),
        np.concatenate([np.zeros(n), [-np.inf], np.zeros(T)]),
        np.concatenate([np.full(n, 0.1), np.full(T + 1, np.inf)]), n,
    )  # fmt: skip


def highs(given: qp_sparse.Sparse, solver: str, level: float) -> Callable[[], Array]:
    """Simplex, or an interior point method with crossover."""
    import highspy

    call = qp_solvers.highs_model(
        None, given.q, given.M, (given.lower, given.upper), (given.lb, given.ub), level,
        {"solver": solver, "threads": allowed()}, highspy,
    )  # fmt: skip
    return lambda: call()[: given.keep]


def work(n: int) -> Work:
    """Fully invested, long only, at most a tenth in each."""
    observed = returns(1260, n)
    q = -TOLERANCE_OF_RISK * observed.mean(axis=0)
    given = program(observed, q)
    tail = (1 - CONFIDENCE) * len(observed)

    def value(x: Array) -> float:
        losses = np.sort(-observed @ x)[::-1]
        whole = int(tail)
        return float((losses[:whole].sum() + (tail - whole) * losses[whole]) / tail + q @ x)

    def repaired(x: Array) -> Array:
        x = np.clip(x, 0.0, 0.1)
        inner = (x > 1e-6) & (x < 0.1 - 1e-6)
        return np.where(inner, x + (1 - x.sum()) / max(inner.sum(), 1), x)

    best = value(repaired(highs(given, "simplex", 1e-9)()))

    def error(x: Array) -> float:
        off = max(abs(x.sum() - 1), -x.min(), (x - 0.1).max())
        return float(off) if off > 1e-8 else (value(repaired(x)) - best) / abs(best)

    rows: dict[str, Any] = {"A": np.ones((1, n)), "b": np.ones(1), "lb": np.zeros(n), "ub": np.full(n, 0.1)}
    return Work(
        (
            Contender(
                OURS,
                lambda _: lambda: pe.solve_cvar(observed, q, **rows, confidence=CONFIDENCE, device="cpu"),
                lambda r: r.x,
            ),
            *(
                Contender(f"highs {solver}", lambda level, s=solver: highs(given, s, level), levels=LEVELS[:3])
                for solver in ("simplex", "ipm", "hipo")
            ),
            Contender("clarabel", lambda level: qp_sparse.clarabel(given, level), levels=LEVELS),
            Contender("piqp", lambda level: qp_sparse.piqp(given, level), levels=LEVELS),
        ),
        error,
        relative=True,
        bytes=8.0 * observed.size,
    )


ROWS = tuple(Row("cvar", n, f"mean-CVaR 1260 days, n = {n}", aim, lambda n=n: work(n), n == 50, n > 50)
             for n, aim in ((50, 0.3), (500, 0.7)))  # fmt: skip

"""Quadratic programs whose covariance has factor structure."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

import portfolio_engine as pe
from bench.peers import qp_sparse
from bench.peers.case import LEVELS, OURS, Contender, Row, Work
from bench.peers.qp_problem import RISK_AVERSION, Problem


def factor_problem(n: int, k: int) -> tuple[Problem, pe.FactorCovariance, qp_sparse.Sparse]:
    """Long only, at most 5 % each: as an operator for the judge, as ours takes it, and with factors as variables."""
    rng = np.random.default_rng(11)
    loadings = rng.standard_normal((n, k)) / np.sqrt(k) * 0.2
    loadings[:, 0] = rng.uniform(0.1, 0.25, n)  # the market
    factors, specific = np.diag(rng.uniform(0.5, 1.5, k)), rng.uniform(0.01, 0.09, n)
    mu = 0.05 + 0.3 * loadings[:, 0] + 0.02 * rng.standard_normal(n)
    product = LinearOperator((n, n), matvec=lambda x: loadings @ (factors @ (loadings.T @ x)) + specific * x)
    problem = Problem(product, -mu / RISK_AVERSION, np.ones((1, n)), np.ones(1), np.zeros(n), np.full(n, 0.05))
    M = sparse.bmat(
        [[sparse.csc_matrix(problem.A), None], [sparse.csc_matrix(loadings.T), -sparse.identity(k)]], format="csc"
    )
    sides = np.concatenate([problem.b, np.zeros(k)])
    far = np.full(k, np.inf)
    wide = qp_sparse.Sparse(
        sparse.block_diag([sparse.diags(specific), factors], format="csc"), np.concatenate([problem.q, np.zeros(k)]),
        M, sides, sides, np.concatenate([problem.lb, -far]), np.concatenate([problem.ub, far]), n,
    )  # fmt: skip
    return problem, pe.FactorCovariance(loadings, factors, specific), wide


def factor(n: int, k: int) -> Work:
    """Ours takes B, F and D; the peers the same as sparse matrices with k more variables."""
    problem, covariance, wide = factor_problem(n, k)
    rows: dict[str, Any] = {"A": problem.A, "b": problem.b, "lb": problem.lb, "ub": problem.ub}
    best = problem.value(problem.repaired(qp_sparse.piqp(wide, 1e-11)()))
    peers = {"piqp": qp_sparse.piqp, "clarabel": qp_sparse.clarabel}
    if n <= 1000:
        peers |= {"highs": qp_sparse.highs, "osqp": qp_sparse.osqp, "scs": qp_sparse.scs}
    return Work(
        (
            Contender(OURS, lambda _: lambda: pe.solve_qp(covariance, problem.q, **rows, device="cpu"), lambda r: r.x),
            *(Contender(name, lambda level, f=f: f(wide, level), levels=LEVELS[:4]) for name, f in peers.items()),
        ),
        lambda x: problem.error(x, best),
        relative=True,
        bytes=8.0 * n * (k + 5),
    )


ROWS = tuple(
    Row("factor", n, f"factor QP {n}/{k}", aim, lambda n=n, k=k: factor(n, k), slow=n > 1000)
    for n, k, aim in ((1000, 20, 0.3), (5000, 50, 0.05), (10_000, 100, 0.02))
)

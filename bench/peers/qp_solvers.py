"""Quadratic programs through each solver's own interface: arrays prepared, then a call that returns x.

Where a solver keeps set-up and solve apart and solves again from scratch, its set-up is not timed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from bench.peers.qp_problem import Array, Problem
from bench.peers.threads import allowed

Call = Callable[[], Array]
FAR = 1e30


def rows(problem: Problem) -> tuple[Array, Array, Array]:
    """Equalities and inequalities as one matrix between two sides."""
    if problem.G is None or problem.h is None:
        return problem.A, problem.b, problem.b
    return (
        np.vstack([problem.A, problem.G]),
        np.concatenate([problem.b, np.full(len(problem.h), -np.inf)]),
        np.concatenate([problem.b, problem.h]),
    )


def daqp(problem: Problem, tolerance: float) -> Call:
    """Dual active set in C; its set-up belongs to the solve, or the second call would start at the answer."""
    import daqp as package

    matrix, lower, upper = rows(problem)
    given = (
        np.ascontiguousarray(problem.P), problem.q, np.ascontiguousarray(matrix),
        np.minimum(np.concatenate([problem.ub, upper]), FAR), np.maximum(np.concatenate([problem.lb, lower]), -FAR),
        np.concatenate([np.zeros(problem.n), np.where(lower == upper, 5, 0)]).astype(np.intc),
    )  # fmt: skip
    return lambda: package.solve(*given, primal_tol=tolerance, dual_tol=tolerance)[0]


def piqp(problem: Problem, tolerance: float) -> Call:
    """Proximal interior point, dense."""
    import piqp as package

    solver = package.DenseSolver()
    settings = solver.settings
    settings.eps_abs = settings.eps_rel = tolerance
    settings.eps_duality_gap_abs = settings.eps_duality_gap_rel = tolerance
    G = None if problem.G is None else np.asfortranarray(problem.G)
    solver.setup(
        np.asfortranarray(problem.P), problem.q, np.asfortranarray(problem.A), problem.b, G,
        None if problem.h is None else np.full(len(problem.h), -np.inf), problem.h, problem.lb, problem.ub,
    )  # fmt: skip

    def call() -> Array:
        solver.solve()
        return np.array(solver.result.x)

    return call


def highs(problem: Problem, tolerance: float) -> Call:
    """Null-space active set of HiGHS; the model is passed again, or it would start at the answer."""
    import highspy

    matrix, lower, upper = rows(problem)
    return highs_model(problem.P, problem.q, matrix, (lower, upper), (problem.lb, problem.ub), tolerance,
                       dict.fromkeys(("threads",), allowed()), highspy)  # fmt: skip


def highs_model(
    P: Any, q: Array, matrix: Any, sides: tuple[Array, Array], bounds: tuple[Array, Array], tolerance: float,
    options: dict[str, Any], highspy: Any,
) -> Call:  # fmt: skip
    """A call that passes the model and solves it."""
    model = highspy.HighsModel()
    columns = sparse.csc_matrix(matrix)
    model.lp_.num_col_, model.lp_.num_row_ = len(q), columns.shape[0]
    model.lp_.col_cost_, model.lp_.col_lower_, model.lp_.col_upper_ = q, *bounds
    model.lp_.row_lower_, model.lp_.row_upper_ = sides
    model.lp_.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.lp_.a_matrix_.start_, model.lp_.a_matrix_.index_ = columns.indptr, columns.indices
    model.lp_.a_matrix_.value_ = columns.data
    if P is not None:
        lower = sparse.tril(sparse.csc_matrix(P), format="csc")
        model.hessian_.dim_ = len(q)
        model.hessian_.start_, model.hessian_.index_ = lower.indptr, lower.indices
        model.hessian_.value_ = lower.data
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    within = min(max(tolerance, 1e-10), 1e-7)
    options = {"primal_feasibility_tolerance": within, "dual_feasibility_tolerance": within} | options
    if P is not None:
        options |= {"qp_regularization_value": 0.0 if tolerance < 1e-8 else 1e-7}
    for name, value in options.items():
        if solver.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise ValueError(f"HiGHS refuses {name} = {value}")

    def call() -> Array:
        solver.passModel(model)
        solver.run()
        return np.array(solver.getSolution().col_value)

    return call


def quadprog(problem: Problem, _tolerance: float) -> Call:
    """Goldfarb and Idnani in Cython; bounds are rows there."""
    import quadprog as package

    G = np.empty((0, problem.n)) if problem.G is None else problem.G
    h = np.empty(0) if problem.h is None else problem.h
    eye = np.eye(problem.n)
    limits = np.ascontiguousarray(np.vstack([problem.A, -G, eye, -eye]).T)
    sides = np.concatenate([problem.b, -h, problem.lb, -problem.ub])
    return lambda: package.solve_qp(problem.P, -problem.q, limits, sides, len(problem.b))[0]

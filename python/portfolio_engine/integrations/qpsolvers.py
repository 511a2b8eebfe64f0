"""Importing this module registers the solver "portfolio_engine" with the package qpsolvers.

import qpsolvers
import portfolio_engine.integrations.qpsolvers

solution = qpsolvers.solve_problem(problem, solver="portfolio_engine")
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import qpsolvers
from qpsolvers.solvers import dense_solvers, solve_function

from portfolio_engine._labels import Array
from portfolio_engine.qp import solve_qp

__all__ = ["NAME", "solve_problem"]

NAME = "portfolio_engine"


def solve_problem(
    problem: qpsolvers.Problem,
    initvals: Array | None = None,
    **options: Any,
) -> qpsolvers.Solution:
    """Solve a problem of qpsolvers; what `qpsolvers.solve_problem(problem, solver="portfolio_engine")` calls.

    Args:
        problem: sparse matrices are made dense.
        initvals: (n,), where to start.
        options: of `portfolio_engine.solve_qp`: tolerance, max_iterations, polish, device, method, time_limit, ...;
            `verbose`, which qpsolvers gives to every solver, is ignored: this one prints nothing.

    Returns:
        Solution with duals in the signs of qpsolvers; `found` is False unless the problem was solved to the tolerance.
        `extras` has the status, the residuals, the iterations and the device, and for an infeasible or unbounded
        problem the certificate: its x, y, z and z_box as in `QPSolution`.

    Raises:
        qpsolvers.ProblemError: data that do not fit together, NaN, or P not positive semidefinite.
        TypeError: an option that `solve_qp` does not have.
    """
    began = time.perf_counter()
    given = problem.unpack_as_dense()
    options.pop("verbose", None)
    if initvals is not None:
        options["start"] = initvals
    built = time.perf_counter()
    try:
        found = solve_qp(*given, **options)
    except ValueError as wrong:
        raise qpsolvers.ProblemError(str(wrong)) from wrong
    solution = qpsolvers.Solution(problem, found=found.is_optimal)
    if found.is_optimal:
        solution.x, solution.obj = found.x, found.objective
        solution.y, solution.z = found.y, found.z
        solution.z_box = np.empty(0) if problem.lb is None and problem.ub is None else found.z_box
    names = ("status", "primal_residual", "dual_residual", "gap", "iterations", "polished", "device", "device_reason")
    solution.extras = {name: getattr(found, name) for name in names}
    if found.status in ("primal_infeasible", "dual_infeasible"):
        solution.extras["certificate"] = {"x": found.x, "y": found.y, "z": found.z, "z_box": found.z_box}
    solution.build_time, solution.solve_time = built - began, time.perf_counter() - built
    return solution


def _register() -> None:
    solve_function[NAME] = solve_problem
    for names in (qpsolvers.available_solvers, dense_solvers):
        if NAME not in names:
            names.append(NAME)


_register()

"""Importing this module makes CVXPY know the solver "PORTFOLIO_ENGINE", for quadratic and linear programs.

    import cvxpy as cp
    import portfolio_engine.integrations.cvxpy

    problem.solve(solver="PORTFOLIO_ENGINE")                         # CVXPY
    EfficientFrontier(mu, S, solver="PORTFOLIO_ENGINE")              # PyPortfolioOpt
    MeanRisk(solver="PORTFOLIO_ENGINE", solver_params={})            # skfolio, imported after this module

`problem.solve(solver=PortfolioEngine())` does the same without the registration.
"""

from __future__ import annotations

from typing import Any

import cvxpy.settings as s
import numpy as np
from cvxpy.reductions.solution import Solution, failure_solution
from cvxpy.reductions.solvers import defines, utilities
from cvxpy.reductions.solvers.qp_solvers.qp_solver import QpSolver

from portfolio_engine.qp import QPSolution, solve_qp

__all__ = ["NAME", "PortfolioEngine"]

NAME = "PORTFOLIO_ENGINE"
STATUSES = {
    "optimal": s.OPTIMAL,
    "primal_infeasible": s.INFEASIBLE,
    "dual_infeasible": s.UNBOUNDED,
    "max_iterations": s.USER_LIMIT,
    "time_limit": s.USER_LIMIT,
}


class PortfolioEngine(QpSolver):
    """`portfolio_engine.solve_qp` as a solver of CVXPY, with duals.

    Keyword arguments of `problem.solve` go to `solve_qp`: tolerance, max_iterations, polish, device, method,
    time_limit, ... With warm_start (CVXPY's default) a problem that is solved again starts from its last solution.
    Problems that need cones are refused by CVXPY with the name of the solver.
    """

    BOUNDED_VARIABLES = True

    def name(self) -> str:
        """What CVXPY calls it."""
        return NAME

    def import_solver(self) -> None:
        """Nothing to import: it is here."""

    def solve_via_data(
        self,
        data: dict[str, Any],
        warm_start: bool,
        verbose: bool,
        solver_opts: dict[str, Any],
        solver_cache: dict[str, Any] | None = None,
    ) -> QPSolution:
        """Solve CVXPY's min 1/2 x'Px + q'x, Ax = b, Fx <= g within the bounds of the variables."""
        kept = None if solver_cache is None or not warm_start else solver_cache.get(NAME)
        options = dict(solver_opts)
        if kept is not None and kept.shape == np.shape(data[s.Q]):
            options.setdefault("start", kept)
        found = solve_qp(
            data[s.P].toarray(), data[s.Q], *_rows(data[s.F], data[s.G]), *_rows(data[s.A], data[s.B]),
            data[s.LOWER_BOUNDS], data[s.UPPER_BOUNDS], **options,
        )  # fmt: skip
        if solver_cache is not None and found.is_optimal:
            solver_cache[NAME] = found.x
        return found

    def invert(self, solution: QPSolution, inverse_data: Any) -> Solution:
        """CVXPY's solution from ours."""
        status = STATUSES.get(solution.status, s.SOLVER_ERROR)
        about = {s.SOLVE_TIME: solution.seconds, s.NUM_ITERS: solution.iterations, s.EXTRA_STATS: solution}
        if status not in s.SOLUTION_PRESENT:
            return failure_solution(status, about)
        duals: dict[Any, Any] = {}
        for multipliers, rows in ((solution.y, self.EQ_CONSTR), (solution.z, self.NEQ_CONSTR)):
            duals |= utilities.get_dual_values(multipliers, utilities.extract_dual_value, inverse_data[rows])
        value = solution.objective + inverse_data[s.OFFSET]
        return Solution(status, value, {self.VAR_ID: solution.x}, duals, about)

    def cite(self, data: Any) -> str:
        """BibTeX, for `problem.solve(..., verbose=True)`."""
        return "@misc{portfolio_engine, title = {Portfolio Engine}, howpublished = {Python package portfolio-engine}}"


def _rows(matrix: Any, sides: Any) -> tuple[Any, Any]:
    return (matrix.toarray(), sides) if matrix.shape[0] else (None, None)


def _register() -> None:
    defines.SOLVER_MAP_QP[NAME] = PortfolioEngine()
    for names in (defines.QP_SOLVERS, defines.INSTALLED_SOLVERS):
        if NAME not in names:
            names.append(NAME)


_register()

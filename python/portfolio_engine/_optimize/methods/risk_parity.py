"""Every asset contributes its share of the risk, within the bounds; equal shares unless risk_budgets says otherwise."""

from __future__ import annotations

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.conflict import explain
from portfolio_engine._optimize.point import Aim
from portfolio_engine._optimize.problem import Answer, Problem
from portfolio_engine._optimize.registry import method
from portfolio_engine._optimize.solver import InfeasibleProgramError
from portfolio_engine.errors import SolverError
from portfolio_engine.risk_parity import risk_parity as solve

CAUSES = {
    "zero_risk": "a long-only combination has no risk, so no portfolio has these shares; a shrunk covariance has one",
    "not_psd": "the covariance has a negative eigenvalue; portfolio_engine.nearest_psd gives the nearest one without",
    "rounding_limit": "the covariance is too nearly singular for float64; a shrunk covariance has an answer",
    "infeasible": "no weights within min_weight and max_weight have these shares; widen the bounds",
}


@method("risk_parity", budget_only=True, bounds=True, options=frozenset({"risk_budgets"}))
def risk_parity(problem: Problem) -> Answer:
    solver = problem.solver
    lower, upper = _bounds(problem)
    result = solve(solver.moments.Sigma, problem.risk_budgets, lower=lower, upper=upper, device=solver.device)
    solver.iterations += result.iterations
    solver.device_used, solver.device_reason = result.device, result.device_reason
    if result.status == "infeasible":
        _check_room(problem)
    if not result.converged:
        raise SolverError(result.status, CAUSES.get(result.status, f"no answer after {result.iterations} iterations"))
    return Answer(problem.budget * np.asarray(result.weights), error=result.max_error)


def _check_room(problem: Problem) -> None:
    """InfeasibleError when the budget and the bounds alone, the constraints that reach this method, conflict."""
    solver, program = problem.solver, problem.program
    for name in program.names():
        if not name.startswith(("budget", "min_weight", "max_weight")):
            program = program.without(name)
    try:
        solver.minimise(program, 0.0, Aim(np.zeros(program.k)))
    except InfeasibleProgramError as conflict:
        raise explain(solver, conflict) from None


def _bounds(problem: Problem) -> tuple[Array | None, Array | None]:
    """Bounds of the shares of the budget, None where they leave every long-only portfolio in."""
    program, budget = problem.program, problem.budget
    if budget <= 0:
        raise ValueError(f"[optimize] constraints: expected a budget > 0 with method 'risk_parity', got {budget}")
    if (program.ub <= 0).any():
        short = problem.solver.moments.labels[int((program.ub <= 0).argmax())]
        raise ValueError(
            f"[optimize] constraints: expected every max_weight > 0 with method 'risk_parity', which holds all, "
            f"got {program.ub[program.ub <= 0][0]:g} for {short}"
        )
    lower = np.maximum(program.lb, 0.0) / budget if (program.lb > 0).any() else None
    upper = program.ub / budget if (program.ub < budget).any() else None
    return lower, upper

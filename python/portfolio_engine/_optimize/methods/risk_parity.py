"""Every asset contributes its share of the risk; equal shares unless risk_budgets says otherwise."""

from __future__ import annotations

import numpy as np

from portfolio_engine._optimize.problem import Answer, Problem
from portfolio_engine._optimize.registry import method
from portfolio_engine.errors import SolverError
from portfolio_engine.risk_parity import risk_parity as solve

CAUSES = {
    "zero_risk": "a long-only combination has no risk, so no portfolio has these shares; a shrunk covariance has one",
    "not_psd": "the covariance has a negative eigenvalue; portfolio_engine.nearest_psd gives the nearest one without",
    "rounding_limit": "the covariance is too nearly singular for float64; a shrunk covariance has an answer",
}


@method("risk_parity", budget_only=True, options=frozenset({"risk_budgets"}))
def risk_parity(problem: Problem) -> Answer:
    solver = problem.solver
    result = solve(solver.moments.Sigma, problem.risk_budgets, device=solver.device)
    solver.iterations += result.iterations
    solver.device_used, solver.device_reason = result.device, result.device_reason
    if not result.converged:
        raise SolverError(result.status, CAUSES.get(result.status, f"no answer after {result.iterations} iterations"))
    return Answer(problem.budget * np.asarray(result.weights), error=result.max_error)

"""Markowitz 1952: the best trade of expected return against variance."""

from __future__ import annotations

from portfolio_engine._optimize.problem import Answer, Problem
from portfolio_engine._optimize.registry import method


@method("mean_variance")
def mean_variance(problem: Problem) -> Answer:
    """Least variance at target_return; else the highest return within max_volatility; else the highest utility."""
    if problem.target_return is not None:
        return problem.variance_answer()
    if problem.max_volatility is not None:
        return problem.return_answer()
    point = problem.solver.minimise(problem.program, problem.risk_aversion, problem.cost)
    return Answer(point.w, "utility", point, scale=-1.0)

"""The portfolio with the least variance that the constraints allow."""

from __future__ import annotations

from portfolio_engine._optimize.problem import Answer, Problem
from portfolio_engine._optimize.registry import method


@method("min_variance", objective=lambda _: "variance")
def min_variance(problem: Problem) -> Answer:
    return problem.variance_answer()

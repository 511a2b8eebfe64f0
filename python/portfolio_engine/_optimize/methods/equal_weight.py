"""The same weight for every asset: the benchmark that estimates nothing."""

from __future__ import annotations

import numpy as np

from portfolio_engine._optimize.problem import Answer, Problem
from portfolio_engine._optimize.registry import method


@method("equal_weight", budget_only=True)
def equal_weight(problem: Problem) -> Answer:
    return Answer(np.full(problem.program.n, problem.budget / problem.program.n))

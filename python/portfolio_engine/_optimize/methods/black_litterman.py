"""mean_variance on the Black-Litterman posterior."""

from __future__ import annotations

from portfolio_engine._optimize.methods.mean_variance import mean_variance
from portfolio_engine._optimize.problem import Answer, Problem
from portfolio_engine._optimize.registry import method
from portfolio_engine.black_litterman import black_litterman as posterior


@method("black_litterman", options=frozenset({"views", "market_weights", "tau"}), prepare=posterior)
def black_litterman(problem: Problem) -> Answer:
    return mean_variance(problem)

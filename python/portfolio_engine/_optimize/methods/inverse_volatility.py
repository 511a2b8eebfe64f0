"""Weights in proportion to 1 / volatility: risk parity for assets with equal correlations."""

from __future__ import annotations

import numpy as np

from portfolio_engine._optimize.problem import Answer, Problem
from portfolio_engine._optimize.registry import method


@method("inverse_volatility", budget_only=True)
def inverse_volatility(problem: Problem) -> Answer:
    moments = problem.solver.moments
    variances = np.diag(moments.Sigma)
    flat = np.flatnonzero(variances <= 0)
    if flat.size:
        raise ValueError(
            f"[optimize] returns: expected every asset to vary for inverse_volatility, got zero variance for "
            f"{moments.labels[int(flat[0])]}"
        )
    inverse = 1.0 / np.sqrt(variances)
    return Answer(problem.budget * (inverse / inverse.sum()))

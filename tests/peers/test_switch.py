"""Existing users of CVXPY's friends switch to our solver by one argument. Runs where the group `peers` is installed."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from bench.kernels import returns

REGISTERS = "portfolio_engine.integrations.cvxpy"
pytestmark = [pytest.mark.deep, pytest.mark.filterwarnings("ignore")]  # warnings there are not ours


def test_pyportfolioopt_least_variance_and_maximum_sharpe() -> None:
    import pandas as pd
    from pypfopt import EfficientFrontier

    import_module(REGISTERS)

    observed = pd.DataFrame(returns(500, 12))
    mu, sigma = observed.mean() * 252, observed.cov() * 252
    for method in ("min_volatility", "max_sharpe"):
        weights = []
        for solver in ("PORTFOLIO_ENGINE", "CLARABEL"):
            model = EfficientFrontier(mu, sigma, solver=solver)
            weights.append(np.array(list(getattr(model, method)().values())))
        np.testing.assert_allclose(weights[0], weights[1], atol=1e-4)


def test_skfolio_measures_that_are_quadratic_or_linear_programs() -> None:
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    import_module(REGISTERS)

    observed = returns(300, 8)
    for measure in (RiskMeasure.SEMI_VARIANCE, RiskMeasure.CVAR, RiskMeasure.MEAN_ABSOLUTE_DEVIATION):
        weights = [
            MeanRisk(
                objective_function=ObjectiveFunction.MINIMIZE_RISK, risk_measure=measure, solver=solver,
                solver_params={},
            ).fit(observed).weights_
            for solver in ("PORTFOLIO_ENGINE", "CLARABEL")
        ]  # fmt: skip
        np.testing.assert_allclose(weights[0], weights[1], atol=1e-4)

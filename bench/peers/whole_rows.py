"""From a table of returns to weights: least variance with a Ledoit-Wolf covariance, through whole packages."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import portfolio_engine as pe
from bench.kernels import returns
from bench.peers import qp_solvers
from bench.peers.case import OURS, Row, Work, only
from bench.peers.qp_problem import Array, Problem

PEERS = 1e-5  # packages run their solver as they set it; ours is asked for 1e-9


def skfolio(observed: Array) -> Callable[[], Array]:
    """An estimator of skfolio."""
    from skfolio import RiskMeasure
    from skfolio.moments import LedoitWolf
    from skfolio.optimization import MeanRisk
    from skfolio.prior import EmpiricalPrior

    model = MeanRisk(
        risk_measure=RiskMeasure.VARIANCE, prior_estimator=EmpiricalPrior(covariance_estimator=LedoitWolf())
    )
    return lambda: np.asarray(model.fit(observed).weights_)


def pyportfolioopt(observed: Array) -> Callable[[], Array]:
    """Its three steps."""
    import pandas as pd
    from pypfopt import CovarianceShrinkage, EfficientFrontier
    from pypfopt.expected_returns import mean_historical_return

    table = pd.DataFrame(observed)

    def call() -> Array:
        mu = mean_historical_return(table, returns_data=True, compounding=False)
        model = EfficientFrontier(mu, CovarianceShrinkage(table, returns_data=True).ledoit_wolf())
        return np.array(list(model.min_volatility().values()))

    return call


def riskfolio(observed: Array) -> Callable[[], Array]:
    """Its three steps."""
    import pandas as pd
    import riskfolio as rp

    table = pd.DataFrame(observed)

    def call() -> Array:
        model = rp.Portfolio(returns=table)
        model.solvers = ["CLARABEL"]
        model.assets_stats(method_mu="hist", method_cov="ledoit")
        return model.optimization(model="Classic", rm="MV", obj="MinRisk", rf=0, hist=True).to_numpy().ravel()

    return call


def work(n: int) -> Work:
    """Fully invested, long only: the default of all of them."""
    observed = returns(1260, n)
    sigma = np.asarray(pe.covariance(observed, method="ledoit_wolf", device="cpu").matrix)
    problem = Problem(sigma, np.zeros(n), np.ones((1, n)), np.ones(1), np.zeros(n), np.ones(n))
    best = problem.value(problem.repaired(qp_solvers.daqp(problem, 1e-12)()))

    def error(w: Array) -> float:
        w = np.maximum(w, 0.0)
        return problem.value(w / w.sum()) / best - 1

    return Work(
        (
            only(OURS, lambda: pe.optimize(observed, "min_variance", device="cpu"), lambda r: np.asarray(r.weights)),
            only("skfolio", skfolio(observed)),
            only("PyPortfolioOpt", pyportfolioopt(observed)),
            only("riskfolio-lib", riskfolio(observed)),
        ),
        error,
        PEERS,
        ours=1e-9,
        flops=1260.0 * n * (n + 1),
        bytes=8.0 * observed.size,
    )


ROWS = (Row("optimize", 50, "optimize() from returns, n = 50", 0.1, lambda: work(50)),)

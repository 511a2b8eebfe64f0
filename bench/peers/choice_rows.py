"""Maximum Sharpe ratio, risk parity and the Black-Litterman posterior."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import portfolio_engine as pe
from bench.peers import qp_solvers
from bench.peers.case import LEVELS, OURS, Contender, Row, Work, only
from bench.peers.qp_problem import Array, Problem, moments

RISK_PARITY_PEERS = 1e-4  # what peers may be off; ours is asked for 1e-10


def sharpe(n: int) -> Work:
    """Long only, without a risk-free rate: a quadratic program in y = w / (mu'w) for the peers."""
    mu, sigma = moments(n)
    given = pe.Moments(mu, sigma)
    problem = Problem(sigma, np.zeros(n), mu[None, :], np.ones(1), np.zeros(n), np.full(n, np.inf))

    def ratio(w: Array) -> float:
        return float(mu @ w / np.sqrt(w @ sigma @ w))

    def share(y: Array) -> Array:
        y = np.maximum(y, 0.0)
        return np.asarray(y / y.sum())

    best = ratio(share(qp_solvers.piqp(problem, 1e-12)()))

    def error(w: Array) -> float:
        return 1.0 if abs(w.sum() - 1) > 1e-9 or w.min() < 0 else 1 - ratio(w) / best

    peers = {"daqp": qp_solvers.daqp, "piqp": qp_solvers.piqp, "highs": qp_solvers.highs}
    return Work(
        (
            only(OURS, lambda: pe.optimize(given, "max_sharpe", device="cpu"), lambda r: np.asarray(r.weights)),
            *(Contender(name, lambda level, f=f: f(problem, level), share, LEVELS) for name, f in peers.items()),
        ),
        error,
        relative=True,
        bytes=8.0 * n * n,
    )


def skfolio_parity(sigma: Array, params: dict[str, Any]) -> Callable[[], Array]:
    """Its convex program on the given covariance."""
    from skfolio import RiskMeasure
    from skfolio.moments import BaseCovariance
    from skfolio.optimization import RiskBudgeting
    from skfolio.prior import EmpiricalPrior

    class Given(BaseCovariance):
        def __init__(self) -> None:
            super().__init__(nearest=False, higham=False, higham_max_iteration=1)

        def fit(self, X: Any, y: Any = None) -> Given:
            self._set_covariance(sigma)
            return self

    observed = np.random.default_rng(1).standard_normal((30, len(sigma))) * 0.01
    prior = EmpiricalPrior(covariance_estimator=Given())
    model = RiskBudgeting(risk_measure=RiskMeasure.VARIANCE, prior_estimator=prior, solver_params=params)
    return lambda: np.asarray(model.fit(observed).weights_)


def riskfolio_parity(sigma: Array) -> Callable[[], Array]:
    """Its convex program on the given covariance."""
    import pandas as pd
    import riskfolio as rp

    names = [str(k) for k in range(len(sigma))]
    observed = np.random.default_rng(1).standard_normal((30, len(sigma))) * 0.01
    model = rp.Portfolio(returns=pd.DataFrame(observed, columns=names))
    model.mu = pd.DataFrame(np.zeros((1, len(sigma))), columns=names)
    model.cov = pd.DataFrame(sigma, index=names, columns=names)
    model.solvers = ["CLARABEL"]
    return lambda: model.rp_optimization(model="Classic", rm="MV", b=None).to_numpy().ravel()


def risk_parity(n: int) -> Work:
    """Equal contributions to risk; the error is the largest relative one of a contribution."""
    _, sigma = moments(n)

    def error(w: Array) -> float:
        parts = w * (sigma @ w)
        return float(np.abs(parts * n / parts.sum() - 1).max())

    tight = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}
    return Work(
        (
            only(OURS, lambda: pe.risk_parity(sigma, device="cpu"), lambda r: np.asarray(r.weights)),
            Contender("skfolio", lambda _: skfolio_parity(sigma, {})),
            Contender("skfolio, tight", lambda _: skfolio_parity(sigma, tight)),
            Contender("riskfolio-lib", lambda _: riskfolio_parity(sigma)),
        ),
        error,
        RISK_PARITY_PEERS,
        bytes=8.0 * n * n,
        ours=1e-10,
    )


def black_litterman(n: int) -> Work:
    """The posterior of ten views, each on one asset against another, with confidences (Idzorek's)."""
    import pandas as pd
    from pypfopt import BlackLittermanModel

    mu, sigma = moments(n)
    names = [f"a{k}" for k in range(n)]
    rng = np.random.default_rng(4)
    weights = rng.uniform(0.5, 1.5, n)
    weights /= weights.sum()
    pairs, sizes = rng.choice(n, (10, 2), replace=False), rng.uniform(0.01, 0.05, 10)
    views = [
        pe.View({names[i]: 1.0, names[j]: -1.0}, float(size), 0.5) for (i, j), size in zip(pairs, sizes, strict=True)
    ]
    P = np.zeros((10, n))
    P[np.arange(10), pairs[:, 0]], P[np.arange(10), pairs[:, 1]] = 1.0, -1.0
    given = pe.Moments(mu, sigma, names=tuple(names))
    equilibrium, tau = 2.5 * sigma @ weights, 0.05
    trust = np.full(10, 0.5)
    table = pd.DataFrame(sigma, names, names)

    def peer() -> tuple[Array, Array]:
        model = BlackLittermanModel(
            table, pi=equilibrium[:, None], P=P, Q=sizes, omega="idzorek", view_confidences=trust, tau=tau
        )
        return model.bl_returns().to_numpy(), model.bl_cov().to_numpy()

    spread = tau * sigma @ P.T
    gain = np.linalg.solve(P @ spread + np.diag(np.diag(P @ spread)), spread.T)  # a confidence of one half
    truth = equilibrium + gain.T @ (sizes - P @ equilibrium), (1 + tau) * sigma - spread @ gain

    def error(pair: tuple[Array, Array]) -> float:
        return max(float(np.abs(np.asarray(a) - b).max() / np.abs(b).max()) for a, b in zip(pair, truth, strict=True))

    call = {"market_weights": weights, "risk_aversion": 2.5, "tau": tau}
    return Work(
        (
            only(OURS, lambda: pe.black_litterman(given, views=views, **call), lambda r: (r.mu, r.Sigma)),
            only("PyPortfolioOpt", peer),
        ),
        error,
        bytes=24.0 * n * n,
    )


ROWS = (
    *(
        Row("sharpe", n, f"maximum Sharpe n = {n}", aim, lambda n=n: sharpe(n), n < 500)
        for n, aim in ((50, 0.3), (500, 0.15))
    ),
    *(
        Row("risk_parity", n, f"risk parity n = {n}", aim, lambda n=n: risk_parity(n), slow=n > 50)
        for n, aim in ((50, 0.01), (500, 0.005))
    ),
    *(
        Row("black_litterman", n, f"Black-Litterman posterior n = {n}", aim, lambda n=n: black_litterman(n), n < 500)
        for n, aim in ((50, 0.3), (500, 0.5))
    ),
)

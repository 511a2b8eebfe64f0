"""Covariance, Ledoit-Wolf shrinkage and eigendecomposition."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg
from scipy.linalg import blas

import portfolio_engine as pe
from bench.kernels import returns
from bench.peers.case import OURS, Contender, Row, Work, only
from bench.peers.qp_problem import Array, moments

EXACT = 1e-11  # relative, of answers that are exact up to rounding
SHAPES = ((1260, 50), (1260, 500), (2520, 2000))


def difference(answer: Any, truth: Array) -> float:
    """The largest, relative to the largest entry."""
    return float(np.abs(np.asarray(answer) - truth).max() / np.abs(truth).max())


def product(observed: Array) -> Array:
    """The covariance as a matrix product in NumPy."""
    centred = observed - observed.mean(axis=0)
    return centred.T @ centred / (len(observed) - 1)


def half_product(observed: Array) -> Array:
    """Half of the product by BLAS's dsyrk, then mirrored."""
    centred = observed - observed.mean(axis=0)
    lower = blas.dsyrk(1.0 / (len(observed) - 1), centred.T, lower=True)
    return np.tril(lower) + np.tril(lower, -1).T


def covariance(observations: int, n: int) -> Work:
    """The sample covariance."""
    observed = returns(observations, n)
    truth = product(observed)
    return Work(
        (
            only(OURS, lambda: pe.covariance(observed, device="cpu"), lambda r: r.matrix),
            only("numpy.cov", lambda: np.cov(observed, rowvar=False)),
            only("numpy X'X", lambda: product(observed)),
            only("scipy dsyrk", lambda: half_product(observed)),
        ),
        lambda answer: difference(answer, truth),
        EXACT,
        flops=float(observations) * n * (n + 1),
        bytes=8.0 * (observations * n + n * n),
    )


def ledoit_wolf(observations: int, n: int) -> Work:
    """Shrunk towards the mean variance (Ledoit and Wolf 2004)."""
    import pandas as pd
    from pypfopt import CovarianceShrinkage
    from skfolio.moments import LedoitWolf
    from sklearn.covariance import ledoit_wolf as sklearn

    observed = returns(observations, n)
    truth = sklearn(observed)[0]
    table = pd.DataFrame(observed)
    return Work(
        (
            only(
                OURS,
                lambda: pe.covariance(observed, method="ledoit_wolf", device="cpu"),
                lambda r: r.matrix,
            ),
            only("scikit-learn", lambda: sklearn(observed)[0]),
            only("skfolio", lambda: LedoitWolf().fit(observed).covariance_),
            only(
                "PyPortfolioOpt",
                lambda: CovarianceShrinkage(table, returns_data=True, frequency=1).ledoit_wolf(),
            ),
        ),
        lambda answer: difference(answer, truth),
        1e-9,
        flops=float(observations) * n * (n + 1),
        bytes=8.0 * (observations * n + n * n),
    )


def eigh(n: int) -> Work:
    """All eigenvalues and vectors of a covariance."""
    matrix = moments(n)[1]

    def error(pair: tuple[Array, Array]) -> float:
        values, vectors = pair
        residual = np.abs(matrix @ vectors - vectors * values).max() / values.max()
        return float(max(residual, np.abs(vectors.T @ vectors - np.eye(n)).max()))

    def by_scipy(driver: str) -> Contender:
        return only(f"scipy {driver}", lambda: linalg.eigh(matrix, driver=driver, check_finite=False))

    return Work(
        (
            only(OURS, lambda: pe.eigh(matrix, device="cpu"), lambda r: (r.values, r.vectors)),
            only("numpy", lambda: np.linalg.eigh(matrix), tuple),
            by_scipy("evd"),
            by_scipy("evr"),
        ),
        error,
        EXACT,
        flops=10 / 3 * n**3,
        bytes=16.0 * n * n,
    )


ROWS = (
    *(
        Row("covariance", n, f"sample covariance {t}x{n}", aim, lambda t=t, n=n: covariance(t, n), n < 2000)
        for (t, n), aim in zip(SHAPES, (0.7, 1.0, 1.0), strict=True)
    ),
    *(
        Row("ledoit_wolf", n, f"Ledoit-Wolf {t}x{n}", 0.4, lambda t=t, n=n: ledoit_wolf(t, n), n < 500)
        for t, n in SHAPES
    ),
    *(
        Row("eigh", n, f"eigh {n}", aim, lambda n=n: eigh(n), n < 500)
        for n, aim in ((10, 0.4), (50, 0.4), (200, 1.0), (500, 1.0))
    ),
)

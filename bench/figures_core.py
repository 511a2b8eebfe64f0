"""The contract's figures that are one call of the library."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import portfolio_engine as pe
from bench.figure import Figure, median_ms
from bench.kernels import returns

MATRIX = "Performance Benchmarks"
METHODS = "Optimization Algorithms"
REBALANCING = "Automated Rebalancing"
NO_GPU = "the contract's number is of a GPU"
DAYS = 756


def figures() -> Iterator[Figure]:
    """Each on data of a seeded factor model."""
    observed = returns(DAYS, 500)
    size = f"500 assets x {DAYS} days"
    took = median_ms(lambda _: pe.covariance(observed, method="ledoit_wolf"))
    yield Figure(MATRIX, "matrix operations (500x500)", 8, "ms", f"covariance, {size}", took, why=NO_GPU)
    yield Figure(METHODS, "covariance matrix (500x500)", 8, "ms", f"Ledoit-Wolf, {size}", took, why=NO_GPU)
    sigma = np.asarray(pe.covariance(observed, method="ledoit_wolf").matrix) * 252
    took = median_ms(lambda _: pe.eigh(sigma))
    yield Figure(METHODS, "eigenvalue decomposition", 12, "ms", "500x500, values and vectors", took, why=NO_GPU)
    yield from programs(sigma, observed.mean(axis=0) * 252)
    yield from fifty()


def programs(sigma: np.ndarray, mu: np.ndarray) -> Iterator[Figure]:
    """The quadratic program; the contract names no size, so two."""
    for n in (50, 500):
        P, q = sigma[:n, :n], -mu[:n] / 2.5
        A, b, lb, ub = np.ones((1, n)), np.ones(1), np.zeros(n), np.ones(n)
        took = median_ms(lambda _, P=P, q=q, A=A, b=b, lb=lb, ub=ub: pe.solve_qp(P, q, A=A, b=b, lb=lb, ub=ub))
        size = f"{n} assets, long-only, fully invested"
        yield Figure(METHODS, "quadratic programming", 15, "ms", size, took, why="the contract names no size")


def fifty() -> Iterator[Figure]:
    """What the contract states for 50 assets, and simulations of one."""
    observed = returns(DAYS, 50)
    moments = pe.Moments(
        observed.mean(axis=0) * 252, np.asarray(pe.covariance(observed, method="ledoit_wolf").matrix) * 252
    )
    took = median_ms(lambda _: pe.optimize(moments, method="mean_variance"))
    yield Figure(METHODS, "mean-variance, 50 assets (CPU 450 ms there)", 15, "ms", "50 assets", took)
    took = median_ms(lambda _: pe.efficient_frontier(moments, points=50))
    yield Figure(
        METHODS, "efficient frontier", 25, "ms", "50 points, 50 assets", took, why="the contract names no size"
    )
    mean, cov, weights = observed.mean(axis=0), np.cov(observed.T), np.full(50, 0.02)
    for precision in ("float32", "float64"):
        took = median_ms(
            lambda k, p=precision: pe.simulate(mean, cov, weights, scenarios=1_000_000, horizon=1, precision=p, seed=k)
        )
        yield Figure(
            METHODS, "Monte Carlo (1M simulations)", 50, "ms", f"50 assets, 1 day, {precision}", took, why=NO_GPU
        )
    yield from rebalancing(observed)


def rebalancing(observed: np.ndarray) -> Iterator[Figure]:
    """The four steps of a rebalance of 50 positions: three of them are one plan here."""
    names = [f"A{k:02d}" for k in range(50)]
    quantities, prices = (
        {name: 10 + k for k, name in enumerate(names)},
        {name: 100.25 + k for k, name in enumerate(names)},
    )
    targets = {name: 0.9 * (k + 1) / 1275 for k, name in enumerate(names)}
    took = median_ms(lambda _: pe.plan_rebalance(quantities, prices, 5000, targets, rebalance_threshold=0))
    whole = "the whole plan: trades, costs and order, exact decimals"
    for what, number in (("trade generation", 5), ("cost analysis", 8), ("execution planning", 3)):
        yield Figure(REBALANCING, what, number, "ms", "50 positions", took, why=whole)
    weights = np.full(50, 0.018)
    covariance = np.asarray(pe.covariance(observed, method="ledoit_wolf").matrix)

    def risk(_: int) -> None:
        pe.tail_risk(observed, weights)
        pe.risk_decomposition(covariance, weights)

    yield Figure(
        REBALANCING, "risk assessment", 12, "ms", f"50 positions x {DAYS} days: VaR, CVaR, by asset", median_ms(risk)
    )

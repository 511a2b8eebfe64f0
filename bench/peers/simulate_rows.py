"""Monte Carlo: a million one-period scenarios, and a hundred thousand paths of a year."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np

import portfolio_engine as pe
from bench.kernels import returns
from bench.peers.case import OURS, Row, Work, only
from bench.peers.qp_problem import Array

CONFIDENCE = 0.95
BLOCK = 20_000  # scenarios drawn at a time by the peers: the fastest of 5,000 to 1,000,000
ERRORS = 5.0  # standard errors that an answer may be off


def tail(values: Array) -> tuple[float, float]:
    """Value at risk and its conditional, as returns."""
    k = int(len(values) * (1 - CONFIDENCE))
    values = np.partition(values, k)
    return float(values[k]), float(values[:k].mean())


def by_numpy(
    bits: Callable[[int], Any], mean: Array, factor: Array, weights: Array, scenarios: int, steps: int
) -> Callable[[], tuple[float, float]]:
    """All assets drawn in float32, correlated by one matrix product a block, compounded at fixed weights."""
    low, centre = np.ascontiguousarray(factor.T, dtype=np.float32), mean.astype(np.float32)
    held = weights.astype(np.float32)

    def call() -> tuple[float, float]:
        generator = np.random.Generator(bits(1))
        values = np.ones(scenarios)
        draws = np.empty((BLOCK, len(mean)), dtype=np.float32)
        drawn = np.empty_like(draws)
        for first in range(0, scenarios, BLOCK):
            for _ in range(steps):
                generator.standard_normal(out=draws, dtype=np.float32)
                np.matmul(draws, low, out=drawn)
                np.add(drawn, centre, out=drawn)
                values[first : first + BLOCK] *= 1.0 + drawn @ held
        return tail(values - 1.0)

    return call


def work(scenarios: int, steps: int, n: int) -> Work:
    """Value at risk and its conditional at the end."""
    observed = returns(1260, n)
    mean, sigma, weights = observed.mean(axis=0), np.cov(observed.T), np.full(n, 1.0 / n)
    factor = np.linalg.cholesky(sigma)
    m, s = float(weights @ mean), float(np.sqrt(weights @ sigma @ weights))
    # Of a product of independent (1 + normal): log-normal to an order that does not matter beside the sampling error.
    log_s = np.sqrt(steps * np.log1p((s / (1 + m)) ** 2))
    log_m = steps * np.log1p(m) - log_s**2 / 2
    z = NormalDist().inv_cdf(1 - CONFIDENCE)
    if steps == 1:
        truth = np.array([m + z * s, m - s * NormalDist().pdf(z) / (1 - CONFIDENCE)])
    else:
        cut = NormalDist().cdf(z - log_s) / (1 - CONFIDENCE)
        truth = np.array([np.exp(log_m + z * log_s) - 1, np.exp(log_m + log_s**2 / 2) * cut - 1])
    spread = s * np.sqrt(steps)
    standard_error = spread * np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / scenarios) / NormalDist().pdf(z)

    def error(found: tuple[float, float]) -> float:
        return float(np.abs(np.array(found) - truth).max() / standard_error)

    given: dict[str, Any] = {"horizon": steps, "scenarios": scenarios, "precision": "float32", "rebalanced": True}
    peers = {"numpy float32, PCG64": np.random.PCG64, "numpy float32, SFC64": np.random.SFC64}
    return Work(
        (
            only(
                OURS,
                lambda: pe.simulate(mean, sigma, weights, **given, confidence=CONFIDENCE, seed=1, device="cpu"),
                tail_of_ours,
            ),
            *(only(name, by_numpy(bits, mean, factor, weights, scenarios, steps)) for name, bits in peers.items()),
        ),
        error,
        ERRORS,
        flops=float(scenarios) * steps * (n * (n + 1) + 2 * n),
        single=True,
    )


def tail_of_ours(result: Any) -> tuple[float, float]:
    """As returns: the start is worth one."""
    return result.value_at_risk, result.conditional_value_at_risk


ROWS = (
    Row(
        "monte_carlo", 50, "Monte Carlo 1M x 50, float32, VaR and CVaR", 0.15, lambda: work(1_000_000, 1, 50),
        quick=True,
    ),
    Row("paths", 50, "Monte Carlo paths 100k x 252 x 50, float32", 0.15, lambda: work(100_000, 252, 50), slow=True),
)  # fmt: skip

"""The quadratic programs of the comparison, and the judgement of an answer to one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

import portfolio_engine as pe
from bench.kernels import returns

Array = np.ndarray[Any, np.dtype[np.float64]]
RISK_AVERSION = 2.5
FEASIBLE = 1e-8  # what an answer may violate before that is taken out of it


@cache
def moments(n: int, observations: int = 1260) -> tuple[Array, Array]:
    """Annual expected returns and Ledoit-Wolf covariance of five years of days."""
    observed = returns(observations, n)
    estimate = pe.covariance(observed, method="ledoit_wolf", device="cpu")
    return observed.mean(axis=0) * 252, np.ascontiguousarray(np.asarray(estimate.matrix) * 252)


@dataclass(frozen=True, eq=False)
class Problem:
    """min 1/2 x'Px + q'x + sum cost |x - held|, Gx <= h, Ax = b, lb <= x <= ub."""

    P: Array
    q: Array
    A: Array
    b: Array
    lb: Array
    ub: Array
    G: Array | None = None
    h: Array | None = None
    held: Array | None = None
    cost: Array | None = None

    @property
    def n(self) -> int:
        """Variables."""
        return len(self.q)

    def value(self, x: Array) -> float:
        """The objective."""
        traded = 0.0 if self.held is None or self.cost is None else float(self.cost @ np.abs(x - self.held))
        return float(0.5 * x @ (self.P @ x) + self.q @ x) + traded

    def violation(self, x: Array) -> float:
        """The worst of all limits."""
        parts = [np.abs(self.A @ x - self.b).max(), (self.lb - x).max(), (x - self.ub).max()]
        if self.G is not None and self.h is not None:
            parts.append((self.G @ x - self.h).max())
        return float(max(parts))

    def repaired(self, x: Array) -> Array:
        """The same point without its small violations: clipped, then moved onto the rows by the inner variables."""
        x = np.clip(x, self.lb, self.ub)
        rows, sides = self.A, self.b
        if self.G is not None and self.h is not None:
            tight = self.G @ x - self.h > -1e-7
            rows, sides = np.vstack([self.A, self.G[tight]]), np.concatenate([self.b, self.h[tight]])
        inner = (x > self.lb + 1e-6) & (x < self.ub - 1e-6)
        step = np.zeros_like(x)
        step[inner] = np.linalg.lstsq(rows[:, inner], sides - rows @ x, rcond=None)[0]
        return x + step

    def error(self, x: Array, reference: float) -> float:
        """Objective above the reference, relative; the violation where that is too large."""
        x = np.asarray(x, dtype=float)
        if x.shape != self.q.shape or not np.isfinite(x).all():
            return float("nan")
        violation = self.violation(x)
        if violation > FEASIBLE:
            return max(violation, 1e-8)
        point = self.repaired(x)
        size = abs(float(0.5 * point @ (self.P @ point))) + abs(float(self.q @ point))
        return (self.value(point) - reference) / size


def box(n: int) -> Problem:
    """Fully invested, long only, at most a tenth in each."""
    mu, sigma = moments(n)
    return Problem(sigma, -mu / RISK_AVERSION, np.ones((1, n)), np.ones(1), np.zeros(n), np.full(n, 0.1))


def sectors(n: int) -> Problem:
    """And at most a fifth in each of eleven sectors."""
    caps = (np.arange(n)[None, :] % 11 == np.arange(11)[:, None]).astype(float)
    return replace(box(n), G=caps, h=np.full(11, 0.2))


def target_return(n: int) -> Problem:
    """The least variance of a long-only portfolio with the expected return of the asset at the eighth decile."""
    mu, _ = moments(n)
    given = box(n)
    rows, sides = np.vstack([np.ones(n), mu]), np.array([1.0, np.quantile(mu, 0.8)])
    return replace(given, q=np.zeros(n), A=rows, b=sides)


def turnover(n: int) -> Problem:
    """Proportional costs of 20 basis points for trading away from equal weights."""
    return replace(box(n), held=np.full(n, 1.0 / n), cost=np.full(n, 0.002))


KINDS = {"box": box, "11 sector caps": sectors, "target return": target_return, "turnover cost": turnover}

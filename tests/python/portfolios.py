"""Moments and constraints to optimise on, easy and nasty, and an independent conic solver to compare with."""

from __future__ import annotations

from dataclasses import dataclass

import clarabel
import numpy as np
import numpy.typing as npt
from scipy import sparse

from portfolio_engine import Constraints, Moments

Array = npt.NDArray[np.float64]


def factor_moments(seed: int, n: int) -> Moments:
    """Annual moments of n assets with three factors: volatilities of some 10 to 60 %."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(0.0, 0.12, (n, 3)) + np.array([0.15, 0.0, 0.0])
    sigma = loadings @ loadings.T + np.diag(rng.uniform(0.005, 0.08, n))
    return Moments(rng.normal(0.08, 0.08, n), sigma)


def nasty_moments() -> dict[str, Moments]:
    """Singular, badly scaled and hopeless inputs, by name."""
    rng = np.random.default_rng(7)
    base = factor_moments(1, 6)
    short = rng.normal(0.0, 0.01, (5, 12))  # fewer observations than assets
    twice = np.arange(8) // 2
    cash = np.zeros((5, 5))
    cash[1:, 1:] = factor_moments(2, 4).Sigma
    units = np.array([1.0, 1e-4, 1e3, 1.0, 1e-2, 30.0])
    return {
        "fewer observations than assets": Moments(short.mean(0) * 252, np.cov(short.T) * 252),
        "duplicate assets": Moments(factor_moments(3, 4).mu[twice], factor_moments(3, 4).Sigma[np.ix_(twice, twice)]),
        "zero variance": Moments(np.array([0.02, 0.08, 0.05, 0.11, 0.09]), cash),
        "all negative": Moments(-np.abs(base.mu) - 0.01, base.Sigma),
        "mixed units": Moments(base.mu * units, base.Sigma * np.outer(units, units)),
        "tiny": Moments(base.mu * 1e-6, base.Sigma * 1e-12),
        "equal means": Moments(np.full(6, 0.07), base.Sigma),
        "one asset": Moments(np.array([0.05]), np.array([[0.04]])),
        "no risk at all": Moments(np.array([0.02, 0.03, 0.01]), np.zeros((3, 3))),
    }


@dataclass
class Cone:
    """Rows for clarabel: equalities, inequalities and one second-order cone, over x = (weights, ...)."""

    A: Array
    b: Array
    G: Array
    h: Array

    @classmethod
    def of(cls, constraints: Constraints, names: tuple[str, ...]) -> Cone:
        """The constraints read straight from their meaning, turnover with an absolute value per asset."""
        n = len(names)
        position = {name: k for k, name in enumerate(names)}
        held = constraints.current_weights
        m = 2 * n if constraints.turnover is not None else n

        def row(pairs: dict[str, float]) -> Array:
            out = np.zeros(m)
            for name, value in pairs.items():
                out[position[name]] = value
            return out

        def limit(value: object, name: str, default: float) -> float:
            if isinstance(value, dict):
                return float(value.get(name, value.get("*", default)))
            return float(value)

        G, h = [], []
        for name in names:
            G += [row({name: 1.0}), row({name: -1.0})]
            h += [limit(constraints.max_weight, name, 1.0), -limit(constraints.min_weight, name, 0.0)]
        for group, members in constraints.groups.items():
            members_row = row(dict.fromkeys(members, 1.0))
            for bounds, sign in ((constraints.group_max, 1.0), (constraints.group_min, -1.0)):
                if group in bounds:
                    G.append(sign * members_row)
                    h.append(sign * bounds[group])
        for linear in constraints.linear.values():
            for bound, sign in ((linear.upper, 1.0), (linear.lower, -1.0)):
                if np.isfinite(bound):
                    G.append(sign * row(dict(linear.coefficients)))
                    h.append(sign * bound)
        if constraints.turnover is not None:
            start = np.array([held.get(name, 0.0) for name in names])
            for k in range(n):
                for sign in (1.0, -1.0):
                    line = np.zeros(m)
                    line[k], line[n + k] = sign, -1.0
                    G.append(line)
                    h.append(sign * start[k])
            total = np.zeros(m)
            total[n:] = 1.0
            G.append(total)
            h.append(constraints.turnover)
        budget = np.zeros((1, m))
        budget[0, :n] = 1.0
        return cls(budget, np.array([constraints.budget]), np.array(G), np.array(h))

    def minimise(self, P: Array, q: Array, sigma: Array | None = None, cap: float = 0.0) -> tuple[str, Array]:
        """min 1/2 w'Pw + q'w, optionally with sqrt(w' sigma w) <= cap; (status, weights)."""
        n, m = len(q), self.A.shape[1]
        wide_P, wide_q = np.zeros((m, m)), np.zeros(m)
        wide_P[:n, :n], wide_q[:n] = P, q
        rows, right = [self.A, self.G], [self.b, self.h]
        cones: list[object] = [clarabel.ZeroConeT(len(self.b)), clarabel.NonnegativeConeT(len(self.h))]
        if sigma is not None:
            values, vectors = np.linalg.eigh(sigma)
            root = np.zeros((n + 1, m))
            root[1:, :n] = -(vectors * np.sqrt(np.maximum(values, 0.0))).T
            rows.append(root)
            right.append(np.concatenate([[cap], np.zeros(n)]))
            cones.append(clarabel.SecondOrderConeT(n + 1))
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
        solver = clarabel.DefaultSolver(
            sparse.csc_matrix(np.triu(wide_P)),
            wide_q,
            sparse.csc_matrix(np.vstack(rows)),
            np.concatenate(right),
            cones,
            settings,
        )
        solution = solver.solve()
        return str(solution.status), np.array(solution.x)[:n]

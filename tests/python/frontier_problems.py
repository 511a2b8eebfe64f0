"""Random frontiers, easy and nasty, in the form of the kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from portfolio_engine import QPSolution, solve_qp

Array = npt.NDArray[np.float64]
KINDS = (
    "fewer observations than assets",
    "duplicates",
    "duplicates with other returns",
    "near-duplicates",
    "equal returns",
    "tied returns",
    "zero variance",
    "all negative",
    "factors",
)


@dataclass(frozen=True, eq=False)
class FrontierProblem:
    """Least variance and highest return over Gx <= h, Ax = b, lb <= x <= ub."""

    mu: Array
    sigma: Array
    G: Array | None
    h: Array | None
    A: Array
    b: Array
    lb: Array
    ub: Array

    @property
    def arguments(self) -> tuple[Array | None, ...]:
        return (self.mu, self.sigma, self.G, self.h, self.A, self.b, self.lb, self.ub)

    def at(self, t: float) -> QPSolution:
        """The program at one risk tolerance."""
        return solve_qp(self.sigma, -t * self.mu, self.G, self.h, self.A, self.b, self.lb, self.ub)

    def objective(self, x: Array, t: float) -> float:
        return float(0.5 * x @ self.sigma @ x - t * self.mu @ x)

    def violation(self, x: Array) -> float:
        broken = [np.abs(self.A @ x - self.b), self.lb - x, x - self.ub]
        if self.G is not None and self.h is not None:
            broken.append(self.G @ x - self.h)
        return max(float(part.max()) for part in broken)


def _moments(rng: np.random.Generator, kind: str, n: int) -> tuple[Array, Array]:
    loadings = rng.normal(0.0, 0.12, (n, 3)) + np.array([0.15, 0.0, 0.0])
    sigma, mu = loadings @ loadings.T + np.diag(rng.uniform(0.005, 0.08, n)), rng.normal(0.08, 0.08, n)
    some = rng.integers(0, n, n)
    if kind == "fewer observations than assets":
        table = rng.normal(0.0, 0.01, (int(rng.integers(2, n + 2)), n))
        return table.mean(axis=0) * 252, np.cov(table.T).reshape(n, n) * 252
    if kind == "duplicates":
        return mu[some], sigma[np.ix_(some, some)]
    if kind == "duplicates with other returns":
        return mu, sigma[np.ix_(some, some)]
    if kind == "near-duplicates":
        twin = np.arange(n) // 2
        sigma = sigma[np.ix_(twin, twin)] * (1 - 1e-6) + np.diag(np.diag(sigma)[twin]) * 1e-6
        return mu[twin] + rng.choice([0.0, 1e-7], n), sigma
    if kind == "equal returns":
        return np.full(n, 0.07), sigma
    if kind == "tied returns":
        return mu.round(2), sigma
    if kind == "zero variance":
        some = some[: max(1, n // 5)]
        sigma[some], sigma[:, some] = 0.0, 0.0
        return mu, sigma
    return (-np.abs(mu) if kind == "all negative" else mu), sigma


def _bounds(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    form = int(rng.integers(0, 5))
    if form == 1:
        return np.zeros(n), np.full(n, max(1.5 / n, float(rng.uniform())))
    if form == 2:
        return np.full(n, -float(rng.uniform(0, 0.3))), np.full(n, float(rng.uniform(max(0.3, 1.2 / n), 1.3)))
    if form == 3:  # bounds that meet the budget all at once
        return np.zeros(n), np.full(n, 1 / n if rng.random() < 0.3 else 2 / n)
    return np.zeros(n), np.ones(n)


def _rows(rng: np.random.Generator, n: int) -> tuple[list[Array], list[float], Array, Array]:
    """Sector caps and floors, rows through the equal weights, dependent equalities."""
    G: list[Array] = []
    h: list[float] = []
    A, b = np.ones((1, n)), np.ones(1)
    equal, form = np.full(n, 1 / n), int(rng.integers(0, 4))
    sector = rng.integers(0, int(rng.integers(1, 5)), n)
    for s in np.unique(sector) if form else ():
        members = (sector == s).astype(float)
        G.append(members)
        h.append(float(members @ equal * rng.uniform(1, 1.5)))
        if form == 2:
            G.append(-members)
            h.append(-float(members @ equal * rng.uniform(0.3, 1)))
    if form == 3:
        row = rng.normal(size=n)
        A, b = np.vstack([A, row, 2 * A[0]]), np.append(b, [row @ equal, 2.0])
        G.append(rng.normal(size=n))
        h.append(float(G[-1] @ equal + rng.choice([0.0, 0.1])))
    return G, h, A, b


def random_problem(seed: int, most: int = 30) -> tuple[str, FrontierProblem]:
    """Its kind and the problem, feasible by the equal weights; some with turnover in variables of its own."""
    rng = np.random.default_rng(seed)
    n, kind = int(rng.integers(2, most + 1)), KINDS[seed % len(KINDS)]
    mu, sigma = _moments(rng, kind, n)
    units = float(rng.choice([1.0, 1 / 252, 1e4, 1e-4]))
    mu, sigma = mu * units, sigma * units
    lb, ub = _bounds(rng, n)
    G, h, A, b = _rows(rng, n)
    if rng.random() < 0.15:
        held, eye, none = np.full(n, 1 / n), np.eye(n), np.zeros((n, n))
        wide = [np.append(row, np.zeros(n)) for row in G]
        G = [*wide, *np.hstack([eye, -eye]), np.append(-np.ones(n), 2 * np.ones(n))]
        h = [*h, *held, float(rng.uniform(0.2, 2)) - 1.0]
        A = np.hstack([A, np.zeros((len(A), n))])
        lb, ub = np.append(lb, np.zeros(n)), np.append(ub, np.full(n, np.inf))
        mu, sigma = np.append(mu, np.zeros(n)), np.block([[sigma, none], [none, none]])
    return kind, FrontierProblem(mu, sigma, np.array(G) if G else None, np.array(h) if G else None, A, b, lb, ub)

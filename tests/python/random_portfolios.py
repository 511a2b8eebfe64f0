"""Random portfolio problems as they come, the awkward ones among them: one seed, one problem."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
ANNUAL = 252.0


@dataclass
class Portfolio:
    """minimise 1/2 x'Px + q'x + cost'|x - held| as solve_qp takes it, and what makes it awkward."""

    data: dict[str, Any]
    traits: set[str] = field(default_factory=set)
    held: Array | None = None
    cost: Array | None = None
    turnover: float = np.inf

    @property
    def trading(self) -> dict[str, Any]:
        """The arguments of solve_qp beyond P, q, G, h, A, b, lb and ub."""
        if self.held is None:
            return {}
        limit = None if np.isinf(self.turnover) else self.turnover
        return {"held": self.held, "trading_cost": self.cost, "turnover": limit}

    def split(self) -> dict[str, Any]:
        """The same as an ordinary program in (x, t) with t >= |x - held|, as any other solver takes it."""
        d, n = self.data, len(self.data["q"])
        if self.held is None:
            return d
        cost = np.zeros(n) if self.cost is None else self.cost
        one, none = np.eye(n), np.zeros((n, n))
        G = [np.hstack([d["G"], np.zeros_like(d["G"])]), np.hstack([one, -one]), np.hstack([-one, -one])]
        h = [d["h"], self.held, -self.held]
        if np.isfinite(self.turnover):
            G.append(np.hstack([np.zeros((1, n)), np.ones((1, n))]))
            h.append(np.array([self.turnover]))
        return {
            "P": np.block([[d["P"], none], [none, none]]),
            "q": np.concatenate([d["q"], cost]),
            "G": np.vstack(G),
            "h": np.concatenate(h),
            "A": np.hstack([d["A"], np.zeros_like(d["A"])]),
            "b": d["b"],
            "lb": np.concatenate([d["lb"], np.zeros(n)]),
            "ub": np.concatenate([d["ub"], np.full(n, np.inf)]),
        }


def _moments(rng: np.random.Generator, n: int, traits: set[str]) -> tuple[Array, Array]:
    """Annual expected returns and covariance of a sample of daily returns with a market, sectors and noise."""
    T = int(rng.integers(2, n)) if n > 3 and rng.random() < 0.3 else int(rng.integers(n + 10, 5 * n + 60))
    if n > T:
        traits.add("fewer days than assets")
    volatility = rng.uniform(0.005, 0.03, n)
    X = rng.normal(size=(T, 1)) + rng.normal(size=(T, 4)) @ rng.normal(0, 0.5, (4, n)) + rng.normal(size=(T, n))
    X *= volatility / 1.8
    if rng.random() < 0.2:
        traits.add("duplicates")
        pairs = rng.permutation(n)[: 2 * (n // 4)]
        X[:, pairs[::2]] = X[:, pairs[1::2]]
    if rng.random() < 0.2:
        traits.add("near-duplicates")  # correlation 0.999999
        a, b = rng.choice(n, 2, replace=False)
        X[:, b] = X[:, a] + np.sqrt(2e-6) * X[:, a].std() * rng.normal(size=T)
    mu = X.mean(axis=0) + rng.normal(0, 3e-4, n)
    sigma = np.atleast_2d(np.cov(X.T))
    if rng.random() < 0.15:
        traits.add("zero variance")
        calm = rng.random(n) < 0.15
        sigma[calm], sigma[:, calm] = 0.0, 0.0
    if rng.random() < 0.15:
        traits.add("equal returns")
        mu[:] = 4e-4
    return mu, sigma


def _limits(rng: np.random.Generator, n: int, mu: Array, traits: set[str]) -> dict[str, Any]:
    """Long-only or not, caps, pinned weights, sectors and a target, all of them around a portfolio that meets them."""
    inside = rng.dirichlet(np.full(n, 0.5))
    lb, ub = np.zeros(n), np.full(n, np.inf)
    if rng.random() < 0.5:
        traits.add("caps")
        ub = np.maximum(inside, rng.uniform(1.0, 4.0) / n)
    if rng.random() < 0.15:
        traits.add("short")
        lb = np.full(n, -rng.uniform(0.05, 0.3))
        ub = np.minimum(ub, 1.0)
    if rng.random() < 0.2:
        traits.add("pinned")
        fixed = rng.random(n) < 0.15
        lb[fixed] = ub[fixed] = inside[fixed]
    G, h = [np.zeros((0, n))], [np.zeros(0)]
    if rng.random() < 0.4:
        traits.add("sectors")
        sector = rng.integers(0, 6, n)
        rows = (sector == np.arange(6)[:, None]).astype(float)
        G += [rows, -rows]
        h += [rows @ inside + rng.uniform(0, 0.1, 6), -(rows @ inside) + rng.uniform(0, 0.1, 6)]
    if rng.random() < 0.3:
        traits.add("target")
        G.append(-mu[None, :])
        h.append(np.array([-(mu @ inside)]))
    return {"G": np.vstack(G), "h": np.concatenate(h), "A": np.ones((1, n)), "b": [1.0], "lb": lb, "ub": ub}


def portfolio(seed: int, largest: int = 60) -> Portfolio:
    """Problem number `seed`: 2 to `largest` assets, one in ten up to three times as many; it has an answer."""
    rng = np.random.default_rng([seed, 77])
    n = int(rng.integers(2, largest + 1)) * (3 if rng.random() < 0.1 else 1)
    traits: set[str] = set()
    mu, sigma = _moments(rng, n, traits)
    limits = _limits(rng, n, mu, traits)
    unit = 1.0
    if rng.random() < 0.5:
        traits.add("annual")
        unit = ANNUAL
    aversion = 10.0 ** rng.uniform(-3, 3)
    G = limits["G"].copy()
    if "target" in traits:
        G[-1] *= unit
        limits["h"][-1] *= unit
    data = {**limits, "G": G, "P": unit * aversion * sigma, "q": -unit * mu}
    out = Portfolio(data, traits)
    if rng.random() < 0.3:
        traits.add("held")
        inside = rng.dirichlet(np.full(n, 0.5))
        out.held = np.where(rng.random(n) < 0.7, inside, 0.0)
        out.cost = unit * 10.0 ** rng.uniform(-6, -3) * (rng.random(n) < 0.8)
        if rng.random() < 0.5:
            traits.add("turnover")
            out.turnover = _reachable(data, out.held) + rng.uniform(0.0, 0.5)
    return out


def _reachable(data: dict[str, Any], held: Array) -> float:
    """The least turnover with which the constraints can be met, by a linear program in (x, t)."""
    from scipy.optimize import linprog

    n = len(held)
    one = np.eye(n)
    rows = np.vstack(
        [np.hstack([data["G"], np.zeros_like(data["G"])]), np.hstack([one, -one]), np.hstack([-one, -one])]
    )
    bounds = [*zip(data["lb"], data["ub"], strict=True), *[(0.0, None)] * n]
    found = linprog(
        np.concatenate([np.zeros(n), np.ones(n)]),
        rows,
        np.concatenate([data["h"], held, -held]),
        np.hstack([data["A"], np.zeros((1, n))]),
        data["b"],
        bounds,
        method="highs",
    )
    assert found.status == 0
    return float(found.fun)

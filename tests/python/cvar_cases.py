"""Mean-CVaR problems, easy and degenerate, the whole linear program for HiGHS, and the conditions of an optimum."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

from portfolio_engine import CVaRSolution, solve_cvar

Array = npt.NDArray[np.float64]
STATUS = {0: "optimal", 2: "primal_infeasible", 3: "dual_infeasible"}


@dataclass(frozen=True)
class Case:
    returns: Array
    confidence: float = 0.95
    probabilities: Array | None = None
    rows: dict[str, Any] = field(default_factory=dict)  # q, G, h, A, b, lb, ub

    def solve(self, **options: Any) -> CVaRSolution:
        return solve_cvar(
            self.returns, **self.rows, confidence=self.confidence, probabilities=self.probabilities, **options
        )

    @property
    def limits(self) -> Array:
        """(T,) the most that each scenario's dual can be."""
        count = len(self.returns)
        p = np.full(count, 1 / count) if self.probabilities is None else self.probabilities
        return np.asarray(p / p.sum() / (1 - self.confidence))

    def row(self, name: str, missing: Any) -> Array:
        value = self.rows.get(name)
        return np.asarray(missing if value is None else value, dtype=np.float64)


def long_only(returns: Array, **rows: Any) -> dict[str, Any]:
    n = returns.shape[1]
    return {"A": np.ones((1, n)), "b": np.ones(1), "lb": np.zeros(n), "ub": np.ones(n)} | rows


def factor_returns(seed: int, T: int, n: int) -> Array:
    """Daily returns with fat tails and a common factor."""
    rng = np.random.default_rng(seed)
    market = 0.008 * rng.standard_t(4, (T, 1))
    return market * rng.uniform(0.5, 1.5, n) + 0.01 * rng.standard_t(5, (T, n)) + rng.normal(4e-4, 4e-4, n)


def random_case(seed: int) -> Case:
    """Anything: fewer scenarios than assets, ties, duplicates, riskless columns, shorts, pinned bounds, rows."""
    rng = np.random.default_rng(seed)
    n, T = int(rng.integers(1, 40)), int(rng.integers(1, 120))
    R = factor_returns(seed, T, n)
    kind = int(rng.integers(0, 8))
    if kind == 1:
        R = np.round(R, 2)  # ties
    elif kind == 2:
        R[:, n // 2 :] = R[:, : n - n // 2]  # duplicate assets
    elif kind == 3:
        R = R[rng.integers(0, T, T)]  # duplicate scenarios
    elif kind == 4:
        R[:, 0], R[:, -1] = 0.0, 1e-4  # riskless
    elif kind == 5:
        R = 0.01 * np.sign(R)
    elif kind == 6:
        R = 25.0 * R
    elif kind == 7:
        R = np.full((T, n), R[0, 0])
    rows = _bounds(rng, n) | _rows(rng, R)
    rows["q"] = -R.mean(0) * rng.choice([0.0, 0.1, 1.0, 10.0])
    p = None if rng.random() < 0.6 else rng.random(T) * (rng.random(T) < 0.8)
    if p is not None and p.sum() == 0:
        p = None
    return Case(R, float(rng.choice([0.5, 0.9, 0.95, 0.99])), p, rows)


def _bounds(rng: np.random.Generator, n: int) -> dict[str, Array]:
    lb, ub = np.zeros(n), np.ones(n)
    kind = int(rng.integers(0, 6))
    if kind == 1:
        lb -= 0.3
    elif kind == 2:
        ub[:] = max(1.2 / n, 0.05)
    elif kind == 3:
        lb[:], ub[:] = -np.inf, np.inf
    elif kind == 4:
        lb = np.where(rng.random(n) < 0.3, 0.02, 0.0)
    elif kind == 5:
        x = rng.dirichlet(np.ones(n))
        lb, ub = np.maximum(x - 0.01, 0.0), x + 0.01
        lb[0] = ub[0] = x[0]
    return {"lb": lb, "ub": ub}


def _rows(rng: np.random.Generator, R: Array) -> dict[str, Array]:
    n = R.shape[1]
    rows = {"A": np.ones((1, n)), "b": np.ones(1)}
    if rng.random() < 0.5:
        m = int(rng.integers(1, 6))
        G = (rng.random((m, n)) < 0.4) * rng.choice([1.0, -1.0], (m, 1))
        h = np.where(G.sum(1) > 0, 0.5, -0.1)
        if rng.random() < 0.4:  # a target return
            G, h = np.vstack([G, -R.mean(0)]), np.append(h, -np.quantile(R.mean(0), 0.7))
        if rng.random() < 0.2:  # one row twice
            G, h = np.vstack([G, G[:1]]), np.append(h, h[0])
        rows |= {"G": G, "h": h}
    if rng.random() < 0.1:  # a dependent equality
        rows |= {"A": np.vstack([rows["A"], 2 * rows["A"]]), "b": np.append(rows["b"], 2.0)}
    if rng.random() < 0.1 and n > 3:
        rows |= {"A": np.vstack([rows["A"], rng.normal(size=n)]), "b": np.append(rows["b"], 0.0)}
    return rows


def highs(case: Case) -> tuple[str, float]:
    """Status and objective of the linear program with a variable a scenario (Rockafellar and Uryasev, equation 17)."""
    R = case.returns
    T, n = R.shape
    unit = float(np.abs(R).max()) or 1.0
    wide = np.hstack([-R / unit, -np.ones((T, 1)), -np.eye(T)])
    G, h = case.row("G", np.zeros((0, n))), case.row("h", np.zeros(0))
    A, b = case.row("A", np.zeros((0, n))), case.row("b", np.zeros(0))
    low, high = case.row("lb", np.full(n, -np.inf)), case.row("ub", np.full(n, np.inf))
    result = linprog(
        np.concatenate([case.row("q", np.zeros(n)) / unit, [1.0], case.limits]),
        A_ub=np.vstack([np.hstack([G, np.zeros((len(G), T + 1))]), wide]),
        b_ub=np.append(h, np.zeros(T)),
        A_eq=np.hstack([A, np.zeros((len(A), T + 1))]),
        b_eq=b,
        bounds=[*zip(low, high, strict=True), (None, None), *[(0, None)] * T],
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return STATUS[result.status], float("nan") if result.fun is None else unit * result.fun


def cvar_of(case: Case, x: Array) -> float:
    """The mean of the worst scenarios straight from the definition."""
    losses = -case.returns @ x
    left, total = 1.0, 0.0
    for t in np.argsort(-losses):
        share = min(left, case.limits[t])
        total, left = total + share * losses[t], left - share
    return total


def kkt_error(case: Case, got: CVaRSolution) -> float:
    """The largest relative violation of the conditions of an optimum, from the returned arrays alone."""
    n = case.returns.shape[1]
    x, s = got.x, got.scenarios
    A, b = case.row("A", np.zeros((0, n))), case.row("b", np.zeros(0))
    G, h = case.row("G", np.zeros((0, n))), case.row("h", np.zeros(0))
    lb, ub = case.row("lb", np.full(n, -np.inf)), case.row("ub", np.full(n, np.inf))
    q, losses = case.row("q", np.zeros(n)), -case.returns @ x
    slack = np.where(got.z_box > 0, ub, lb) - x
    gradient = q - case.returns.T @ s
    terms = [
        np.abs(A @ x - b).max(initial=0) / (1 + np.abs(A @ x).max(initial=0)),
        np.maximum(G @ x - h, 0).max(initial=0) / (1 + np.abs(G @ x).max(initial=0)),
        max((lb - x).max(), (x - ub).max(), 0),
        np.abs(gradient + A.T @ got.y + G.T @ got.z + got.z_box).max()
        / (1 + np.abs(gradient).max() + np.abs(A.T @ got.y).max(initial=0)),
        max(-got.z.min(initial=0), -s.min(), (s - case.limits).max(), abs(s.sum() - 1)),
        np.abs(got.z * (h - G @ x)).max(initial=0),
        np.abs(got.z_box[got.z_box != 0] * slack[got.z_box != 0]).max(initial=0),
        abs(s @ losses - got.cvar) / (1 + abs(got.cvar)),
        abs(cvar_of(case, x) - got.cvar) / (1 + abs(got.cvar)),
        abs(got.cvar + q @ x - got.objective) / (1 + abs(got.objective)),
    ]
    return float(max(terms))


def farkas_error(case: Case, got: CVaRSolution) -> float:
    """Distance of (y, z, z_box) from a proof that no x satisfies the constraints."""
    n = case.returns.shape[1]
    A, b = case.row("A", np.zeros((0, n))), case.row("b", np.zeros(0))
    G, h = case.row("G", np.zeros((0, n))), case.row("h", np.zeros(0))
    lb, ub = case.row("lb", np.full(n, -np.inf)), case.row("ub", np.full(n, np.inf))
    up, down = np.maximum(got.z_box, 0), np.minimum(got.z_box, 0)
    value = b @ got.y + h @ got.z + ub[up > 0] @ up[up > 0] + lb[down < 0] @ down[down < 0]
    size = np.abs(np.concatenate([got.y, got.z, got.z_box])).max()
    rest = np.abs(A.T @ got.y + G.T @ got.z + got.z_box).max() / size
    return float(max(rest, abs(value + 1), -got.z.min(initial=0) / size))


def ray_error(case: Case, got: CVaRSolution) -> float:
    """Distance of x from a direction that keeps every constraint while the objective falls at the rate 1."""
    n, d = case.returns.shape[1], got.x
    A, G = case.row("A", np.zeros((0, n))), case.row("G", np.zeros((0, n)))
    lb, ub = case.row("lb", np.full(n, -np.inf)), case.row("ub", np.full(n, np.inf))
    size = np.abs(d).max()
    rate = cvar_of(case, d) + case.row("q", np.zeros(n)) @ d
    leaves = max((-d[np.isfinite(lb)]).max(initial=0), d[np.isfinite(ub)].max(initial=0))
    rows = max(np.abs(A @ d).max(initial=0), (G @ d).max(initial=0))
    return float(max(abs(rate + 1), max(leaves, rows) / size))


def permuted(case: Case, order: npt.NDArray[np.intp], scenarios: npt.NDArray[np.intp]) -> Case:
    """The same problem with assets and scenarios in another order."""
    rows = {k: None if v is None else np.asarray(v)[..., order] for k, v in case.rows.items() if k not in ("b", "h")}
    rows |= {k: v for k, v in case.rows.items() if k in ("b", "h")}
    p = None if case.probabilities is None else case.probabilities[scenarios]
    return replace(case, returns=case.returns[np.ix_(scenarios, order)], probabilities=p, rows=rows)

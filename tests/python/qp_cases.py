"""Random quadratic programs whose nature is known by construction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

FORMAT = ("P", "q", "G", "h", "A", "b", "lb", "ub")


@dataclass
class Case:
    """One problem, what it must be, and its optimal value where construction gives it."""

    data: dict[str, Any]
    status: str
    traits: frozenset[str] = frozenset()
    objective: float | None = None
    feasible: np.ndarray | None = None
    multipliers: dict[str, np.ndarray] = field(default_factory=dict)

    def arguments(self) -> list[Any]:
        return [self.data.get(name) for name in FORMAT]


def _psd(rng: np.random.Generator, n: int, rank: int, condition: float) -> np.ndarray:
    if rank == 0:
        return np.zeros((n, n))
    basis = np.linalg.qr(rng.normal(size=(n, rank)))[0]
    half = basis * np.sqrt(np.geomspace(1.0, 1.0 / condition, rank))
    return half @ half.T


def solvable(rng: np.random.Generator, n: int, traits: frozenset[str]) -> Case:
    """Choose x, the active set and multipliers first, then q, h, b and the bounds that make them a KKT point."""
    rank = n
    if "linear" in traits:
        rank = 0
    elif "rank_deficient" in traits:
        rank = int(rng.integers(1, n)) if n > 1 else 0
    P = _psd(rng, n, rank, 10.0 ** rng.uniform(0, 4))
    p, m = int(rng.integers(0, max(1, n // 3) + 1)), int(rng.integers(0, n + 1))
    A, G = rng.normal(size=(p, n)), rng.normal(size=(m, n))
    x = rng.normal(size=n)
    lb, ub = np.full(n, -np.inf), np.full(n, np.inf)
    side = rng.integers(0, 4, size=n)  # 0 free, 1 at the lower, 2 at the upper bound, 3 strictly inside
    if "fixed" in traits:
        side[0] = 4
    lb[side == 1], ub[side == 2] = x[side == 1], x[side == 2]
    ub[side == 1] = x[side == 1] + rng.uniform(0.1, 2, size=(side == 1).sum())
    lb[side == 3], ub[side == 3] = x[side == 3] - 1, x[side == 3] + rng.uniform(0.1, 2, size=(side == 3).sum())
    lb[side == 4] = ub[side == 4] = x[side == 4]
    active = rng.random(m) < 0.3
    if "degenerate" in traits and m > 1:
        active[:] = True  # more active rows than the vertex needs
        G[m // 2 :] = G[: m - m // 2] * rng.uniform(0.5, 2, size=(m - m // 2, 1))  # parallel rows
    h = G @ x + np.where(active, 0.0, rng.uniform(0.1, 2, size=m))
    z = np.where(active, rng.uniform(0.1, 1, size=m), 0.0)
    z_box = np.where(side == 1, -1.0, np.where(side == 2, 1.0, 0.0)) * rng.uniform(0.1, 1, size=n)
    z_box[side == 4] = rng.normal(size=(side == 4).sum())
    if "degenerate" in traits:
        z *= rng.random(m) < 0.5  # active with a zero multiplier
        z_box[side != 4] *= rng.random((side != 4).sum()) < 0.5
    y = rng.normal(size=p)
    if "redundant" in traits and p > 0:
        mix = rng.normal(size=(2, p))
        A = np.vstack([A, mix @ A])
        y = np.concatenate([y, np.zeros(2)])
    q = -(P @ x + G.T @ z + A.T @ y + z_box)
    if "infinite_rows" in traits and m > 0:
        free_rows = ~active
        h[free_rows & (rng.random(m) < 0.5)] = np.inf
    data = {"P": None if rank == 0 else P, "q": q, "G": G, "h": h, "A": A, "b": A @ x, "lb": lb, "ub": ub}
    return Case(data, "optimal", traits, float(0.5 * x @ P @ x + q @ x), x, {"y": y, "z": z, "z_box": z_box})


def infeasible(rng: np.random.Generator, n: int, traits: frozenset[str]) -> Case:
    """A solvable problem and one more limit that contradicts a positive combination of those it has."""
    case = solvable(rng, n, traits - {"infeasible"})
    data, x = case.data, case.feasible
    assert x is not None
    kind = int(rng.integers(0, 3))
    margin = 10.0 ** rng.uniform(-3, 1)
    if kind == 0:  # a'x <= a'x0 and a'x >= a'x0 + margin
        a = rng.normal(size=n)
        data["G"] = np.vstack([data["G"], a, -a])
        data["h"] = np.concatenate([data["h"], [a @ x, -(a @ x) - margin]])
    elif kind == 1:  # two equalities that disagree
        a = rng.normal(size=n)
        data["A"] = np.vstack([data["A"], a, 2 * a])
        data["b"] = np.concatenate([data["b"], [a @ x, 2 * (a @ x) + margin]])
    else:  # a budget out of the bounds' reach
        data["lb"], data["ub"] = np.minimum(x, 0.0), x + rng.uniform(0, 1, size=n)
        a = rng.uniform(0.1, 1, size=n)
        data["A"] = np.vstack([data["A"], a])
        data["b"] = np.concatenate([data["b"], [a @ data["ub"] + margin]])
    return Case(data, "primal_infeasible", traits)


def unbounded(rng: np.random.Generator, n: int, traits: frozenset[str]) -> Case:
    """A feasible problem and a ray along which nothing stops the objective from falling."""
    rank = 0 if "linear" in traits or n == 1 else int(rng.integers(1, n))
    ray = rng.normal(size=n) * (rng.random(n) < 0.5)
    if not ray.any():
        ray[0] = 1.0
    project = np.eye(n) - np.outer(ray, ray) / (ray @ ray)
    P = project @ _psd(rng, n, rank, 100.0) @ project
    p, m = int(rng.integers(0, max(1, n // 3))), int(rng.integers(0, n + 1))
    A, G = rng.normal(size=(p, n)) @ project, rng.normal(size=(m, n))
    G -= np.outer(np.maximum(G @ ray, 0.0), ray) / (ray @ ray)
    G[np.abs(G) < 1e-9] = 0.0  # rounding would be a limit on the ray
    x = rng.normal(size=n)
    q = rng.normal(size=n)
    q -= (q @ ray + rng.uniform(0.5, 2)) * ray / (ray @ ray)
    lb, ub = np.where(ray < 0, -np.inf, x - 1), np.where(ray > 0, np.inf, x + 1)
    P = 0.5 * (P + P.T)
    data = {"P": None if rank == 0 else P, "q": q, "G": G, "h": G @ x + 0.1, "A": A, "b": A @ x, "lb": lb, "ub": ub}
    return Case(data, "dual_infeasible", traits, feasible=x)


def rescaled(rng: np.random.Generator, case: Case) -> Case:
    """The same problem in other units: variables, rows and objective multiplied by powers of ten."""
    data, n = case.data, case.data["q"].size
    d = 10.0 ** rng.uniform(-3, 3, size=n)
    cost = 10.0 ** rng.uniform(-4, 4)
    for name, side in (("G", "h"), ("A", "b")):
        rows = 10.0 ** rng.uniform(-2, 2, size=data[side].size)
        data[name], data[side] = rows[:, None] * data[name] * d, rows * data[side]
    if data["P"] is not None:
        P = cost * d[:, None] * data["P"] * d
        data["P"] = 0.5 * (P + P.T)
    data["q"] = cost * d * data["q"]
    data["lb"], data["ub"] = data["lb"] / d, data["ub"] / d
    if case.objective is not None:
        case.objective *= cost
    case.feasible, case.multipliers = None, {}
    case.traits |= {"mixed_units"}
    return case


def make(seed: int) -> Case:
    """Case number `seed`: sizes 2 to 200, mostly small; a trait each for the shares that the tests assert."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 201)) if seed % 8 == 0 else int(rng.integers(2, 41))
    traits = set()
    if rng.random() < 0.35:
        traits.add("degenerate")
    if rng.random() < 0.35:
        traits.add("rank_deficient" if rng.random() < 0.7 else "linear")
    for trait, share in (("redundant", 0.2), ("fixed", 0.15), ("infinite_rows", 0.2)):
        if rng.random() < share:
            traits.add(trait)
    kind = rng.random()
    if kind < 0.15:
        case = infeasible(rng, n, frozenset(traits | {"infeasible"}))
    elif kind < 0.30:
        case = unbounded(rng, n, frozenset(traits | {"unbounded"}))
    else:
        case = solvable(rng, n, frozenset(traits))
    if rng.random() < 0.25:
        case = rescaled(rng, case)
    return case

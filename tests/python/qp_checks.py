"""What an answer to a quadratic program must satisfy, recomputed in NumPy from the returned arrays."""

from __future__ import annotations

import numpy as np

from portfolio_engine.qp import QPSolution
from tests.python.qp_cases import Case


def filled(case: Case) -> tuple[np.ndarray, ...]:
    """The eight arrays; limits of 1e19 and beyond are infinite, as documented."""
    n = len(case.data["q"])
    empty: dict[str, tuple[tuple[int, ...], float]] = {
        "P": ((n, n), 0.0), "q": ((n,), 0.0), "G": ((0, n), 0.0), "h": ((0,), 0.0),
        "A": ((0, n), 0.0), "b": ((0,), 0.0), "lb": ((n,), -np.inf), "ub": ((n,), np.inf),
    }  # fmt: skip
    out = []
    for name, (shape, value) in empty.items():
        given = case.data.get(name)
        array = np.full(shape, value) if given is None else np.array(given, dtype=float)
        if name in ("h", "ub", "lb"):
            array = np.where(np.abs(array) >= 1e19, np.copysign(np.inf, array), array)
        out.append(array)
    return tuple(out)


def _top(*arrays: np.ndarray) -> float:
    return max((float(np.abs(a).max()) for a in arrays if a.size), default=0.0)


def residuals(case: Case, s: QPSolution) -> dict[str, float]:
    """The residuals of design, recomputed from the returned x and duals."""
    P, q, G, h, A, b, lb, ub = filled(case)
    used = np.isfinite(h)
    Px, Ax, Gx = P @ s.x, A @ s.x, G[used] @ s.x
    Aty, Gtz = A.T @ s.y, G.T @ s.z
    objective = 0.5 * s.x @ Px + q @ s.x
    violation = np.concatenate([np.abs(Ax - b), Gx - h[used], lb - s.x, s.x - ub, [0.0]]).max()
    signs = np.concatenate(
        [-s.z, s.z_box[~np.isfinite(ub)], -s.z_box[~np.isfinite(lb)], np.abs(s.z[~used]), [0.0]]
    ).max()
    upper, lower = np.maximum(s.z_box, 0), np.minimum(s.z_box, 0)
    limits = (
        np.where(upper > 0, np.where(np.isfinite(ub), ub, 0), 0),
        np.where(lower < 0, np.where(np.isfinite(lb), lb, 0), 0),
    )
    gap = s.x @ Px + q @ s.x + b @ s.y + h[used] @ s.z[used] + upper @ limits[0] + lower @ limits[1]
    slack = np.concatenate(
        [
            s.z[used] * (h[used] - Gx),
            upper * (limits[0] - np.where(upper > 0, s.x, 0)),
            lower * (limits[1] - np.where(lower < 0, s.x, 0)),
            [0.0],
        ]
    )
    return {
        "primal": violation / (1 + _top(Ax, Gx, b, h[used])),
        "dual": max(_top(Px + q + Aty + Gtz + s.z_box), signs) / (1 + _top(Px, q, Aty, Gtz)),
        "gap": max(abs(gap), _top(slack)) / (1 + abs(objective)),
    }


def is_primal_certificate(case: Case, s: QPSolution, tolerance: float = 1e-8) -> bool:
    """(y, z, z_box) combines the limits to 0'x <= -1: no x satisfies them."""
    _, _, G, h, A, b, lb, ub = filled(case)
    used = np.isfinite(h)
    signs = (s.z >= 0).all() and (s.z[~used] == 0).all()
    bounded = np.isfinite(ub[s.z_box > 0]).all() and np.isfinite(lb[s.z_box < 0]).all()
    if not (signs and bounded):
        return False
    upper, lower = s.z_box > 0, s.z_box < 0
    value = b @ s.y + h[used] @ s.z[used] + ub[upper] @ s.z_box[upper] + lb[lower] @ s.z_box[lower]
    size = _top(np.abs(A).T @ np.abs(s.y) + np.abs(G).T @ s.z)
    return abs(value + 1) < 1e-9 and _top(A.T @ s.y + G.T @ s.z + s.z_box) <= tolerance * size


def is_ray(case: Case, s: QPSolution, tolerance: float = 1e-8) -> bool:
    """x leaves no limit and the objective falls along it for ever."""
    P, q, G, h, A, _, lb, ub = filled(case)
    size = np.abs(s.x)
    Gx = (G @ s.x)[np.isfinite(h)]
    return bool(
        abs(q @ s.x + 1) < 1e-9
        and (s.x[np.isfinite(lb)] >= 0).all()
        and (s.x[np.isfinite(ub)] <= 0).all()
        and _top(P @ s.x) <= tolerance * _top(np.abs(P) @ size)
        and _top(A @ s.x) <= tolerance * _top(np.abs(A) @ size)
        and _top(np.maximum(Gx, 0)) <= tolerance * _top(np.abs(G) @ size)
    )


def is_degenerate(case: Case) -> bool:
    """Whether the optimum it was built around has dependent active limits or one whose multiplier is zero."""
    _, _, G, h, A, _, lb, ub = filled(case)
    x, found = case.feasible, case.multipliers
    if x is None or not found:
        return False
    rows, bounds = np.abs(G @ x - h) < 1e-9, (np.abs(x - lb) < 1e-9) | (np.abs(x - ub) < 1e-9)
    if (found["z"][rows] == 0).any() or (found["z_box"][bounds] == 0).any():
        return True
    active = np.vstack([A, G[rows], np.eye(len(x))[bounds]])
    return bool(len(active) and np.linalg.matrix_rank(active) < len(active))


def is_rank_deficient(case: Case) -> bool:
    """Whether P has fewer eigenvalues beyond rounding than variables, in units that give it a unit diagonal."""
    P = filled(case)[0]
    scale = np.sqrt(np.where(np.diag(P) > 0, np.diag(P), 1.0))
    return bool(np.linalg.eigvalsh(P / np.outer(scale, scale)).min() < 1e-11)

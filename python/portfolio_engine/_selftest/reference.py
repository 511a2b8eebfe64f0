"""What the kernels compute, once more in plain NumPy and by other means: for the self-test and tests/parity."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def covariance(returns: Array, method: str = "sample", weights: Array | None = None) -> Array:
    """By the definition: "sample" with ddof 1, or "ledoit_wolf" (2004, section 3.2)."""
    x = np.asarray(returns, dtype=np.float64)
    p = np.full(len(x), 1 / len(x)) if weights is None else weights / weights.sum()
    x = x - p @ x
    S = np.einsum("t,ti,tj->ij", p, x, x, optimize=True)
    if method == "sample":
        return np.asarray(S / (1 - (p**2).sum()), dtype=np.float64)
    target = np.trace(S) / len(S) * np.eye(len(S))
    d2 = ((S - target) ** 2).sum()
    norms = (x**2).sum(axis=1)
    b2 = (p**2) @ (norms**2 - 2 * np.einsum("ti,ij,tj->t", x, S, x, optimize=True) + (S**2).sum())
    share = min(1.0, float(b2 / d2)) if d2 > 0 else 0.0
    return np.asarray((1 - share) * S + share * target, dtype=np.float64)


def covariance_error(got: Any, expected: Array) -> float:
    """Largest difference, each entry in units of its two assets' volatilities."""
    scale = np.sqrt(np.diag(expected))
    return _largest((np.asarray(got) - expected) / np.outer(scale, scale))


def eigh_error(matrix: Array, values: Array, vectors: Any) -> float:
    """Largest of A V = V diag(values), V'V = I and the distance to LAPACK's eigenvalues, relative to the largest."""
    V, size = np.asarray(vectors), max(float(np.abs(np.linalg.eigvalsh(matrix)).max()), 1e-300)
    residual = _largest(matrix @ V - V * values) / size
    orthogonal = _largest(V.T @ V - np.eye(len(V)))
    return max(residual, orthogonal, _largest(values - np.linalg.eigvalsh(matrix)) / size)


def clipped(matrix: Array) -> Array:
    """Nearest positive semidefinite matrix in the Frobenius norm (Higham 1988)."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * values.clip(0)) @ vectors.T, dtype=np.float64)


def kkt_error(solution: Any, P: Array, q: Array, A: Array, b: Array, lb: Array, ub: Array, **rows: Array) -> float:
    """Worst relative KKT residual, in the definition of docs/numerics/qp.md; finite bounds, rows G and h if any."""
    G, h = rows.get("G", np.zeros((0, len(q)))), rows.get("h", np.zeros(0))
    x, y, z, box = solution.x, solution.y, solution.z, solution.z_box
    upper, lower = box.clip(0), box.clip(None, 0)
    Px, Ax, Gx = P @ x, A @ x, G @ x
    Aty, Gtz = A.T @ y, G.T @ z
    violation = _largest(Ax - b, (Gx - h).clip(0), (lb - x).clip(0), (x - ub).clip(0))
    gradient = _largest(Px + q + Aty + Gtz + box, (-z).clip(0))
    objective = 0.5 * x @ Px + q @ x
    gap = abs(x @ Px + q @ x + b @ y + h @ z + ub @ upper + lb @ lower)
    slack = _largest(z * (h - Gx), upper * (ub - x), lower * (lb - x))
    return max(
        violation / (1 + _largest(Ax, Gx, b, h)),
        gradient / (1 + _largest(Px, q, Aty, Gtz)),
        float(max(gap, slack) / (1 + abs(objective))),
    )


def frontier_error(weights: Array, mu: Array, sigma: Array) -> float:
    """Distance of each long-only, fully invested point from the closed form on its own assets, and from optimality."""
    worst = 0.0
    for w in np.asarray(weights)[:-1]:  # the last one is a vertex: the highest return
        held = w > 0
        rows = np.stack([np.ones(held.sum()), mu[held]])
        size = held.sum()
        system = np.block([[sigma[np.ix_(held, held)], rows.T], [rows, np.zeros((2, 2))]])
        answer = np.linalg.lstsq(system, np.concatenate([np.zeros(size), [1.0, mu @ w]]), rcond=None)[0]
        slopes = sigma @ w + answer[size] + answer[size + 1] * mu
        worst = max(worst, _largest(answer[:size] - w[held]), _largest((-slopes[~held]).clip(0)) / _largest(sigma))
    return worst


def risk_parity_error(sigma: Array, weights: Any, budgets: Array) -> float:
    """Largest difference of a share of the variance from its budget."""
    w = np.asarray(weights)
    shares = w * (sigma @ w)
    return _largest(shares / shares.sum() - budgets / budgets.sum())


def performance(returns: Array) -> dict[str, float]:
    """Measures of a daily series with no risk-free rate."""
    path = np.concatenate([[1.0], np.cumprod(1 + returns)])
    falls = np.minimum(returns, 0)
    return {
        "total_return": float(path[-1] - 1),
        "annualized_return": float(returns.mean() * 252),
        "volatility": float(returns.std(ddof=1) * np.sqrt(252)),
        "sharpe_ratio": float(returns.mean() / returns.std(ddof=1) * np.sqrt(252)),
        "sortino_ratio": float(returns.mean() / np.sqrt((falls**2).mean()) * np.sqrt(252)),
        "max_drawdown": float((path / np.maximum.accumulate(path)).min() - 1),
        "value_at_risk": float(np.quantile(returns, 0.05)),
    }


def bootstrap_error(got: Any, table: Array, weights: Array) -> float:
    """How far the nearest day of history is from each scenario, and its value from that day's."""
    drawn = np.asarray(got.returns)
    days = np.abs(drawn[:, None, 0] - table[None, :, 0]).argmin(axis=1)
    return _largest(drawn - table[days], got.values - (1 + table[days] @ weights))


def cvar_error(got: Any, table: Array, q: Array, confidence: float = 0.95) -> float:
    """Of min CVaR(-R w) + q'w over w >= 0, sum w = 1: its conditions, and CVaR as the mean of the sorted tail."""
    loss = np.sort(-table @ got.x)[::-1]
    tail = len(loss) * (1 - confidence)
    share = np.clip(tail - np.arange(len(loss)), 0, 1) / tail
    slope = q - table.T @ got.scenarios + got.y[0] + got.z_box
    return _largest(slope, got.x.sum() - 1, np.minimum(got.x, 0), np.maximum(got.z_box, 0), got.cvar - loss @ share)


def performances(parts: list[Array]) -> dict[str, Array]:
    """The same of several series: a vector a measure."""
    each = [performance(part) for part in parts]
    return {name: np.array([one[name] for one in each]) for name in each[0]}


def last(got: Any, name: str, expected: dict[str, Array]) -> Array:
    """As many of the measure's values as are expected, from the end: rolling ones begin with NaN."""
    return np.atleast_1d(getattr(got, name))[-len(expected[name]) :]


def performance_error(got: Any, expected: dict[str, Array]) -> float:
    """Relative to the measure, or absolute below one."""
    return max(
        float((np.abs(last(got, name, expected) - value) / np.maximum(1.0, np.abs(value))).max())
        for name, value in expected.items()
    )


def _largest(*arrays: Any) -> float:
    return max((float(np.abs(a).max()) for a in arrays if np.size(a)), default=0.0)

"""Value at risk and expected shortfall of w'x with Euler contributions: from order statistics, or in closed form."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from portfolio_engine._labels import Array

NORMAL = NormalDist()
Tails = tuple[Array, Array, float, float, float]  # contributions to VaR and CVaR, VaR, standard errors of both


def historical(returns: Array, weights: Array, tail: float, overlap: int) -> Tails:
    """From (T, n) scenarios; `overlap` scenarios share their days, so that T / overlap are independent."""
    scenarios = returns * weights
    total = scenarios.sum(axis=1)
    ordered = np.sort(total)
    value = float(np.quantile(ordered, tail))
    at_tail = _tail_shares(total, ordered, tail)
    shortfall = at_tail @ scenarios
    near = _near(total, value) @ scenarios
    effective = max(len(total) / overlap, 1.0)
    errors = _quantile_error(ordered, tail, effective), _shortfall_error(total, at_tail, value, tail, effective)
    return _completed(near, value), shortfall, value, *errors


def gaussian(mean: Array, covariance: Array, weights: Array, tail: float, observations: float, horizon: int) -> Tails:
    """Of a normal return with these moments a period, over `horizon` periods."""
    sigma = math.sqrt(max(float(weights @ covariance @ weights), 0.0))
    deviation = weights * (covariance @ weights) / sigma if sigma > 0 else np.zeros_like(weights)
    drift, root = horizon * weights * mean, math.sqrt(horizon)
    z = NORMAL.inv_cdf(tail)
    shortfall = -NORMAL.pdf(z) / tail
    errors = [_normal_error(sigma, horizon, factor, observations) for factor in (z, shortfall)]
    at_quantile = drift + z * root * deviation
    return at_quantile, drift + shortfall * root * deviation, float(at_quantile.sum()), errors[0], errors[1]


def cornish_fisher(returns: Array, weights: Array, tail: float, horizon: int) -> tuple[Tails, bool]:
    """The normal quantile corrected for skewness and excess kurtosis, and whether it is monotone in the level.

    Its tail mean is the integral of the same expansion (Maillard 2012, section 5), by Hermite polynomials.
    """
    mean = returns.mean(axis=0)
    x = returns - mean
    total = x @ weights
    sigma = math.sqrt(float(np.mean(total**2)))
    if sigma == 0:
        zero = horizon * weights * mean
        return (zero, zero, float(zero.sum()), math.nan, math.nan), True
    skew, kurt = float(np.mean(total**3)) / sigma**3, float(np.mean(total**4)) / sigma**4 - 3
    d_sigma = x.T @ total / len(x) / sigma
    d_skew = 3 * (x.T @ total**2 / len(x) / sigma**3 - skew * d_sigma / sigma)
    d_kurt = 4 * (x.T @ total**3 / len(x) / sigma**4 - (kurt + 3) * d_sigma / sigma)
    root = math.sqrt(horizon)
    skew, d_skew, kurt, d_kurt = skew / root, d_skew / root, kurt / horizon, d_kurt / horizon
    z = NORMAL.inv_cdf(tail)
    density = -NORMAL.pdf(z) / tail
    quantile = (z, (z**2 - 1) / 6, (z**3 - 3 * z) / 24, -(2 * z**3 - 5 * z) / 36)
    mean_below = tuple(density * factor for factor in (1, z / 6, (z**2 - 1) / 24, -(2 * z**2 - 1) / 36))

    def contributions(factors: tuple[float, ...]) -> Array:
        plain, of_skew, of_kurt, of_square = factors
        level = plain + of_skew * skew + of_kurt * kurt + of_square * skew**2
        slope = (of_skew + 2 * of_square * skew) * d_skew + of_kurt * d_kurt
        found: Array = weights * (horizon * mean + root * (level * d_sigma + sigma * slope))
        return found

    at_quantile, below = contributions(quantile), contributions(mean_below)
    return (at_quantile, below, float(at_quantile.sum()), math.nan, math.nan), _monotone(skew, kurt)


def _monotone(skew: float, kurt: float) -> bool:
    """Whether the expansion increases everywhere: its derivative, a quadratic in z, has no root."""
    a, b, c = kurt / 8 - skew**2 / 6, skew / 3, 1 - kurt / 8 + 5 * skew**2 / 36
    return (a > 0 and b * b < 4 * a * c) or (a == 0 and b == 0 and c > 0)


def _tail_shares(total: Array, ordered: Array, tail: float) -> Array:
    """Weights of the worst `tail` of the scenarios, sum 1; those equal at the edge share what is left."""
    count = max(tail * len(ordered), 1.0)
    edge = ordered[math.ceil(count - 1e-9) - 1]
    below, equal = total < edge, total == edge
    shares = below + equal * (count - below.sum()) / equal.sum()
    return np.asarray(shares / count, dtype=np.float64)


def _near(total: Array, value: float) -> Array:
    """Normal kernel around the quantile, sum 1, with the rule-of-thumb bandwidth 1.06 sd T^(-1/5) (Tasche 2008)."""
    width = 1.06 * float(total.std()) * len(total) ** -0.2
    if width == 0:
        return np.full(len(total), 1 / len(total))
    distance = ((total - value) / width) ** 2
    weights = np.exp(-0.5 * (distance - distance.min()))
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _completed(parts: Array, total: float) -> Array:
    """`parts` with what they lack of `total` added in proportion to their size."""
    size = np.abs(parts)
    share = size / size.sum() if size.sum() > 0 else np.full(len(parts), 1 / len(parts))
    return np.asarray(parts + (total - parts.sum()) * share, dtype=np.float64)


def _quantile_error(ordered: Array, tail: float, effective: float) -> float:
    """sqrt(p (1 - p) / N) over the density, from the order statistics two binomial deviations away."""
    count = len(ordered)
    rank, reach = tail * (count - 1), 2 * math.sqrt(tail * (1 - tail) * count)
    low, high = max(math.floor(rank - reach), 0), min(math.ceil(rank + reach), count - 1)
    if high == low:
        return math.nan
    spacing = float(ordered[high] - ordered[low]) * count / (high - low)
    return math.sqrt(tail * (1 - tail) / effective) * spacing


def _shortfall_error(total: Array, shares: Array, value: float, tail: float, effective: float) -> float:
    """Manistre and Hancock 2005, variance of the conditional tail expectation."""
    mean = float(shares @ total)
    spread = float(shares @ (total - mean) ** 2)
    return math.sqrt((spread + (1 - tail) * (mean - value) ** 2) / max(tail * effective, 1.0))


def _normal_error(sigma: float, horizon: int, factor: float, observations: float) -> float:
    """Of mean x h + factor x sd x sqrt(h), from the variances of a normal sample's mean and standard deviation."""
    return sigma * math.sqrt((horizon**2 + horizon * factor**2 / 2) / observations)

"""Black-Litterman: equilibrium expected returns, moved by views as far as they are trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from portfolio_engine._labels import Array, label_matrix
from portfolio_engine._naming import as_mapping, unknown, vector
from portfolio_engine.moments import Moments, proven

FUNCTION = "black_litterman"
DEFAULT_CONFIDENCE = 0.5  # at one half Idzorek's Omega is He and Litterman's diag(P tau Sigma P')


@dataclass(frozen=True)
class View:
    """An opinion: the portfolio `weights` will return `expected_return` a year.

    Absolute: View({"AAPL": 1}, 0.12). Relative: View({"AAPL": 1, "MSFT": -1}, 0.02) says that AAPL beats MSFT by 2 %.

    Attributes:
        weights: asset name -> weight in the view; need not sum to anything.
        expected_return: annual; the total return for an absolute view.
        confidence: 0 < c <= 1; the share of the way from the prior to the view, alone, that the mean of the view's
            portfolio goes. None is 0.5, which is He and Litterman's Omega; 1 is certainty.
    """

    weights: Mapping[str, float]
    expected_return: float
    confidence: float | None = None


def black_litterman(
    moments: Moments | Any,
    *,
    views: Sequence[View | Mapping[str, Any]] = (),
    market_weights: Mapping[str, float] | Any | None = None,
    risk_aversion: float = 2.5,
    tau: float = 0.05,
    risk_free_rate: float = 0.0,
) -> Moments:
    """Posterior moments from an equilibrium prior and views.

    The prior mean is risk_free_rate + risk_aversion * Sigma w_market, its uncertainty tau * Sigma. With views
    P mu = q + error, error ~ N(0, Omega), Omega diagonal with ((1 - c) / c) * tau * p Sigma p' for confidence c:

        mean = pi + tau Sigma P' (tau P Sigma P' + Omega)^-1 (q - P pi)
        covariance = Sigma + M,   M = tau Sigma - tau Sigma P' (tau P Sigma P' + Omega)^-1 P Sigma tau

    M is the remaining uncertainty of the mean. Without views nothing is blended: the result is the prior mean with
    Sigma itself, so that the market portfolio is optimal at the same risk aversion.

    Args:
        moments: Moments (only the covariance is used) or an (n, n) covariance, annual; array or DataFrame.
        views: View objects or dicts {"weights": {name: w} or "assets": [names], "return": r, "confidence": c};
            "assets" is the equally weighted basket of its names.
        market_weights: (n,) capitalisation weights, a mapping or a Series; normalised to one; default equal.
        risk_aversion: delta > 0.
        tau: > 0, uncertainty of the prior mean relative to Sigma.
        risk_free_rate: annual, added to the equilibrium excess returns; views are total returns.

    Returns:
        Moments with method "black_litterman".

    Raises:
        ValueError: an unknown asset (the nearest is suggested), a view without weights, a confidence outside (0, 1],
            certain views that contradict each other.

    Source: He and Litterman 1999, "The Intuition Behind Black-Litterman Model Portfolios", eq. 8 and appendix B;
    Idzorek 2005, "A step-by-step guide to the Black-Litterman model", in the closed form of Walters 2014, eq. 38.
    """
    for argument, value in (("risk_aversion", risk_aversion), ("tau", tau)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"[{FUNCTION}] {argument}: expected a number > 0, got {value}")
    if not np.isfinite(risk_free_rate):
        raise ValueError(f"[{FUNCTION}] risk_free_rate: expected a number, got {risk_free_rate}")
    if not isinstance(moments, Moments):
        moments = Moments(expected_returns=np.zeros(np.shape(moments)[0]), covariance=moments)
    pi = risk_free_rate + risk_aversion * moments.times(_market(market_weights, moments.labels))
    if not views:
        return _posterior(moments, pi, None)
    P, q, confidence = _read(views, moments.labels)
    mean, root = _blend(pi, tau, _times_views(moments, P), P, q, confidence)
    sigma = (1.0 + tau) * moments.Sigma
    sigma -= root @ root.T
    return _posterior(moments, mean, sigma)


def _times_views(moments: Moments, P: Array) -> Array:
    """Sigma P' (n, k) from the rows of Sigma that the views name."""
    if moments.factors is not None:
        return moments.times(P.T)
    named = np.flatnonzero(P.any(axis=0))
    return np.asarray((P[:, named] @ moments.Sigma[named]).T)


def _posterior(moments: Moments, mu: Array, sigma: Array | None) -> Moments:
    """`moments` with another mean and, where given, another covariance, semidefinite because Sigma is."""
    fields = vars(moments.with_expected_returns(mu)) | {"method": FUNCTION}
    if sigma is not None:
        for stale in ("variances", "condition_number"):
            fields.pop(stale, None)
        labelled = label_matrix(sigma, moments.names if hasattr(fields["expected_returns"], "index") else None)
        fields |= {"covariance": labelled, "Sigma": sigma}
    return proven(**fields)


def _market(market_weights: Any, names: tuple[str, ...]) -> Array:
    if market_weights is None:
        return np.full(len(names), 1.0 / len(names))
    weights = vector(market_weights, names, FUNCTION, "market_weights", limit=np.inf)
    total = float(weights.sum())
    if not np.isfinite(total) or weights.min() < 0 or total <= 0:
        raise ValueError(f"[{FUNCTION}] market_weights: expected weights >= 0 with a sum > 0, got a sum of {total:g}")
    return weights / total


def _read(views: Sequence[View | Mapping[str, Any]], names: tuple[str, ...]) -> tuple[Array, Array, Array]:
    """P (k, n), q (k,) and confidences (k,) of the views."""
    parsed = [view if isinstance(view, View) else _from_mapping(view, k) for k, view in enumerate(views)]
    P = np.array([vector(v.weights, names, FUNCTION, f"views[{k}].weights") for k, v in enumerate(parsed)])
    q = np.array([float(view.expected_return) for view in parsed])
    confidence = np.array([DEFAULT_CONFIDENCE if v.confidence is None else float(v.confidence) for v in parsed])
    sound = P.any(axis=1) & (np.abs(q) <= 10) & (confidence > 0) & (confidence <= 1)
    for k in np.flatnonzero(~sound):
        if not P[k].any():
            raise ValueError(f"[{FUNCTION}] views[{k}].weights: expected at least one weight other than 0")
        if not np.isfinite(q[k]) or abs(q[k]) > 10:
            hint = f"; did you mean {q[k] / 100:.2f}?" if np.isfinite(q[k]) else ""
            raise ValueError(
                f"[{FUNCTION}] views[{k}].return: expected an annual return such as 0.10, got {q[k]}{hint}"
            )
        if not 0 < confidence[k] <= 1:
            raise ValueError(f"[{FUNCTION}] views[{k}].confidence: expected 0 < c <= 1, got {confidence[k]}")
    return P, q, confidence


def _from_mapping(view: Mapping[str, Any], k: int) -> View:
    if not isinstance(view, Mapping):
        raise ValueError(f"[{FUNCTION}] views[{k}]: expected a View or a mapping, got {type(view).__name__}")
    known = ("assets", "weights", "return", "confidence")
    for key in view:
        if key not in known:
            raise unknown(FUNCTION, f"views[{k}]", "key", key, known)
    if "return" not in view:
        raise ValueError(f'[{FUNCTION}] views[{k}]: expected the key "return", got {sorted(view)}')
    if ("assets" in view) == ("weights" in view):
        raise ValueError(f'[{FUNCTION}] views[{k}]: expected one of "assets" and "weights", got {sorted(view)}')
    if "weights" in view:
        weights = as_mapping(view["weights"]) or {}
    else:
        assets = [view["assets"]] if isinstance(view["assets"], str) else list(view["assets"])
        weights = {str(asset): 1.0 / len(assets) for asset in assets}
    return View(weights, view["return"], view.get("confidence"))


def _blend(pi: Array, tau: float, columns: Array, P: Array, q: Array, confidence: Array) -> tuple[Array, Array]:
    """Posterior mean, and R (n, rank): the views take R R' off the uncertainty tau Sigma. `columns` is Sigma P' (n, k).

    Everything is solved in the k views. Views that repeat each other leave the system singular, which its eigenvectors
    show: without those of eigenvalue zero a least-squares solution is left, exact or absent.
    """
    spread = tau * (P @ columns)
    system = spread.copy()
    system.flat[:: len(q) + 1] += (1.0 / confidence - 1.0) * spread.diagonal()
    values, vectors = np.linalg.eigh((system + system.T) / 2)
    kept = values > 1e-12 * values[-1]
    half = vectors[:, kept] / np.sqrt(values[kept])  # times its transpose the inverse of the system
    root = (tau * columns) @ half
    mean = pi + root @ (half.T @ (q - P @ pi))
    certain = confidence == 1.0
    if certain.any():
        missed = float(np.abs(P @ mean - q)[certain].max())
        if missed > 1e-8 * (1 + np.abs(q).max()):
            raise ValueError(f"[{FUNCTION}] views: the views with confidence 1 contradict each other by {missed:.3g}")
    return mean, root

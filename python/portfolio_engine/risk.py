"""Risk of a portfolio and what each asset contributes: volatility, value at risk, expected shortfall, concentration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from portfolio_engine import _risk_tails as tails
from portfolio_engine._labels import (
    Array,
    aligned_array,
    as_array,
    asset_names,
    check_finite,
    label_matrix,
    label_vector,
)

TailMethod = Literal["historical", "gaussian", "cornish_fisher"]


@dataclass(frozen=True, eq=False)
class TailRisk:
    """Value at risk and its tail mean over `horizon` periods, as returns of the whole; negative is a loss.

    Attributes:
        value_at_risk: the 1 - confidence quantile of the portfolio's return.
        conditional_value_at_risk: mean of the returns at or below it.
        value_at_risk_contributions, conditional_value_at_risk_contributions: (n,), one an asset, summing to
            the total. A Series when labels were given.
        value_at_risk_se, conditional_value_at_risk_se: standard errors from the number of observations; NaN for
            cornish_fisher.
        monotone: False when the Cornish-Fisher expansion is no quantile function at this skewness and kurtosis: then
            use another method. True for the others.
        method, confidence, horizon: as given.
        observations: periods used; with a horizon h, T - h + 1 overlapping ones.
    """

    value_at_risk: float
    conditional_value_at_risk: float
    value_at_risk_contributions: Any
    conditional_value_at_risk_contributions: Any
    value_at_risk_se: float
    conditional_value_at_risk_se: float
    monotone: bool
    method: str
    confidence: float
    horizon: int
    observations: int


@dataclass(frozen=True, eq=False)
class RiskDecomposition:
    """Volatility of a portfolio by asset, in the period of the covariance.

    Attributes:
        volatility: sqrt(w'Sigma w).
        marginal: (n,), its derivative by each weight, Sigma w / volatility; 0 where the volatility is 0.
        contributions: (n,), weights x marginal; they sum to the volatility (Euler).
        diversification_ratio: weighted mean of the assets' volatilities over the portfolio's (Choueifaty and Coignard
            2008); 1 without risk.
        concentration: Herfindahl-Hirschman index of the weights' shares of their absolute sum, 0 without positions.
        effective_positions: its inverse, 0 without positions.
    """

    volatility: float
    marginal: Any
    contributions: Any
    diversification_ratio: float
    concentration: float
    effective_positions: float


@dataclass(frozen=True, eq=False)
class FactorExposure:
    """Least-squares exposure of the assets and of the portfolio to one factor.

    Attributes:
        betas: (n,), covariance with the factor over its variance.
        beta: of the portfolio, w'betas.
        systematic_share: share of the portfolio's variance that the factor explains, 0 without variance.
        residual_volatility: standard deviation (ddof 1) of what it does not explain, one period.
    """

    betas: Any
    beta: float
    systematic_share: float
    residual_volatility: float


def tail_risk(
    returns: npt.ArrayLike | Any,
    weights: npt.ArrayLike | Any,
    *,
    confidence: float = 0.95,
    horizon: int = 1,
    method: TailMethod = "historical",
) -> TailRisk:
    """Value at risk and expected shortfall of fixed weights, with contributions by asset that add up.

    Args:
        returns: (T, n), T >= 2, simple returns of one period, oldest first.
        weights: (n,), shares of the whole; what they leave of 1 is cash without return. Any sign.
        confidence: above 0.5, below 1.
        horizon: h periods, h < T. "historical": every run of h periods, compounded by asset; they overlap, and the
            standard errors count T / h of them. The others scale moments of independent periods.
        method: "historical": order statistics; the contributions to CVaR are the assets' means over the same tail
            (Acerbi and Tasche 2002), those to VaR kernel means around the quantile, completed to the total in
            proportion to their size (Tasche 2008). "gaussian": sample moments, ddof 1, closed form (Jorion 2007).
            "cornish_fisher": corrected for sample skewness and kurtosis, by the derivatives of its moments (Zangari
            1996; Boudt, Peterson and Croux 2008; Maillard 2012).

    Raises:
        ValueError: shapes that do not match, NaN or infinity, an option out of range.
    """
    function = "tail_risk"
    table, w, names = _table(returns, weights, function)
    if method not in get_args(TailMethod):
        raise ValueError(f"[{function}] method: expected one of {', '.join(get_args(TailMethod))}, got {method!r}")
    _check_options(function, confidence, horizon, len(table) - 1)
    tail, horizon, monotone = 1 - confidence, int(horizon), True
    used = len(table)
    if method == "historical":
        runs = _compounded(table, horizon)
        used = len(runs)
        found = tails.historical(runs, w, tail, horizon)
    elif method == "gaussian":
        found = tails.gaussian(table.mean(axis=0), _sample(table), w, tail, used, horizon)
    else:
        found, monotone = tails.cornish_fisher(table, w, tail, horizon)
    return _tail_risk(found, names, monotone, method, confidence, horizon, used)


def _check_options(function: str, confidence: float, horizon: int, most: int | None) -> None:
    if not 0.5 < confidence < 1:
        raise ValueError(f"[{function}] confidence: expected above 0.5 and below 1, got {confidence}")
    if int(horizon) != horizon or horizon < 1 or (most is not None and horizon > most):
        expected = "a whole number from 1" + ("" if most is None else f" to {most}")
        raise ValueError(f"[{function}] horizon: expected {expected}, got {horizon}")


def _tail_risk(
    found: tails.Tails,
    names: tuple[str, ...] | None,
    monotone: bool,
    method: str,
    confidence: float,
    horizon: int,
    used: int,
) -> TailRisk:
    at_quantile, below, value, value_se, below_se = found
    return TailRisk(
        value_at_risk=value,
        conditional_value_at_risk=float(below.sum()),
        value_at_risk_contributions=label_vector(at_quantile, names),
        conditional_value_at_risk_contributions=label_vector(below, names),
        value_at_risk_se=value_se,
        conditional_value_at_risk_se=below_se,
        monotone=monotone,
        method=method,
        confidence=float(confidence),
        horizon=int(horizon),
        observations=used,
    )


def gaussian_tail_risk(
    mean: npt.ArrayLike | Any,
    covariance: npt.ArrayLike | Any,
    weights: npt.ArrayLike | Any,
    *,
    confidence: float = 0.95,
    horizon: int = 1,
    observations: int | None = None,
) -> TailRisk:
    """`tail_risk` with method "gaussian" from given moments of one period, for instance stressed ones.

    Args:
        mean, covariance: (n,) and (n, n), of one period.
        weights: (n,).
        confidence, horizon: as in `tail_risk`, without its limit on the horizon.
        observations: what the moments were estimated from; None leaves the standard errors NaN.

    Raises:
        ValueError: shapes that do not match, NaN or infinity, an option out of range.
    """
    function = "gaussian_tail_risk"
    names = asset_names(covariance) or asset_names(mean) or asset_names(weights)
    mu, w = (aligned_array(x, names, function, a) for x, a in ((mean, "mean"), (weights, "weights")))
    sigma = as_array(covariance, function, "covariance")
    if mu.ndim != 1 or w.shape != mu.shape or sigma.shape != (mu.size, mu.size):
        got = f"{mu.shape}, {sigma.shape} and {w.shape}"
        raise ValueError(f"[{function}] expected mean (n,), covariance (n, n) and weights (n,), got {got}")
    for array, argument in ((mu, "mean"), (sigma, "covariance"), (w, "weights")):
        _finite(array, array, function, argument)
    _check_options(function, confidence, horizon, None)
    found = tails.gaussian(mu, sigma, w, 1 - confidence, observations or np.nan, int(horizon))
    return _tail_risk(found, names, True, "gaussian", confidence, horizon, observations or 0)


def risk_decomposition(covariance: npt.ArrayLike | Any, weights: npt.ArrayLike | Any) -> RiskDecomposition:
    """Volatility of `weights` (n,) under a covariance (n, n), by asset.

    Raises:
        ValueError: shapes that do not match, NaN or infinity.
    """
    function = "risk_decomposition"
    names = asset_names(covariance) or asset_names(weights)
    sigma = as_array(covariance, function, "covariance")
    w = aligned_array(weights, names, function, "weights")
    if w.ndim != 1 or sigma.shape != (w.size, w.size):
        raise ValueError(f"[{function}] covariance: expected shape ({w.size}, {w.size}), got {sigma.shape}")
    _finite(sigma, covariance, function, "covariance")
    _finite(w, weights, function, "weights")
    variance = float(w @ sigma @ w)
    spread = float(np.abs(w) @ np.sqrt(np.maximum(np.diag(sigma), 0)))
    volatility = np.sqrt(variance) if variance > (1e-12 * spread) ** 2 else 0.0
    marginal = sigma @ w / volatility if volatility else np.zeros_like(w)
    shares = np.abs(w) / np.abs(w).sum() if np.abs(w).sum() > 0 else w
    concentration = float(shares @ shares)
    return RiskDecomposition(
        volatility=float(volatility),
        marginal=label_vector(marginal, names),
        contributions=label_vector(w * marginal, names),
        diversification_ratio=float(spread / volatility) if volatility else 1.0,
        concentration=concentration,
        effective_positions=1 / concentration if concentration else 0.0,
    )


def correlation(covariance: npt.ArrayLike | Any) -> Any:
    """Correlation matrix of a covariance (n, n); NaN beside an asset without variance, 1 on the diagonal.

    Raises:
        ValueError: not square, NaN or infinity.
    """
    sigma = as_array(covariance, "correlation", "covariance")
    if sigma.ndim != 2 or sigma.shape[0] != sigma.shape[1]:
        raise ValueError(f"[correlation] covariance: expected shape (n, n), got {sigma.shape}")
    _finite(sigma, covariance, "correlation", "covariance")
    scale = np.sqrt(np.diag(sigma).clip(0))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(np.outer(scale, scale) > 0, sigma / np.outer(scale, scale), np.nan).clip(-1, 1)
    np.fill_diagonal(found, 1.0)
    return label_matrix(np.asarray(found, dtype=np.float64), asset_names(covariance))


def factor_exposure(
    returns: npt.ArrayLike | Any, factor: npt.ArrayLike | Any, weights: npt.ArrayLike | Any
) -> FactorExposure:
    """Betas of (T, n) simple returns and of `weights` (n,) to the returns (T,) of a factor.

    Raises:
        ValueError: shapes that do not match, NaN or infinity, a factor that does not vary.
    """
    function = "factor_exposure"
    table, w, names = _table(returns, weights, function)
    market = as_array(factor, function, "factor")
    if market.shape != (len(table),):
        raise ValueError(f"[{function}] factor: expected shape ({len(table)},), got {market.shape}")
    _finite(market, factor, function, "factor")
    move = market - market.mean()
    if not move @ move > len(move) * (1e-12 * np.abs(market).max()) ** 2:
        raise ValueError(f"[{function}] factor: expected returns that vary, got {market[0]} throughout")
    betas = move @ (table - table.mean(axis=0)) / (move @ move)
    total = (table - table.mean(axis=0)) @ w
    rest = total - (betas @ w) * move
    share = 1 - float(rest @ rest) / float(total @ total) if total @ total > 0 else 0.0
    return FactorExposure(
        betas=label_vector(betas, names),
        beta=float(betas @ w),
        systematic_share=min(max(share, 0.0), 1.0),
        residual_volatility=float(np.sqrt(rest @ rest / (len(table) - 1))),
    )


def _table(returns: Any, weights: Any, function: str) -> tuple[Array, Array, tuple[str, ...] | None]:
    table = as_array(returns, function, "returns")
    if table.ndim != 2 or len(table) < 2 or table.shape[1] == 0:
        raise ValueError(f"[{function}] returns: expected shape (T, n) with T >= 2 and n >= 1, got {table.shape}")
    _finite(table, returns, function, "returns")
    names = asset_names(returns)
    w = aligned_array(weights, names, function, "weights")
    if w.shape != (table.shape[1],):
        raise ValueError(f"[{function}] weights: expected shape ({table.shape[1]},), got {w.shape}")
    _finite(w, weights, function, "weights")
    return table, w, names


def _finite(array: Array, value: Any, function: str, argument: str) -> None:
    check_finite(array, value, function, argument)
    if not np.isfinite(array).all():
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"[{function}] {argument}: expected finite numbers, got {array[where]} at {list(where)}")


def _compounded(table: Array, horizon: int) -> Array:
    """Returns over every run of `horizon` rows."""
    if horizon == 1:
        return table
    runs = np.lib.stride_tricks.sliding_window_view(1 + table, horizon, axis=0)
    return np.asarray(runs.prod(axis=-1) - 1, dtype=np.float64)


def _sample(table: Array) -> Array:
    centred = table - table.mean(axis=0)
    return np.asarray(centred.T @ centred / (len(table) - 1), dtype=np.float64)

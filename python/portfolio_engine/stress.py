"""Stress: what else moves when some assets move, and a covariance in which everything moves together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from portfolio_engine._labels import as_array, asset_names, check_finite, label_matrix, label_vector
from portfolio_engine.eigh import nearest_psd
from portfolio_engine.risk import correlation as correlation_of


def conditional_returns(covariance: npt.ArrayLike | Any, shocks: Mapping[Any, float]) -> Any:
    """Expected returns of all assets when some return exactly what is said (Kupiec 1998).

    The named ones get their shock, the others Sigma_us Sigma_ss^+ shock: for one shocked asset or factor that is beta
    times the shock. Expected returns without a shock are taken as zero.

    Args:
        covariance: (n, n), symmetric positive semidefinite, of simple returns.
        shocks: asset (its label, or its position without labels) -> return.

    Returns:
        (n,), a Series when labels were given.

    Raises:
        ValueError: not square, NaN or infinity, an unknown asset, no shocks.
    """
    function = "conditional_returns"
    sigma = _square(covariance, function)
    names = asset_names(covariance)
    place = {name: k for k, name in enumerate(names)} if names else {k: k for k in range(len(sigma))}
    if not shocks or (unknown := [asset for asset in shocks if asset not in place]):
        raise ValueError(f"[{function}] shocks: expected assets of the covariance, got {unknown if shocks else 'none'}")
    moves = np.array([float(shock) for shock in shocks.values()])
    if not np.isfinite(moves).all():
        raise ValueError(f"[{function}] shocks: expected finite numbers, got NaN or infinity")
    named = [place[asset] for asset in shocks]
    found = sigma[:, named] @ (np.linalg.pinv(sigma[np.ix_(named, named)], rcond=1e-10, hermitian=True) @ moves)
    found[named] = moves
    return label_vector(np.asarray(found, dtype=np.float64), names)


def stress_covariance(
    covariance: npt.ArrayLike | Any, *, correlation: float | None = None, volatility_multiplier: float = 1.0
) -> Any:
    """The covariance when every pair is correlated by at least `correlation` and all volatilities are multiplied.

    Raising single correlations can leave no covariance at all: the nearest positive semidefinite matrix with the same
    variances is taken (Higham 2002; `nearest_psd`), so that some pairs may end slightly below the level.

    Args:
        covariance: (n, n), symmetric positive semidefinite.
        correlation: from -1 to 1, None leaves them.
        volatility_multiplier: > 0.

    Raises:
        ValueError: not square, NaN or infinity, an option out of range.
    """
    function = "stress_covariance"
    sigma = _square(covariance, function)
    if correlation is not None and not -1 <= correlation <= 1:
        raise ValueError(f"[{function}] correlation: expected a number from -1 to 1, got {correlation}")
    if not (np.isfinite(volatility_multiplier) and volatility_multiplier > 0):
        raise ValueError(f"[{function}] volatility_multiplier: expected a number > 0, got {volatility_multiplier}")
    if correlation is not None:
        scale = np.sqrt(np.diag(sigma).clip(0))
        raised = np.fmax(np.asarray(correlation_of(sigma)), correlation)
        sigma = np.asarray(nearest_psd(raised * np.outer(scale, scale)).matrix, dtype=np.float64)
    return label_matrix(sigma * volatility_multiplier**2, asset_names(covariance))


def _square(covariance: Any, function: str) -> Any:
    sigma = as_array(covariance, function, "covariance")
    if sigma.ndim != 2 or sigma.shape[0] != sigma.shape[1] or len(sigma) == 0:
        raise ValueError(f"[{function}] covariance: expected shape (n, n), got {sigma.shape}")
    check_finite(sigma, covariance, function, "covariance")
    if not np.isfinite(sigma).all():
        raise ValueError(f"[{function}] covariance: expected finite numbers, got NaN or infinity")
    return sigma

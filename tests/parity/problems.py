"""Sizes around the kernels' tiles and simdgroups, and the problems they are tried on."""

from __future__ import annotations

import numpy as np

SIZES = (1, 2, 31, 32, 33, 63, 64, 65, 77)  # a simdgroup is 32 threads, a tile 8, 32 or 64


def returns(rows: int, assets: int, seed: int = 3) -> np.ndarray:
    """Daily returns with a market factor and a level that single precision would lose without centring."""
    rng = np.random.default_rng(seed)
    own = rng.standard_normal((rows, assets)) * rng.uniform(0.005, 0.03, assets)
    return 0.0005 + 0.01 * rng.standard_normal((rows, 1)) * rng.uniform(0.5, 1.5, assets) + own


def covariance(assets: int, seed: int = 3) -> np.ndarray:
    """Annual, of full rank."""
    return np.atleast_2d(np.cov(returns(2 * assets + 20, assets, seed), rowvar=False)) * 252

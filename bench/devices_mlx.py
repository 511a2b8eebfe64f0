"""The same work in MLX, where it has a function for it; nothing where MLX has no GPU to compute on."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any

import numpy as np

Work = Callable[[], Any]


def available() -> bool:
    """Whether MLX is installed and has a Metal GPU: its CPU build elsewhere is no peer."""
    return bool(version())


def version() -> str:
    """Of MLX; empty where it is not measured."""
    try:
        number = version_of("mlx")
    except PackageNotFoundError:
        return ""
    import mlx.core as mx

    return number if mx.metal.is_available() else ""


def covariance(observed: np.ndarray) -> Work | None:
    """float32: centred, one matrix product."""
    if not available():
        return None
    import mlx.core as mx

    x = mx.array(observed, dtype=mx.float32)

    def work() -> Any:
        centred = x - x.mean(axis=0)
        result = centred.T @ centred / (x.shape[0] - 1)
        mx.eval(result)
        return result

    return work


def eigh(matrix: np.ndarray) -> Work | None:
    """float32; MLX has it on the CPU only."""
    if not available():
        return None
    import mlx.core as mx

    given = mx.array(matrix, dtype=mx.float32)

    def work() -> Any:
        result = mx.linalg.eigh(given, stream=mx.cpu)
        mx.eval(*result)
        return result

    return work


def simulation(mean: np.ndarray, sigma: np.ndarray, weights: np.ndarray, scenarios: int) -> Work | None:
    """float32: every asset's return in every scenario, the portfolio's, its mean, deviation, VaR and CVaR."""
    if not available():
        return None
    import mlx.core as mx

    root = mx.array(np.linalg.cholesky(sigma).T, dtype=mx.float32)
    centre, w = mx.array(mean, dtype=mx.float32), mx.array(weights, dtype=mx.float32)
    tail = scenarios // 20

    def work() -> Any:
        drawn = mx.random.normal((scenarios, len(mean))) @ root + centre
        profit = mx.sort(drawn @ w)
        result = (profit.mean(), mx.sqrt(profit.var(ddof=1)), profit[tail], profit[:tail].mean())
        mx.eval(*result)
        return result

    return work

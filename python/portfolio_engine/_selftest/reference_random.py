"""Monte Carlo once more, in NumPy alone: Philox, Box-Muller with NumPy's functions, a pivoted Cholesky factor."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(counter: Words, key: tuple[int, int]) -> Words:
    """Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, section 3.3) of (..., 4) counters of 32 bits."""
    a, b, c, d = (counter[..., k].astype(np.uint64) for k in range(4))
    k0, k1 = key
    for _ in range(10):
        first, second = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = (
            (second >> _HALF) ^ b ^ np.uint64(k0),
            second & _LOW,
            (first >> _HALF) ^ d ^ np.uint64(k1),
            first & _LOW,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([a, b, c, d], axis=-1)


def normals(seed: int, paths: int, step: int, count: int, precision: str) -> Array:
    """(paths, count) standard normals of one step: docs/numerics/monte_carlo.md, evaluated in float64."""
    single = precision == "float32"
    pairs = (count + 1) // 2
    blocks = (pairs + 1) // 2 if single else pairs
    counter = np.zeros((paths, blocks, 4), dtype=np.uint64)
    path = np.arange(paths, dtype=np.uint64)[:, None]
    counter[..., 0], counter[..., 1], counter[..., 2] = path & _LOW, path >> _HALF, step
    counter[..., 3] = np.arange(blocks, dtype=np.uint64) | np.uint64(0 if single else 1 << 30)
    words = philox(counter, (seed & 0xFFFFFFFF, seed >> 32))
    if single:
        words = words.reshape(paths, 2 * blocks, 2)
        radius, angle = (words[..., 0] + 0.5) / 2**32, ((words[..., 1] >> np.uint64(8)) + 0.5) / 2**24
    else:
        radius, angle = _fraction(words[..., 0], words[..., 1]), _fraction(words[..., 2], words[..., 3])
    length = np.sqrt(-2 * np.log(radius))
    both = np.stack([length * np.cos(2 * np.pi * angle), length * np.sin(2 * np.pi * angle)], axis=-1)
    return np.asarray(both.reshape(paths, -1)[:, :count], dtype=np.float64)


def _fraction(high: Words, low: Words) -> Array:
    """53 bits of two words, in the middle of their interval."""
    bits = (high << np.uint64(21)) | (low >> np.uint64(11))
    return np.asarray((bits + 0.5) / 2.0**53, dtype=np.float64)


def factor(covariance: Array) -> Array:
    """F with F F' = covariance: Cholesky of the correlation with diagonal pivoting (Higham 1990)."""
    n = len(covariance)
    sigma = np.sqrt(np.diag(covariance))
    rest = covariance / sigma[:, None] / sigma
    np.fill_diagonal(rest, 1.0)  # ties go to the first asset
    order, columns = list(range(n)), []
    for k in range(n):
        best = max(range(k, n), key=lambda a: (rest[order[a], order[a]], -a))
        order[k], order[best] = order[best], order[k]
        pivot = order[k]
        if not rest[pivot, pivot] > 10 * n * np.finfo(float).eps:
            break
        column = np.zeros(n)
        column[order[k:]] = rest[order[k:], pivot] / np.sqrt(rest[pivot, pivot])
        rest = rest - np.outer(column, column)
        columns.append(sigma * column)
    return np.stack(columns, axis=1)


def values(
    mean: Array, covariance: Array, weights: Array, *, seed: int, scenarios: int, horizon: int, precision: str
) -> Array:
    """(scenarios,) terminal values of 1 bought and held, normal returns."""
    root = factor(covariance)
    growth: Any = 1.0
    for step in range(horizon):
        growth = growth * (1 + mean + normals(seed, scenarios, step, root.shape[1], precision) @ root.T)
    return np.asarray(1 + (growth - 1) @ weights, dtype=np.float64)

"""What this machine can do at most, by its own BLAS and memory: the measure of how much is left."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.peers.timing import once


def gemm(kind: Any, size: int = 1200) -> float:
    """Floating-point operations a second of a square product, the best of several."""
    rng = np.random.default_rng(1)
    left, right = (rng.standard_normal((size, size)).astype(kind) for _ in range(2))
    out = np.empty_like(left)
    return 2.0 * size**3 / min(once(lambda: np.matmul(left, right, out=out))[0] for _ in range(6))


def bandwidth(megabytes: int = 128) -> float:
    """Bytes read and written a second by a copy far larger than the caches, the best of several."""
    source = np.ones(megabytes * 131_072)
    target = np.empty_like(source)
    return 2.0 * source.nbytes / min(once(lambda: np.copyto(target, source))[0] for _ in range(8))


def limits() -> dict[str, float]:
    """Of as many threads as this process was given."""
    return {"gemm64": gemm(np.float64), "gemm32": gemm(np.float32), "bandwidth": bandwidth()}


def least_seconds(work: dict[str, Any], machine: dict[str, float]) -> float:
    """The time that the row's arithmetic and memory traffic need at those rates."""
    rate = machine["gemm32" if work["single"] else "gemm64"]
    return max(work["flops"] / rate, work["bytes"] / machine["bandwidth"])

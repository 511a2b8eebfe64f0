"""Covariance, eigendecomposition and measures at every instruction level of the processor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

PROGRAM = """
import hashlib, json
import numpy as np
import portfolio_engine as pe

def bits(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()

def table(rows, assets):
    rng = np.random.default_rng(1)
    return 0.01 * (rng.standard_normal((rows, 1)) + rng.standard_normal((rows, assets))) + 0.3

def wrong(matrix):
    got = pe.eigh(matrix, device="cpu")
    size = max(np.abs(matrix).max(), 1e-300)
    residual = np.abs(matrix @ got.vectors - got.vectors * got.values).max() / size
    order = np.abs(got.vectors.T @ got.vectors - np.eye(len(matrix))).max()
    values = np.abs(got.values - np.linalg.eigvalsh(matrix)).max() / size
    return max(residual, order, values) / len(matrix)

x = table(101, 37)
weights = np.arange(101.0)
estimates = [
    pe.covariance(data, method=method, weights=w, device="cpu")
    for data in (x, x.astype(np.float32))
    for method in ("sample", "ledoit_wolf", "oas")
    for w in (None, weights)
]
sizes = [np.cov(table(2 * n, n).T) for n in range(2, 102, 3)]
rng = np.random.default_rng(2)
Q = np.linalg.qr(rng.standard_normal((30, 30)))[0]
hard = [
    np.zeros((9, 9)), np.eye(17), np.ones((21, 21)), np.diag([1e-10, 1e6, 1.0]), np.cov(table(8, 30).T),
    Q @ np.diag(np.repeat(np.arange(1.0, 11), 3) + np.tile([0, 1e-9, 1e-15], 10)) @ Q.T,
    Q @ np.diag(10.0 ** np.linspace(-15, 0, 30)) @ Q.T, Q @ np.diag(np.linspace(-1, 1, 30)) @ Q.T,
    np.diag(np.full(12, 2.0)) - np.diag(np.ones(11), 1) - np.diag(np.ones(11), -1),
]
hard = [(m + m.T) / 2 for m in hard]
print(json.dumps({
    "means": bits(*(e.mean for e in estimates)),
    "errors": [float(np.abs(np.asarray(e) - np.asarray(estimates[k % 6])).max()) for k, e in enumerate(estimates)],
    "sample": float(np.abs(np.asarray(estimates[0]) - np.cov(x.T)).max()),
    "eigh": max(wrong(m) for m in sizes + hard + [1e-160 * sizes[5], 1e140 * sizes[9]]),
}))
"""


def run(level: str) -> dict[str, Any] | None:
    """What the program finds at this level; None where the processor lacks it, which it says by name."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PORTFOLIO_SIMD": level},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode != 0 and level != "baseline" and f'on this processor, got "{level}"' in done.stderr:
        return None
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_every_instruction_level_is_accurate_and_centres_with_the_same_bits() -> None:
    found = [got for level in ("baseline", "avx2", "avx512") if (got := run(level)) is not None]
    assert {got["means"] for got in found} == {found[0]["means"]}
    for got in found:
        assert got["sample"] <= 1e-17  # of variances of 2e-4, at a level of thirty volatilities
        assert max(got["errors"]) <= 1e-10  # float32 input beside float64
        assert got["eigh"] <= 2e-15


def test_a_level_that_does_not_exist_is_refused() -> None:
    assert run("sse9") is None

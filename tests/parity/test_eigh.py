"""Eigendecompositions of both devices: residual, orthogonality and LAPACK's values in float64."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from portfolio_engine import eigh, eigh_batch, nearest_psd
from portfolio_engine._selftest import reference
from portfolio_engine._selftest.tolerance import TOLERANCE
from tests.parity.problems import SIZES, covariance

LARGEST = 128  # that a threadgroup decomposes


@pytest.mark.parametrize("n", SIZES)
def test_single(device: str, n: int) -> None:
    sigma = covariance(n)
    got = eigh(sigma, device=device)
    assert reference.eigh_error(sigma, got.values, got.vectors) <= TOLERANCE["eigh"][device]


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129])
def test_batch(device: str, n: int) -> None:
    sigmas = np.stack([covariance(n, seed) for seed in range(1 if n > 64 else 3)])
    for got, sigma in zip(eigh_batch(sigmas, device=device), sigmas, strict=True):
        assert reference.eigh_error(sigma, got.values, got.vectors) <= TOLERANCE["eigh_batch"][device]
        np.testing.assert_allclose(
            got.values, scipy.linalg.eigh(sigma, eigvals_only=True), atol=1e-11 * np.abs(sigma).sum()
        )
        assert got.device == (device if n <= LARGEST else "cpu"), got.device_reason


def hard() -> dict[str, np.ndarray]:
    """Matrices on which an iteration in single precision loses its way."""
    rng = np.random.default_rng(1)
    V = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    loading = rng.standard_normal((20, 2))
    return {
        "zero": np.zeros((20, 20)),
        "identity": np.eye(20),
        "repeated values": V @ np.diag([1.0] * 10 + [2.0] * 10) @ V.T,
        "close pairs": V @ np.diag(np.repeat(np.arange(1.0, 11), 2) + np.tile([0, 1e-9], 10)) @ V.T,
        "twelve decades": V @ np.diag(10.0 ** np.linspace(-12, 0, 20)) @ V.T,
        "rank two": loading @ loading.T,
        "indefinite": V @ np.diag(np.linspace(-1, 1, 20)) @ V.T,
        "tiny": 1e-20 * covariance(20),
        "huge": 1e20 * covariance(20),
    }


@pytest.mark.parametrize("name", hard())
def test_hard_matrices(device: str, name: str) -> None:
    matrix = hard()[name]
    matrix = (matrix + matrix.T) / 2
    (got,) = eigh_batch([matrix], device=device)
    assert reference.eigh_error(matrix, got.values, got.vectors) <= TOLERANCE["eigh_batch"][device]


@pytest.mark.parametrize("n", [2, 33])
def test_nearest_psd(device: str, n: int) -> None:
    broken = covariance(n) - 0.5 * np.diag(np.diag(covariance(n)))
    got = nearest_psd(broken, keep_diagonal=False, device=device)
    error = np.abs(got.matrix - reference.clipped(broken)).max() / np.abs(broken).max()
    assert error <= TOLERANCE["nearest_psd"][device]

"""A batch of eigendecompositions is the loop over `eigh`; repeated and near eigenvalues; against NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import Eigh, eigh, eigh_batch, kernels


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = kernels.num_threads()
    yield kernels.set_num_threads
    kernels.set_num_threads(before)


def symmetric(n: int, seed: int = 0) -> np.ndarray:
    a = np.random.default_rng(seed).standard_normal((n, n))
    return a + a.T


def spectrum(values: np.ndarray, seed: int = 0) -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values), len(values))))
    a = (q * values) @ q.T
    return (a + a.T) / 2


def check(a: np.ndarray, got: Eigh) -> None:
    n, values, v = a.shape[0], np.asarray(got.values), np.asarray(got.vectors)
    largest = np.abs(a).max() or 1.0
    assert (np.diff(values) >= 0).all()
    assert np.abs(values - np.linalg.eigvalsh(a)).max() <= 1e-13 * max(n, 10) * largest
    assert np.abs(v.T @ v - np.eye(n)).max() <= 1e-13 * max(n, 10)
    assert np.abs((a / largest) @ v - v * (values / largest)).max() <= 1e-13 * max(n, 10)
    assert (v[np.abs(v).argmax(axis=0), np.arange(n)] > 0).all()


def test_a_batch_is_the_loop(threads: Callable[[int], None]) -> None:
    matrices = [symmetric(n, n) for n in (1, 31, 32, 33, 51, 7, 128, 129)]
    alone = [eigh(a, device="cpu") for a in matrices]
    for count in (1, 3):
        threads(count)
        for one, other in zip(eigh_batch(matrices, device="cpu"), alone, strict=True):
            assert np.array_equal(one.values, other.values)
            assert np.array_equal(one.vectors, other.vectors)


@pytest.mark.parametrize("scale", [1e-160, 1e-8, 1.0, 1e140])
def test_against_numpy(scale: float) -> None:
    matrices = np.stack([symmetric(17, k) for k in range(6)]) * scale
    for a, got in zip(matrices, eigh_batch(matrices), strict=True):
        check(a, got)


def test_degenerate_matrices() -> None:
    rng = np.random.default_rng(2)
    short = np.cov(rng.standard_normal((5, 24)).T)  # rank 4
    twin = np.cov(rng.standard_normal((60, 12)).T)
    twin[7], twin[:, 7] = twin[3], twin[:, 3]
    twin[7, 7] = twin[3, 3]
    flat = np.cov(rng.standard_normal((60, 12)).T)
    flat[4] = flat[:, 4] = 0.0
    units = np.geomspace(1e-9, 1e6, 16)
    matrices = [
        np.zeros((6, 6)),
        np.eye(40),
        np.ones((33, 33)),
        np.array([[-2.5]]),
        np.diag([3.0, -3.0, 3.0, 0.0]),
        short,
        twin,
        flat,
        spectrum(np.ones(16)) * np.outer(units, units),
        spectrum(np.repeat([1.0, 2.0, 5.0], 10)),
        spectrum(1.0 + 1e-9 * np.arange(20)),
        spectrum(np.concatenate([1.0 + 1e-7 * np.arange(8), 1.0 + 1e-12 * np.arange(8), np.arange(2.0, 16.0)])),
        spectrum(np.geomspace(1e-15, 1.0, 30)),
    ]
    for a, got in zip(matrices, eigh_batch(matrices), strict=True):
        check(a, got)


def test_labels_and_empty_batches() -> None:
    a = symmetric(3)
    frame = pd.DataFrame(a, index=list("abc"), columns=list("abc"))
    got = eigh_batch([frame, a])
    assert list(got[0].vectors.index) == ["a", "b", "c"]
    assert np.array_equal(np.asarray(got[0].vectors), got[1].vectors)
    assert got[0].device_reason
    assert eigh_batch([]) == []


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        (np.eye(3), r"matrices: expected a list of tables or an array with 3 axes, got shape \(3, 3\)"),
        ([np.eye(3), np.zeros(3)], r"matrices\[1\]: expected a matrix, got shape \(3,\)"),
        ([np.eye(3), np.zeros((2, 3))], r"matrices\[1\]: expected a square matrix, got shape \(2, 3\)"),
        ([[[1, 2], [3, 4]]], r"matrices\[0\]: expected a symmetric matrix, got 3 at \[1, 0\] but 2"),
        ([[[np.nan]]], r"matrices\[0\]: expected finite numbers, got nan"),
    ],
)
def test_errors(matrices: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"^\[eigh_batch\] " + message):
        eigh_batch(matrices)
    with pytest.raises(ValueError, match=r"^\[eigh_batch\] device: expected"):
        eigh_batch([[[1.0]]], device="gpu")

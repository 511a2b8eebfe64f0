"""Eigendecomposition and nearest positive semidefinite matrix, against SciPy and the optimality conditions."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import scipy.optimize

from portfolio_engine.eigh import eigh, eigvalsh, nearest_psd


def symmetric(n: int, seed: int = 0) -> np.ndarray:
    a = np.random.default_rng(seed).standard_normal((n, n))
    return a + a.T


def indefinite_correlation(n: int, seed: int = 0) -> np.ndarray:
    a = np.random.default_rng(seed).uniform(-1, 1, (n, n))
    a = (a + a.T) / 2
    np.fill_diagonal(a, 1)
    return a


@pytest.mark.parametrize("n", [1, 2, 3, 49, 50, 51, 100, 101, 180])
@pytest.mark.parametrize("scale", [1e-160, 1.0, 1e140])
def test_eigh_against_scipy(n: int, scale: float) -> None:
    a = symmetric(n) * scale
    got = eigh(a)
    largest = np.abs(got.values).max()
    assert np.abs(got.values - scipy.linalg.eigvalsh(a)).max() <= 1e-13 * n * largest
    v = got.vectors
    assert np.abs(v.T @ v - np.eye(n)).max() <= 1e-13 * max(n, 10)
    assert np.abs((v * (got.values / largest)) @ v.T - a / largest).max() <= 1e-14 * max(n, 10)
    assert (v[np.abs(v).argmax(axis=0), np.arange(n)] > 0).all()


@pytest.mark.parametrize("n", [1, 2, 50, 180])
@pytest.mark.parametrize("scale", [1e-160, 1.0, 1e140])
def test_eigenvalues_alone_against_scipy(n: int, scale: float) -> None:
    a = symmetric(n) * scale
    got = eigvalsh(a)
    assert np.abs(got - scipy.linalg.eigvalsh(a)).max() <= 1e-13 * n * np.abs(got).max()
    assert np.array_equal(eigvalsh(pd.DataFrame(a)), got)


def test_eigenvalues_alone_leave_other_threads_running() -> None:
    a, woken, done = symmetric(500), 0, threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(eigvalsh, a).add_done_callback(lambda _: done.set())
        while not done.is_set():
            time.sleep(2e-4)
            woken += 1
    assert woken > 5  # it takes some 10 ms; with the interpreter held this thread would wake once


def test_eigenvalues_alone_of_a_bad_matrix() -> None:
    with pytest.raises(ValueError, match=r"\[eigvalsh\] matrix: expected a symmetric matrix"):
        eigvalsh([[1.0, 0.5], [0.4, 1.0]])
    with pytest.raises(ValueError, match=r"\[eigvalsh\] matrix: expected finite numbers, got nan"):
        eigvalsh([[1.0, np.nan], [np.nan, 1.0]])


def test_eigh_of_degenerate_matrices() -> None:
    for a in (np.zeros((4, 4)), np.eye(60), np.ones((70, 70)), np.diag([1e-10, 1e6, 1.0])):
        got = eigh(a)
        np.testing.assert_allclose((got.vectors * got.values) @ got.vectors.T, a, atol=1e-12 * max(1, a.max()))
        np.testing.assert_allclose(got.values, np.linalg.eigvalsh(a), atol=1e-12 * max(1, a.max()))


def test_eigh_keeps_labels_and_reads_any_layout() -> None:
    a = symmetric(5)
    frame = pd.DataFrame(a, index=list("abcde"), columns=list("abcde"))
    assert list(eigh(frame).vectors.index) == list("abcde")
    for same in (np.asfortranarray(a), a.astype(np.float32).astype(float) * 0 + a, np.pad(a, 2)[2:-2, 2:-2], frame):
        assert np.array_equal(eigh(same).values, eigh(a).values)


def test_psd_input_comes_back_bit_for_bit() -> None:
    rng = np.random.default_rng(1)
    for shape in ((5, 20), (40, 30), (200, 10)):  # fewer rows than assets: singular, negative only by rounding
        s = np.cov(rng.standard_normal(shape).T)
        s[0] *= 1e3
        s[:, 0] *= 1e3
        for keep in (True, False):
            got = nearest_psd(s, keep_diagonal=keep)
            assert not got.changed
            assert got.converged
            assert got.distance == got.max_change == got.iterations == got.negative_eigenvalues == 0
            assert np.asarray(got).tobytes() == s.tobytes()


@pytest.mark.parametrize("n", [5, 8, 25])
def test_keep_diagonal_is_optimal(n: int) -> None:
    """KKT of min ||X - A|| over PSD X with unit diagonal: A + diag(y) = X - Z with Z PSD and XZ = 0."""
    a = indefinite_correlation(n)
    got = nearest_psd(a)
    x = np.asarray(got)
    assert got.changed
    assert got.converged
    assert (np.diag(x) == 1).all()
    assert np.array_equal(x, x.T)
    assert np.linalg.eigvalsh(x)[0] >= 0

    def dual(y: np.ndarray) -> tuple[float, np.ndarray]:  # Qi and Sun 2006, an independent road to the answer
        values, vectors = np.linalg.eigh(a + np.diag(y))
        plus = (vectors * np.maximum(values, 0)) @ vectors.T
        return 0.5 * np.sum(plus**2) - y.sum(), np.diag(plus) - 1

    solution = scipy.optimize.minimize(dual, np.zeros(n), jac=True, method="BFGS", options={"gtol": 1e-10})
    values, vectors = np.linalg.eigh(a + np.diag(solution.x))
    np.testing.assert_allclose(x, (vectors * np.maximum(values, 0)) @ vectors.T, atol=2e-8)


def test_report_is_true() -> None:
    a = indefinite_correlation(12)
    got = nearest_psd(a)
    x = np.asarray(got)
    assert got.distance == pytest.approx(np.linalg.norm(x - a), rel=1e-13)
    assert got.max_change == np.abs(x - a).max()
    assert got.smallest_eigenvalue == pytest.approx(np.linalg.eigvalsh(a)[0], abs=1e-13)
    assert got.negative_eigenvalues == (np.linalg.eigvalsh(a) < 0).sum()
    again = nearest_psd(x)
    assert not again.changed
    assert np.asarray(again).tobytes() == x.tobytes()
    stopped = nearest_psd(a, max_iterations=2)
    assert not stopped.converged
    assert stopped.iterations == 2
    assert np.linalg.eigvalsh(np.asarray(stopped))[0] >= 0


def test_units_do_not_matter() -> None:
    a = indefinite_correlation(6)
    d = np.array([1e-10, 1e-4, 1.0, 3.0, 1e3, 1e6])
    got = np.asarray(nearest_psd(a * np.outer(d, d)))
    np.testing.assert_allclose(got / np.outer(d, d), np.asarray(nearest_psd(a)), atol=1e-12)
    assert np.array_equal(np.diag(got), np.diag(a * np.outer(d, d)))


@pytest.mark.parametrize("floor", [1e-8, 1e-3, 0.3])
def test_floor(floor: float) -> None:
    a = indefinite_correlation(10)
    x = np.asarray(nearest_psd(a, min_eigenvalue=floor))
    assert (np.diag(x) == 1).all()
    assert np.linalg.eigvalsh(x)[0] == pytest.approx(floor, abs=1e-13)
    assert np.linalg.eigvalsh(x)[0] >= floor
    np.linalg.cholesky(x)
    assert not nearest_psd(x, min_eigenvalue=floor).changed
    clipped = np.asarray(nearest_psd(4 * a, min_eigenvalue=floor, keep_diagonal=False))
    assert np.linalg.eigvalsh(clipped)[0] == pytest.approx(4 * floor, abs=1e-12)


def test_one_clip_without_the_diagonal() -> None:
    a = symmetric(9)
    got = nearest_psd(a, keep_diagonal=False)
    values, vectors = np.linalg.eigh(a)
    np.testing.assert_allclose(np.asarray(got), (vectors * np.maximum(values, 0)) @ vectors.T, atol=1e-13)
    assert got.distance == pytest.approx(np.linalg.norm(np.minimum(values, 0)), rel=1e-12)


def test_an_asset_without_variance_loses_its_covariances() -> None:
    a = np.array([[1.0, 0.2, 0.3], [0.2, 0.0, 0.1], [0.3, 0.1, 2.0]])
    got = nearest_psd(a)
    assert got.changed
    np.testing.assert_array_equal(got.matrix, [[1.0, 0.0, 0.3], [0.0, 0.0, 0.0], [0.3, 0.0, 2.0]])


def test_nearest_keeps_labels() -> None:
    names = ["x", "y", "z"]
    frame = pd.DataFrame([[1, 1, 0], [1, 1, 1], [0, 1, 1]], index=names, columns=names)
    got = nearest_psd(frame)
    assert list(got.matrix.columns) == list(got.matrix.index) == names


@pytest.mark.parametrize(
    ("function", "matrix", "options", "message"),
    [
        (eigh, [[1, 2], [3, 4]], {}, r"\[eigh\] matrix: expected a symmetric matrix, got 3 at \[1, 0\] but 2"),
        (eigh, np.zeros((2, 3)), {}, r"\[eigh\] matrix: expected a square matrix, got shape \(2, 3\)"),
        (eigh, np.zeros((0, 0)), {}, r"\[eigh\] matrix: expected a square matrix"),
        (eigh, [[np.nan]], {}, r"\[eigh\] matrix: expected finite numbers, got nan"),
        (nearest_psd, [[-1.0]], {}, r"\[nearest_psd\] matrix: expected no negative diagonal entry"),
        (nearest_psd, [[1.0]], {"min_eigenvalue": 1}, r"\[nearest_psd\] min_eigenvalue: expected a share .* got 1"),
        (nearest_psd, [[1.0]], {"tolerance": 0}, r"\[nearest_psd\] tolerance: expected a positive number, got 0"),
        (nearest_psd, [[1.0]], {"max_iterations": 0}, r"\[nearest_psd\] max_iterations: expected at least 1, got 0"),
        (nearest_psd, [[1.0]], {"device": "x"}, r"\[nearest_psd\] device"),
    ],
)
def test_errors(function: object, matrix: object, options: dict[str, object], message: str) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match=message):
        function(matrix, **options)

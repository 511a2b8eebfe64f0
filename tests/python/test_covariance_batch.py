"""A batch of covariances is the loop over `covariance`; degenerate universes; against NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import covariance, covariance_batch, kernels

METHODS = ("sample", "exponential", "ledoit_wolf", "oas")


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = kernels.num_threads()
    yield kernels.set_num_threads
    kernels.set_num_threads(before)


def universes(shapes: list[tuple[int, int]], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [0.01 * (rng.standard_normal((t, 1)) + rng.standard_normal((t, n))) + 0.0005 for t, n in shapes]


def options(method: str) -> dict[str, float]:
    return {"halflife": 20.0} if method == "exponential" else {}


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_is_the_loop(method: str, threads: Callable[[int], None]) -> None:
    tables = universes([(40, 1), (2, 31), (90, 32), (35, 33), (120, 260), (10, 64)])
    alone = [covariance(x, method=method, device="cpu", **options(method)) for x in tables]
    for count in (1, 3):
        threads(count)
        batch = covariance_batch(tables, method=method, device="cpu", **options(method))
        for one, other in zip(batch, alone, strict=True):
            assert np.array_equal(np.asarray(one), np.asarray(other))
            assert np.array_equal(one.mean, other.mean)
            assert (one.shrinkage, one.observations, one.effective_observations, one.method) == (
                other.shrinkage,
                other.observations,
                other.effective_observations,
                other.method,
            )


def test_stacked_tables_against_numpy() -> None:
    x = np.random.default_rng(3).standard_normal((5, 60, 7)) * np.array([1e-6, 1e-3, 1.0, 1.0, 10.0, 1e4, 1e7])
    w = np.random.default_rng(4).random(60)
    for k, got in enumerate(covariance_batch(x, weights=w)):
        want = np.cov(x[k].T, aweights=w)
        scale = np.sqrt(np.outer(np.diag(want), np.diag(want)))  # each entry in its own units
        assert np.abs((np.asarray(got) - want) / scale).max() < 4e-6  # the rows, in units of float32 rounding
        assert np.array_equal(got.matrix, got.matrix.T)
        np.testing.assert_allclose(got.mean, w @ x[k] / w.sum(), rtol=1e-12, atol=1e-12 * scale.max() ** 0.5)


@pytest.mark.parametrize("method", METHODS)
def test_degenerate_universes(method: str) -> None:
    short, duplicate, flat, single, units = universes([(3, 20), (30, 4), (25, 3), (12, 1), (50, 3)], seed=1)
    duplicate[:, 3] = duplicate[:, 1]
    flat[:, 1] = 0.0123456789
    units *= np.array([1e-9, 1.0, 1e8])
    nothing = np.full((5, 3), 0.1)
    got = covariance_batch([short, duplicate, flat, single, units, nothing], method=method, **options(method))
    for result in got:
        s = np.asarray(result)
        assert np.isfinite(s).all()
        assert np.array_equal(s, s.T)
        assert 0 <= result.shrinkage <= 1
    assert got[1].matrix[1, 1] == got[1].matrix[3, 3]
    if method in ("sample", "exponential"):
        assert (got[2].matrix[1] == 0).all()
        assert got[1].matrix[1, 3] == got[1].matrix[1, 1]
    assert (got[5].matrix == 0).all()
    assert got[3].matrix[0, 0] == pytest.approx(covariance(single, method=method, **options(method)).matrix[0, 0])


def test_labels_are_each_universes_own() -> None:
    a, b = universes([(20, 2), (20, 3)])
    first = pd.DataFrame(a, columns=["A", "B"])
    got = covariance_batch([first, b])
    assert list(got[0].matrix.columns) == list(got[0].mean.index) == ["A", "B"]
    assert isinstance(got[1].matrix, np.ndarray)
    assert got[0].device_reason
    assert covariance_batch([]) == []
    first.iloc[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"\[covariance_batch\] returns\[0\]: .* got nan at row 7, column B"):
        covariance_batch([first, b])


@pytest.mark.parametrize(
    ("returns", "extra", "message"),
    [
        (np.zeros((3, 3)), {}, r"returns: expected a list of tables or an array with 3 axes, got shape \(3, 3\)"),
        (pd.DataFrame(np.eye(3)), {}, "returns: expected a list of tables or an array with 3 axes, got shape"),
        ("abc", {}, "returns: expected numbers, got str"),
        ([np.eye(3), np.zeros(3)], {}, r"returns\[1\]: expected a matrix, got shape \(3,\)"),
        ([np.eye(3), np.zeros((1, 3))], {}, r"returns\[1\]: expected at least 2 observations, got shape \(1, 3\)"),
        ([[[1.0, np.inf], [0, 0]]], {}, r"returns\[0\]: expected finite numbers, got inf at \[0, 1\]"),
        ([np.eye(3), np.eye(4)], {"weights": [1, 1, 1]}, "weights: expected one for each of the 4 observations, got 3"),
        ([np.eye(3)], {"method": "shrunk"}, "method: expected one of sample"),
        ([np.eye(3)], {"method": "exponential"}, "halflife: expected a number of rows, got None"),
        ([np.eye(3)], {"ddof": 3}, "ddof: expected less than the 3 effective observations, got 3"),
        ([np.eye(3)], {"device": "gpu"}, "device: expected"),
    ],
)
def test_errors(returns: object, extra: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"^\[covariance_batch\] " + message):
        covariance_batch(returns, **extra)

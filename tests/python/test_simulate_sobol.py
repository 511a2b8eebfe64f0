"""Sobol points: SciPy's sequence, a scrambling that keeps its nets, and errors below those of random scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from portfolio_engine import simulate

Array = npt.NDArray[np.float64]


def points(dimensions: int, count: int, *, scramble: bool, seed: int = 0, horizon: int = 1) -> Array:
    """Of the cube, back from the normals that a unit covariance shows."""
    got = simulate(
        np.zeros(dimensions), np.eye(dimensions), np.full(dimensions, 1 / dimensions), scenarios=count, seed=seed,
        horizon=horizon, sampling="sobol", scramble=scramble, keep_returns=True, initial_value=1e9,
    )  # fmt: skip
    return np.asarray(scipy.stats.norm.cdf(got.returns))


def reference(dimensions: int, count: int) -> Array:
    return np.asarray(scipy.stats.qmc.Sobol(dimensions, scramble=False).random(count))


@pytest.mark.parametrize(("dimensions", "count"), [(1, 512), (7, 1000), (1111, 512)])
def test_bare_points_are_scipys(dimensions: int, count: int) -> None:
    """Every dimension of the table (Joe and Kuo 2008), points moved to the middle of their 32-bit cells."""
    want = reference(dimensions, 2 ** (count - 1).bit_length())[:count]
    np.testing.assert_allclose(points(dimensions, count, scramble=False), want + 2.0**-33, atol=1e-13)


def test_normals_are_the_inverse_distribution() -> None:
    """To the last digits, tails included: every 2^-14 of the unit interval, and 2^-33 in the first point."""
    got = simulate([0.0], [[1.0]], [1.0], scenarios=2**14, sampling="sobol", scramble=False, keep_returns=True)
    want = scipy.stats.norm.ppf(reference(1, 2**14) + 2.0**-33)
    np.testing.assert_allclose(got.returns, want, rtol=2e-15, atol=1e-16)
    assert want[0] < -6.2


def test_steps_take_the_dimensions_that_follow() -> None:
    """Two steps of two unit assets, held: the value is made of the products of dimensions 0, 2 and 1, 3."""
    got = simulate(
        np.zeros(2), np.eye(2), [1, 0], scenarios=256, horizon=2, sampling="sobol", scramble=False, keep_values=True
    )
    z = scipy.stats.norm.ppf(reference(4, 256) + 2.0**-33)
    np.testing.assert_allclose(got.values, (1 + z[:, 0]) * (1 + z[:, 2]), atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1, 2**63])
def test_scrambled_points_are_still_a_net(seed: int) -> None:
    """Each dimension has a point in every interval of length 2^-10, the first two one in every elementary box."""
    u = points(40, 1024, scramble=True, seed=seed)
    for column in u.T:
        assert sorted(np.floor(column * 1024).astype(int)) == list(range(1024))
    for k in range(11):
        boxes = np.floor(u[:, 0] * 2**k) * 2 ** (10 - k) + np.floor(u[:, 1] * 2 ** (10 - k))
        assert len(np.unique(boxes)) == 1024
    assert np.abs(np.corrcoef(u.T) - np.eye(40)).max() < 0.15
    assert (u != points(40, 1024, scramble=True, seed=seed + 7)).all()
    assert (u != points(40, 1024, scramble=False)).mean() > 0.99


def test_scrambled_points_are_uniform_over_seeds() -> None:
    """One point of one dimension over 2000 seeds, and two points of different ones: uniform and uncorrelated."""
    u = np.array([points(3, 8, scramble=True, seed=seed)[5] for seed in range(2000)])
    assert scipy.stats.kstest(u[:, 2], "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(u.T) - np.eye(3)).max() < 4.5 / np.sqrt(2000)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_errors_are_far_below_those_of_random_scenarios(precision: str) -> None:
    """Of mean, volatility and VaR of ten assets against closed forms: root mean squares over 20 seeds."""
    rng = np.random.default_rng(0)
    loadings = 0.01 * rng.standard_normal((10, 3))
    covariance = loadings @ loadings.T + 1e-4 * np.eye(10)
    mean, weights = 1e-3 * rng.standard_normal(10), np.full(10, 0.1)
    sd = np.sqrt(weights @ covariance @ weights)
    want = np.array([mean @ weights, sd, mean @ weights + scipy.stats.norm.ppf(0.05) * sd])
    errors = {}
    for sampling in ("sobol", "random"):
        runs = [
            simulate(mean, covariance, weights, scenarios=4096, seed=seed, sampling=sampling, precision=precision)
            for seed in range(20)
        ]
        got = np.array([[run.mean, run.volatility, run.value_at_risk] for run in runs])
        errors[sampling] = np.sqrt(np.mean((got - want) ** 2, axis=0))
    assert (errors["sobol"] < errors["random"] / np.array([50, 8, 1.2])).all(), errors


def test_lognormal_moments() -> None:
    mean, sigma = np.array([0.05, 0.02]), np.array([[0.09, 0.02], [0.02, 0.04]])
    got = simulate(
        mean, sigma, [0.5, 0.5], scenarios=2**14, distribution="lognormal", sampling="sobol", keep_returns=True
    )
    np.testing.assert_allclose(got.returns.mean(axis=0), mean, atol=2e-4)
    np.testing.assert_allclose(np.cov(got.returns.T), sigma, atol=1.5e-3)
    assert got.device == "cpu"


def test_limits() -> None:
    unit = (np.zeros(5), np.eye(5), np.full(5, 0.2))
    unknown: Any = "halton"
    with pytest.raises(ValueError, match=r"\[simulate\] sampling: expected at most 1111 dimensions .*, got 223 x 5"):
        simulate(*unit, horizon=223, scenarios=4, sampling="sobol")
    simulate(*unit, horizon=222, scenarios=4, sampling="sobol")
    with pytest.raises(ValueError, match=r"sampling: expected \"random\" for student_t"):
        simulate(*unit, distribution="student_t", sampling="sobol")
    with pytest.raises(ValueError, match=r"sampling: expected \"random\" or \"sobol\", got \"halton\""):
        simulate(*unit, sampling=unknown)
    with pytest.raises(ValueError, match=r"scenarios: expected at most 2\^32 Sobol points"):
        simulate(*unit, scenarios=2**32 + 1, sampling="sobol")

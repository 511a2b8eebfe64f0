"""Simulation: known-answer random numbers, distributions against closed forms, honest standard errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from portfolio_engine import kernels
from portfolio_engine.simulate import Simulation, simulate

MEAN = np.array([0.004, 0.008, -0.002, 0.001])
SIGMA = np.array([0.05, 0.09, 0.03, 0.0])  # the last is cash in all but name
CORRELATION = np.array([[1, 0.6, -0.2, 0], [0.6, 1, 0.1, 0], [-0.2, 0.1, 1, 0], [0, 0, 0, 1]])
COVARIANCE = CORRELATION * np.outer(SIGMA, SIGMA)
WEIGHTS = np.array([0.4, 0.3, 0.2, 0.05])


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = kernels.num_threads()
    yield kernels.set_num_threads
    kernels.set_num_threads(before)


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_known_answers(counter: list[int], key: list[int], answer: list[int]) -> None:
    """Random123, tests/kat_vectors, philox4x32 10 rounds (Salmon et al. 2011)."""
    assert list(kernels.philox4x32_10(counter, key)) == answer


def turn(numerator: int, bits: int) -> tuple[float, float]:
    """Cosine and sine of 2 pi numerator / 2^bits; whole quarters come off first, so that nothing rounds but libm."""
    quarter = (numerator + (1 << (bits - 3))) >> (bits - 2)
    rest = 2 * np.pi * ((numerator - (quarter << (bits - 2))) / 2**bits)
    c, s = np.cos(rest), np.sin(rest)
    return ((c, s), (-s, c), (-c, -s), (s, -c))[quarter % 4]


def box_muller64(seed: int, path: int, step: int, pair: int) -> tuple[float, float]:
    """The float64 normals written out with libm and Python integers."""
    key = [seed & 0xFFFFFFFF, seed >> 32]
    x = kernels.philox4x32_10([path & 0xFFFFFFFF, path >> 32, step, pair | 1 << 30], key)
    radius = np.sqrt(-2 * np.log(((x[0] << 21 | x[1] >> 11) + 0.5) / 2**53))
    cosine, sine = turn(2 * (x[2] << 21 | x[3] >> 11) + 1, 54)
    return radius * cosine, radius * sine


def box_muller32(seed: int, path: int, step: int, pair: int) -> tuple[float, float]:
    """The float32 normals with libm in float64: 32 bits for the radius, 24 for the angle."""
    key = [seed & 0xFFFFFFFF, seed >> 32]
    x = kernels.philox4x32_10([path & 0xFFFFFFFF, path >> 32, step, pair // 2], key)[2 * (pair % 2) :]
    radius = np.sqrt(-2 * np.log((x[0] + 0.5) / 2**32))
    cosine, sine = turn(2 * (x[1] >> 8) + 1, 25)
    return radius * cosine, radius * sine


@pytest.mark.parametrize(
    ("precision", "reference", "error"), [("float64", box_muller64, 4e-16), ("float32", box_muller32, 3e-7)]
)
def test_normals_are_box_muller_of_the_counter(
    precision: str, reference: Callable[[int, int, int, int], tuple[float, float]], error: float
) -> None:
    """A few units in the last place of libm, at the counter that (seed, path, step, pair) says, beyond 2^32 paths."""
    seed, first, step = 0x123456789ABCDEF0, 2**32 - 2, 5
    z = kernels.standard_normals(seed, first, 100, step, 7, precision)
    want = np.array([[reference(seed, first + p, step, k // 2)[k % 2] for k in range(7)] for p in range(100)])
    assert np.abs(z - want).max() <= error * np.abs(want).max()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_normals_are_standard_normal_and_independent(precision: str) -> None:
    z = kernels.standard_normals(1, 0, 50_000, 0, 8, precision)
    assert scipy.stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(z.T) - np.eye(8)).max() < 5 / np.sqrt(50_000)
    assert np.abs(np.corrcoef((z**2).T) - np.eye(8)).max() < 5 / np.sqrt(50_000)
    other = kernels.standard_normals(1, 0, 50_000, 1, 8, precision)
    assert abs(np.corrcoef(z.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(400_000)
    assert np.abs(z).max() > 4.3  # the tail is there
    reseeded = kernels.standard_normals(2, 0, 50_000, 0, 8, precision)
    assert abs(np.corrcoef(z.ravel(), reseeded.ravel())[0, 1]) < 5 / np.sqrt(400_000)


@pytest.mark.parametrize("level", ["baseline", "avx2", "avx512"])
def test_every_instruction_level_gives_the_same_bits(level: str) -> None:
    """A level that this processor lacks is refused by name; the others agree."""
    program = (
        "import hashlib; from portfolio_engine import kernels as k;"
        "print(hashlib.sha256(b''.join(k.standard_normals(3, 7, 300, 2, 9, p).tobytes()"
        " for p in ('float32', 'float64'))).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PORTFOLIO_SIMD": level},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if run.returncode != 0:
        assert level != "baseline"
        assert f'on this processor, got "{level}"' in run.stderr
        return
    assert run.stdout.strip() == "3fed1c46d8a8c58e786fccc33651a61fd638ac2372a10a6b179f1cd6f0a9ec11"


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_threads_do_not_change_a_bit(precision: str, threads: Callable[[int], None]) -> None:
    def run() -> Simulation:
        return simulate(
            MEAN,
            COVARIANCE,
            WEIGHTS,
            horizon=3,
            scenarios=5001,
            precision=precision,
            keep_values=True,
            keep_returns=True,
        )

    threads(1)
    one = run()
    for count in (2, 3, 8):
        threads(count)
        again = run()
        assert one.values.tobytes() == again.values.tobytes()
        assert one.returns.tobytes() == again.returns.tobytes()
        assert one.conditional_value_at_risk == again.conditional_value_at_risk
        assert one.quantiles == again.quantiles
    assert simulate(MEAN, COVARIANCE, WEIGHTS, scenarios=5001, seed=1).mean != one.mean


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("distribution", ["normal", "lognormal", "student_t"])
def test_asset_returns_have_the_given_moments(precision: str, distribution: str) -> None:
    count = 200_000
    got = simulate(
        MEAN, COVARIANCE, WEIGHTS, scenarios=count, distribution=distribution, degrees_of_freedom=9,
        precision=precision, keep_returns=True, keep_values=True, seed=3,
    )  # fmt: skip
    r = got.returns
    assert r.shape == (count, 4)
    assert (np.abs(r.mean(axis=0) - MEAN) <= 4.5 * SIGMA / np.sqrt(count) + 1e-9).all()
    kurtosis = 3 * 7 / 5 if distribution == "student_t" else 4.0
    bound = 5 * np.outer(SIGMA, SIGMA) * np.sqrt(kurtosis / count)
    assert (np.abs(np.cov(r.T) - COVARIANCE) <= bound + 1e-12).all()
    assert np.ptp(r[:, 3]) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(got.values, 1 + r @ WEIGHTS, rtol=1e-14)
    if distribution == "normal":
        standard = (r[:, 1] - MEAN[1]) / SIGMA[1]
        assert scipy.stats.kstest(standard, "norm").pvalue > 1e-3
    elif distribution == "lognormal":
        s = np.sqrt(np.log1p(COVARIANCE[1, 1] / (1 + MEAN[1]) ** 2))
        logs = (np.log1p(r[:, 1]) - np.log1p(MEAN[1])) / s + s / 2
        assert scipy.stats.kstest(logs, "norm").pvalue > 1e-3
    else:
        standard = (r[:, 1] - MEAN[1]) / SIGMA[1] * np.sqrt(9 / 7)
        assert scipy.stats.kstest(standard, "t", args=(9,)).pvalue > 1e-3


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_one_normal_period_is_the_closed_form(precision: str) -> None:
    """Mean, volatility, VaR, CVaR and quantiles of a normal, each within 4.5 of its own standard errors."""
    got = simulate(
        MEAN, COVARIANCE, WEIGHTS, scenarios=400_000, initial_value=1000, confidence=0.975, precision=precision, seed=11
    )
    mu, sd = 1000 * MEAN @ WEIGHTS, 1000 * np.sqrt(WEIGHTS @ COVARIANCE @ WEIGHTS)
    z = scipy.stats.norm.ppf(0.025)
    for value, want, error in (
        (got.mean, mu, got.mean_se),
        (got.volatility, sd, sd / np.sqrt(2 * 400_000)),
        (got.value_at_risk, mu + z * sd, got.value_at_risk_se),
        (got.conditional_value_at_risk, mu - sd * scipy.stats.norm.pdf(z) / 0.025, got.conditional_value_at_risk_se),
        *(
            (got.quantiles[p], 1000 + mu + sd * scipy.stats.norm.ppf(p), got.quantiles_se[p])
            for p in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
        ),
    ):
        assert 0 < error < 0.02 * sd
        assert abs(value - want) <= 4.5 * error


@pytest.mark.parametrize("distribution", ["normal", "student_t"])
def test_standard_errors_are_the_spread_over_seeds(distribution: str) -> None:
    """400 independent repetitions: the reported error must be the real one, to the noise of both (8 %)."""
    runs = [
        simulate(MEAN, COVARIANCE, WEIGHTS, scenarios=2000, distribution=distribution, seed=seed) for seed in range(400)
    ]
    for name in ("mean", "value_at_risk", "conditional_value_at_risk"):
        values = np.array([getattr(run, name) for run in runs])
        errors = np.array([getattr(run, f"{name}_se") for run in runs])
        assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(ddof=1), rel=0.15), name
    for level in (0.01, 0.5, 0.95):
        values = np.array([run.quantiles[level] for run in runs])
        errors = np.array([run.quantiles_se[level] for run in runs])
        assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(ddof=1), rel=0.2), level


def test_statistics_are_those_of_the_kept_values() -> None:
    got = simulate(MEAN, COVARIANCE, WEIGHTS, scenarios=10_007, confidence=0.9, initial_value=50, keep_values=True)
    v = got.values
    assert got.mean == pytest.approx(v.mean() - 50, abs=1e-12)
    assert got.volatility == pytest.approx(v.std(ddof=1), rel=1e-12)
    for level, value in got.quantiles.items():
        assert value == pytest.approx(np.quantile(v, level), rel=1e-14)
    assert got.value_at_risk == pytest.approx(np.quantile(v, 0.1) - 50, rel=1e-12)
    worst = np.sort(v)[:1001] - 50
    assert got.conditional_value_at_risk == pytest.approx((worst[:1000].sum() + 0.7 * worst[1000]) / 1000.7, rel=1e-12)
    unkept = simulate(MEAN, COVARIANCE, WEIGHTS, scenarios=10_007, confidence=0.9, initial_value=50)
    assert unkept.values is unkept.returns is None
    assert unkept.conditional_value_at_risk == got.conditional_value_at_risk


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_paths_are_the_draws_compounded(precision: str) -> None:
    """Rebalanced and held values over four steps, from the standard normals (the factor of a diagonal is sigma)."""
    sigma, mean, w = np.array([0.1, 0.2, 0.05]), np.array([0.01, 0.0, 0.02]), np.array([0.5, 0.3, 0.1])
    options = {"horizon": 4, "scenarios": 1300, "seed": 8, "precision": precision, "keep_values": True}
    growth, rebalanced = np.ones((1300, 3)), np.ones(1300)
    for step in range(4):
        r = mean + sigma * kernels.standard_normals(8, 0, 1300, step, 3, precision)
        growth *= 1 + r
        rebalanced *= 1 + r @ w
    close = 1e-6 if precision == "float32" else 1e-13
    held = simulate(mean, np.diag(sigma**2), w, initial_value=10, **options)
    np.testing.assert_allclose(held.values, 10 * (growth @ w + 0.1), rtol=close)
    turned = simulate(mean, np.diag(sigma**2), w, initial_value=10, rebalanced=True, **options)
    np.testing.assert_allclose(turned.values, 10 * rebalanced, rtol=close)


def test_long_horizon_means() -> None:
    """E of a held value is sum w (1 + m)^T, of a rebalanced one (1 + w'm)^T."""
    for rebalanced, want in ((False, WEIGHTS @ ((1 + MEAN) ** 24 - 1)), (True, (1 + WEIGHTS @ MEAN) ** 24 - 1)):
        got = simulate(MEAN, COVARIANCE, WEIGHTS, horizon=24, scenarios=40_000, rebalanced=rebalanced)
        assert abs(got.mean - want) <= 4.5 * got.mean_se


def test_student_tail_is_shared() -> None:
    """One scale for all assets: uncorrelated assets still fall together."""
    got = simulate([0, 0], np.eye(2), [0.5, 0.5], distribution="student_t", degrees_of_freedom=3,
                   scenarios=100_000, keep_returns=True)  # fmt: skip
    size = np.abs(got.returns)
    both = (size > 3).all(axis=1).mean()
    assert both > 5 * (size > 3).mean(axis=0).prod()


def test_singular_and_duplicate_assets() -> None:
    twin = np.array([[0.04, 0.04], [0.04, 0.04]])
    r = simulate([0, 0], twin, [0.5, 0.5], scenarios=1000, keep_returns=True).returns
    np.testing.assert_allclose(r[:, 0], r[:, 1], atol=1e-15)
    x = np.random.default_rng(0).standard_normal((6, 30))
    low_rank = np.cov(x.T)  # rank 5 of 30
    r = simulate(np.zeros(30), low_rank, np.full(30, 1 / 30), scenarios=5000, keep_returns=True).returns
    assert np.linalg.matrix_rank(r, tol=1e-8 * np.linalg.norm(r)) == 5
    nothing = simulate([0.01], [[0.0]], [1.0], scenarios=10, initial_value=100)
    assert nothing.volatility == pytest.approx(0, abs=1e-12)
    assert nothing.value_at_risk == pytest.approx(1.0)
    mixed = np.array([1e-10, 1e6])
    r = simulate([0, 0], np.array([[1, 0.5], [0.5, 1]]) * np.outer(mixed, mixed), [0, 0],
                 scenarios=20_000, keep_returns=True).returns  # fmt: skip
    np.testing.assert_allclose(np.corrcoef(r.T)[0, 1], 0.5, atol=0.03)
    np.testing.assert_allclose(r.std(axis=0) / mixed, 1, atol=0.03)


def test_labels_are_matched_and_carried() -> None:
    names = list("abcd")
    frame = pd.DataFrame(COVARIANCE, index=names, columns=names)
    got = simulate(
        pd.Series(MEAN, index=names)[::-1], frame, pd.Series(WEIGHTS, index=names).iloc[[2, 0, 3, 1]], scenarios=500,
        keep_returns=True, keep_values=True, quantiles=[0.5],
    )  # fmt: skip
    plain = simulate(MEAN, COVARIANCE, WEIGHTS, scenarios=500, keep_values=True)
    np.testing.assert_array_equal(got.values, plain.values)
    assert list(got.returns.columns) == names
    assert list(got.quantiles) == list(got.quantiles_se) == [0.5]
    assert (got.scenarios, got.horizon, got.seed, got.device) == (500, 1, 0, "cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": [0.0]}, "mean: expected one for each of the 2 assets, got 1"),
        ({"weights": [0.5, np.nan]}, r"weights: expected finite numbers, got nan at \[1\]"),
        ({"covariance": [[1, 2], [2, 1]]}, "covariance: expected a positive semidefinite matrix"),
        ({"covariance": [[1, 0.1], [0.1, 0]]}, "covariance: expected a positive semidefinite matrix .* zero"),
        ({"covariance": [[-1, 0], [0, 1]]}, "covariance: expected no negative variance, got -1"),
        ({"covariance": np.zeros((2, 3))}, "covariance: expected a square matrix"),
        ({"horizon": 0}, "horizon: expected 1 to"),
        ({"horizon": 1.5}, "horizon: expected a whole number .* got 1.5"),
        ({"scenarios": 1}, "scenarios: expected at least 2, got 1"),
        ({"seed": -1}, "seed: expected a whole number from 0 to .* got -1"),
        ({"seed": 2**64}, "seed: expected a whole number"),
        ({"distribution": "cauchy"}, 'distribution: expected "normal", "lognormal" or "student_t", got "cauchy"'),
        ({"degrees_of_freedom": 2}, "degrees_of_freedom: expected 3 to 1000"),
        ({"precision": "float16"}, 'precision: expected "float64" or "float32", got "float16"'),
        ({"initial_value": 0}, "initial_value: expected a positive number, got 0"),
        ({"confidence": 1}, "confidence: expected a probability between 0 and 1, got 1"),
        ({"quantiles": [0.5, 0]}, "quantiles: expected levels between 0 and 1, got 0"),
        ({"mean": [-1, 0], "distribution": "lognormal"}, r"mean: expected returns above -1 .* got -1 at \[0\]"),
        ({"covariance": [[1, -1], [-1, 1]], "distribution": "lognormal"}, "covariance: expected one that lognormal"),
        ({"device": "cuda"}, "device"),
    ],
)
def test_errors(options: dict[str, object], message: str) -> None:
    arguments = {"mean": [0.0, 0.0], "covariance": np.eye(2), "weights": [0.5, 0.5], **options}
    with pytest.raises(ValueError, match=r"^\[simulate\] " + message):
        simulate(**arguments)

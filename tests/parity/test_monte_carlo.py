"""Random numbers equal bit for bit on every device, and values of scenarios against NumPy's own simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from portfolio_engine import kernels, simulate
from portfolio_engine._selftest import reference_random
from portfolio_engine._selftest.tolerance import TOLERANCE
from tests.parity.problems import covariance, returns

# Random123, tests/kat_vectors, philox4x32 10 rounds (Salmon et al. 2011): counter, key, answer
KNOWN = [
    ([0] * 4, (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        (0xA4093822, 0x299F31D0),
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_known_answers(counter: list[int], key: tuple[int, int], answer: list[int]) -> None:
    """Of the core, and of the NumPy computation that the devices are held against."""
    assert list(kernels.philox4x32_10(counter, key)) == answer
    assert reference_random.philox(np.array(counter, dtype=np.uint64), key).tolist() == answer


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_normals_against_numpy(precision: str) -> None:
    got = kernels.standard_normals(2**40 + 7, 0, 3000, 3, 7, precision)
    expected = reference_random.normals(2**40 + 7, 3000, 3, 7, precision)
    error = np.abs(got - expected).max() / np.abs(expected).max()
    assert error <= TOLERANCE[f"standard_normals {precision}"]["cpu"]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 31, 32, 33])
def test_float32_draws_are_the_same_bits(device: str, n: int) -> None:
    """Unit covariance and no mean: the first step's returns are the draws themselves."""
    given: dict[str, Any] = {"scenarios": 515, "seed": 2**63 + 12345, "precision": "float32", "keep_returns": True}
    got = simulate(np.zeros(n), np.eye(n), np.full(n, 1 / n), device=device, **given)
    draws = kernels.standard_normals(given["seed"], 0, 515, 0, n, "float32")
    assert got.device == device, got.device_reason
    assert (got.returns == draws).all()
    assert (got.returns.astype(np.float32) == got.returns).all()


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(("n", "horizon"), [(1, 1), (5, 1), (33, 2), (8, 4)])
def test_values(device: str, n: int, horizon: int, precision: str) -> None:
    mean, sigma = returns(60, n).mean(axis=0), covariance(n) / 252
    given: dict[str, Any] = {"seed": 42, "scenarios": 700, "horizon": horizon, "precision": precision}
    got = simulate(mean, sigma, np.full(n, 0.9 / n), keep_values=True, device=device, **given)
    expected = reference_random.values(mean, sigma, np.full(n, 0.9 / n), **given)
    tolerance = TOLERANCE[f"simulate {precision}"][device]
    np.testing.assert_allclose(got.values, expected, atol=tolerance)
    profit = expected - 1
    assert got.mean == pytest.approx(profit.mean(), abs=tolerance)
    assert got.volatility == pytest.approx(profit.std(ddof=1), abs=tolerance)
    assert got.value_at_risk == pytest.approx(np.quantile(profit, 0.05), abs=tolerance)
    worst = np.sort(profit)[:35]
    assert got.conditional_value_at_risk == pytest.approx(worst.mean(), abs=tolerance)
    for level, quantile in got.quantiles.items():
        assert quantile == pytest.approx(np.quantile(expected, level), abs=tolerance)


@pytest.mark.parametrize("distribution", ["normal", "lognormal", "student_t"])
@pytest.mark.parametrize("rebalanced", [False, True])
def test_statistics_are_the_cpus_without_keeping_the_scenarios(
    device: str, distribution: Any, rebalanced: bool
) -> None:
    """What needs no array of all scenarios gives the same figures."""
    mean, sigma, weights = returns(60, 7).mean(axis=0), covariance(7) / 252, np.full(7, 1 / 7)
    given: dict[str, Any] = {"seed": 9, "scenarios": 900, "horizon": 3, "precision": "float32"}
    given |= {"distribution": distribution, "rebalanced": rebalanced}
    got = simulate(mean, sigma, weights, device=device, **given)
    cpu = simulate(mean, sigma, weights, device="cpu", **given)
    tolerance = TOLERANCE["simulate float32"][device]
    for name in ("mean", "volatility", "value_at_risk", "conditional_value_at_risk"):
        assert getattr(got, name) == pytest.approx(getattr(cpu, name), abs=tolerance), name
    for level, quantile in cpu.quantiles.items():
        assert got.quantiles[level] == pytest.approx(quantile, abs=tolerance)

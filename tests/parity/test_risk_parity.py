"""Risk budgets on both devices: shares of the variance, recomputed in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from portfolio_engine import kernels, risk_parity
from portfolio_engine._selftest import reference
from portfolio_engine._selftest.tolerance import TOLERANCE
from tests.parity.problems import SIZES, covariance


def risk_parity_batch(sigmas: np.ndarray, device: str) -> list[dict[str, Any]]:
    return kernels.risk_parity_batch(
        list(sigmas), [None] * len(sigmas), tolerance=1e-10, max_iterations=1000, device=device
    )


@pytest.mark.parametrize("n", [*SIZES, 128, 129])
def test_batch(device: str, n: int) -> None:
    sigmas = np.stack([covariance(n, seed) for seed in range(3)])
    for got, sigma in zip(risk_parity_batch(sigmas, device), sigmas, strict=True):
        assert got["status"] == "optimal"
        assert reference.risk_parity_error(sigma, got["weights"], np.ones(n)) <= TOLERANCE["risk_parity_batch"][device]


def test_batch_on_the_device_asked_for(device: str) -> None:
    results = risk_parity_batch(np.stack([covariance(20, seed) for seed in range(4)]), device)
    assert {result["device"] for result in results} == {device}, results[0]["device_reason"]


@pytest.mark.parametrize("n", [1, 33])
def test_single_with_budgets(device: str, n: int) -> None:
    sigma, budgets = covariance(n), np.arange(1.0, n + 1)
    got = risk_parity(sigma, budgets, device=device)
    assert reference.risk_parity_error(sigma, got.weights, budgets) <= TOLERANCE["risk_parity"][device]


def test_variances_of_six_decades(device: str) -> None:
    scale = np.logspace(-3, 3, 20)
    sigma = covariance(20) * np.outer(scale, scale)
    (got,) = risk_parity_batch(sigma[None], device)
    assert reference.risk_parity_error(sigma, got["weights"], np.ones(20)) <= TOLERANCE["risk_parity_batch"][device]

"""Batches of risk budgets on every device that is here: shares recomputed from the weights, degenerate members."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import available_devices
from portfolio_engine.risk_parity import risk_parity, risk_parity_batch
from tests.python.test_risk_parity import factor_model, shares

DEVICES = [device.name for device in available_devices() if device.available]
SIZES = (1, 2, 5, 31, 32, 33, 64)


@pytest.mark.parametrize("device", DEVICES)
def test_contributions_are_the_budgets(device: str) -> None:
    rng = np.random.default_rng(1)
    sigmas = [factor_model(n, n) * 10.0 ** rng.uniform(-8, 4) for n in SIZES]
    budgets = [10.0 ** rng.uniform(-4, 0, n) for n in SIZES]
    for got, sigma, b in zip(risk_parity_batch(sigmas, budgets, device=device), sigmas, budgets, strict=True):
        assert got.converged
        assert got.max_error <= 1e-10
        assert np.abs(shares(sigma, got.weights) - b / b.sum()).max() <= 1e-9
        assert got.weights.sum() == pytest.approx(1, abs=1e-13)
        assert got.device == device
        np.testing.assert_allclose(got.weights, risk_parity(sigma, b, device="cpu").weights, rtol=1e-7)


def test_the_cpu_batch_is_the_loop() -> None:
    sigmas = np.array([factor_model(20, seed) for seed in range(9)])
    for got, sigma in zip(risk_parity_batch(sigmas, device="cpu"), sigmas, strict=True):
        alone = risk_parity(sigma, device="cpu")
        np.testing.assert_array_equal(got.weights, alone.weights)
        assert (got.iterations, got.max_error, got.status) == (alone.iterations, alone.max_error, alone.status)


@pytest.mark.parametrize("device", DEVICES)
def test_one_covariance_for_many_budgets(device: str) -> None:
    sigma = factor_model(17)
    rng = np.random.default_rng(2)
    budgets = rng.uniform(0.1, 1, (12, 17))
    solved = risk_parity_batch([sigma] * 12, budgets, device=device)
    for got, b in zip(solved, budgets, strict=True):
        assert np.abs(shares(sigma, got.weights) - b / b.sum()).max() <= 1e-9
    assert {got.device for got in solved} == {device}


@pytest.mark.parametrize("device", DEVICES)
def test_degenerate_members(device: str) -> None:
    """Each gets the status it would get alone; the others are solved all the same."""
    x = np.random.default_rng(3).standard_normal((7, 30))
    twin = factor_model(6)
    twin[5, :], twin[:, 5] = twin[4, :], twin[:, 4]
    twin[5, 5] = twin[4, 4]
    members = {
        "plain": factor_model(10),
        "hedged": np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        "indefinite": np.array([[1, -0.9, -0.9], [-0.9, 1, -0.9], [-0.9, -0.9, 1]]),
        "few observations": np.cov(np.abs(x).T + 3 * np.random.default_rng(4).standard_normal((1, 7))),
        "duplicates": twin,
        "tiny": 1e-12 * factor_model(8),
    }
    solved = dict(zip(members, risk_parity_batch(list(members.values()), device=device), strict=True))
    for name, sigma in members.items():
        alone = risk_parity(sigma, device="cpu")
        assert solved[name].status == alone.status, name
        if alone.converged:
            n = len(sigma)
            assert np.abs(shares(sigma, solved[name].weights) - 1 / n).max() <= 1e-9, name
    assert solved["plain"].device == device
    if device == "metal":
        assert solved["hedged"].device == "cpu"
        assert solved["hedged"].device_reason != "requested"


@pytest.mark.parametrize("device", DEVICES)
def test_an_early_stop_is_the_same(device: str) -> None:
    got = risk_parity_batch([factor_model(10)], max_iterations=2, device=device)[0]
    assert (got.status, got.iterations) == ("max_iterations", 2)


def test_labels_and_errors() -> None:
    sigma = factor_model(3)
    frame = pd.DataFrame(sigma, index=list("abc"), columns=list("abc"))
    labelled, plain = risk_parity_batch([frame, sigma], [pd.Series({"c": 1.0, "a": 2.0, "b": 3.0}), None])
    assert list(labelled.weights.index) == list("abc")
    np.testing.assert_allclose(labelled.weights.to_numpy(), risk_parity(sigma, [2.0, 3.0, 1.0]).weights, rtol=1e-9)
    assert isinstance(plain.weights, np.ndarray)
    assert risk_parity_batch([]) == []
    with pytest.raises(ValueError, match=r"\[risk_parity_batch\] budgets: expected one entry for each of the 2"):
        risk_parity_batch([sigma, sigma], [None])
    with pytest.raises(ValueError, match=r"\[risk_parity_batch\] covariances: expected a list .* got shape \(3, 3\)"):
        risk_parity_batch(sigma)
    with pytest.raises(ValueError, match=r"\[risk_parity_batch\] covariance: expected positive variances .* asset 1"):
        risk_parity_batch([sigma, np.diag([1.0, 0.0])])
    with pytest.raises(ValueError, match=r"\[risk_parity_batch\] budgets: expected positive numbers"):
        risk_parity_batch([sigma], [[1.0, -1.0, 1.0]])
    frame.loc["b"] = frame["b"] = 0.0
    with pytest.raises(ValueError, match=r"covariances\[1\]: expected positive variances .* for asset b"):
        risk_parity_batch([sigma, frame])

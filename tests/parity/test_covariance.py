"""Covariances of both devices against the definition in float64."""

from __future__ import annotations

import numpy as np
import pytest

from portfolio_engine import covariance, covariance_batch
from portfolio_engine._selftest import reference
from portfolio_engine._selftest.tolerance import TOLERANCE
from tests.parity.problems import SIZES, returns


@pytest.mark.parametrize("assets", SIZES)
@pytest.mark.parametrize("rows", [2, 33, 100])
def test_sample(device: str, rows: int, assets: int) -> None:
    table = returns(rows, assets)
    got = covariance(table, device=device)
    assert reference.covariance_error(got.matrix, reference.covariance(table)) <= TOLERANCE["covariance"][device]
    assert (got.matrix == np.asarray(got.matrix).T).all()
    np.testing.assert_allclose(got.mean, table.mean(axis=0), atol=TOLERANCE["covariance"][device] * 0.03)
    assert got.device == device


@pytest.mark.parametrize("assets", [1, 32, 65])
def test_ledoit_wolf_with_weights(device: str, assets: int) -> None:
    table, weights = returns(61, assets), np.linspace(0.1, 2, 61)
    got = covariance(table, method="ledoit_wolf", weights=weights, device=device)
    expected = reference.covariance(table, "ledoit_wolf", weights)
    assert reference.covariance_error(got.matrix, expected) <= TOLERANCE["covariance"][device]


def test_a_large_common_level_costs_no_digits(device: str) -> None:
    """A level a thousand volatilities high: single precision has none left for the rest unless the data is centred."""
    table = 10 + returns(90, 33)
    got = covariance(table, device=device)
    assert reference.covariance_error(got.matrix, reference.covariance(table)) <= TOLERANCE["covariance"][device]


def test_float32_is_read_as_it_is(device: str) -> None:
    table = returns(70, 33).astype(np.float32)
    got = covariance(table, device=device)
    assert reference.covariance_error(got.matrix, reference.covariance(table)) <= TOLERANCE["covariance"][device]


@pytest.mark.parametrize("method", ["sample", "ledoit_wolf"])
def test_batch_of_unlike_universes(device: str, method: str) -> None:
    tables = [returns(rows, assets, seed) for seed, (rows, assets) in enumerate([(40, 31), (2, 1), (65, 33), (50, 8)])]
    results = covariance_batch(tables, method=method, device=device)
    for got, table in zip(results, tables, strict=True):
        expected = reference.covariance(table, method)
        assert reference.covariance_error(got.matrix, expected) <= TOLERANCE["covariance_batch"][device]
        assert got.device == device

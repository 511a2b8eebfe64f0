"""Frontiers on both devices: every point against the closed form on the assets it holds."""

from __future__ import annotations

import numpy as np
import pytest

from portfolio_engine import kernels
from portfolio_engine._selftest import reference
from portfolio_engine._selftest.tolerance import TOLERANCE
from tests.parity.problems import covariance, returns


@pytest.mark.parametrize(("n", "points"), [(2, 3), (31, 5), (33, 5), (64, 4)])
def test_long_only(device: str, n: int, points: int) -> None:
    sigma, mu = covariance(n), returns(2 * n + 20, n).mean(axis=0) * 252
    rows = (None, None, np.ones((1, n)), np.ones(1), np.zeros(n), np.ones(n))
    got = kernels.efficient_frontier(mu, sigma, *rows, points=points, tolerance=1e-9, device=device)
    assert got["status"] == "optimal"
    assert reference.frontier_error(got["weights"], mu, sigma) <= TOLERANCE["efficient_frontier"][device]
    np.testing.assert_allclose(np.diff(got["expected_return"], 2), 0, atol=1e-9)
    assert got["expected_return"][-1] == pytest.approx(mu.max(), abs=1e-9)
    risk = np.sqrt(np.einsum("pi,ij,pj->p", got["weights"], sigma, got["weights"]))
    np.testing.assert_allclose(got["expected_risk"], risk, rtol=1e-9)

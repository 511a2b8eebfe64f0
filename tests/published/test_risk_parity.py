"""Equal risk contribution portfolios printed in the literature.

Maillard, Roncalli and Teiletche, "The properties of equally weighted risk contribution portfolios", J. Portfolio
Management 36(4) (2010), p. 65; Bai, Scheinberg and Tutuncu, "Least-squares approach to risk parity in portfolio
selection" (2016).
"""

from __future__ import annotations

import numpy as np
import pytest

from portfolio_engine.risk_parity import risk_parity

CASES = {
    "mrt2010_ex1": (np.diag([0.01, 0.04, 0.09, 0.16]), [0.48, 0.24, 0.16, 0.12], 1e-8),
    "mrt2010_ex2": (
        [[0.01, 0.016, 0, 0], [0.016, 0.04, 0, 0], [0, 0, 0.09, -0.06], [0, 0, -0.06, 0.16]],
        [0.384, 0.192, 0.243, 0.182],
        5.1e-4,
    ),
    "bai_erc": (
        [
            [94.868, 33.75, 12.325, -1.178, 8.778],
            [33.75, 445.642, 98.955, -7.901, 84.954],
            [12.325, 98.955, 117.265, 0.503, 45.184],
            [-1.178, -7.901, 0.503, 5.46, 1.057],
            [8.778, 84.954, 45.184, 1.057, 34.126],
        ],
        [0.125, 0.047, 0.083, 0.613, 0.132],
        6e-4,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_printed_weights(case: str) -> None:
    covariance, printed, digits = CASES[case]
    got = risk_parity(covariance)
    assert got.converged
    np.testing.assert_allclose(got.weights, printed, rtol=0, atol=digits)
    share = got.weights * (np.asarray(covariance) @ got.weights)
    np.testing.assert_allclose(share / share.sum(), 1 / len(printed), rtol=1e-9)

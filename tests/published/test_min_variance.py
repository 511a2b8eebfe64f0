"""Worked examples with printed weights: least variance, target return, maximum Sharpe ratio, risk tolerance."""

from __future__ import annotations

import numpy as np

from portfolio_engine import Constraints, Moments, optimize

# Upper triangle by rows
CHOPRA_CORRELATIONS = [
    0.366, 0.3457, 0.1606, 0.2279, 0.5133, 0.5203, 0.2176, 0.3267, 0.5101, 0.5379,
    0.2165, 0.4986, 0.5823, 0.5569, 0.476, 0.6517, 0.5853, 0.2218, 0.4283, 0.4051,
    0.4492, 0.3867, 0.4883, 0.6569, 0.0569, 0.3609, 0.2325, 0.2289, 0.1726, 0.3814,
    0.3619, 0.4811, 0.5952, 0.4378, 0.4368, 0.6167, 0.4996, 0.5811, 0.5644, 0.6037,
    0.5671, 0.6032, 0.5012, 0.4772, 0.6039,
]  # fmt: skip

# Roncalli, "Understanding the Impact of Weights Constraints in Portfolio Theory", four assets
RONCALLI = Moments(
    [0.05, 0.03, 0.07, 0.07],
    [
        [0.0225, 0.003, 0.015, 0.0225],
        [0.003, 0.04, 0.035, 0.024],
        [0.015, 0.035, 0.0625, 0.06],
        [0.0225, 0.024, 0.06, 0.09],
    ],
)


def test_roncalli_long_only() -> None:
    weights = np.asarray(optimize(RONCALLI, "min_variance").weights)
    np.testing.assert_allclose(weights, [0.65487, 0.34513, 0.0, 0.0], atol=1e-5)
    assert (weights[2:] == 0.0).all()


def test_roncalli_with_a_minimum() -> None:
    weights = optimize(RONCALLI, "min_variance", Constraints(min_weight=0.1)).weights
    np.testing.assert_allclose(weights, [0.56195, 0.23805, 0.1, 0.1], atol=1e-5)


def test_roncalli_with_a_maximum() -> None:
    weights = optimize(RONCALLI, "min_variance", Constraints(max_weight=0.5)).weights
    np.testing.assert_allclose(weights, [0.5, 0.5, 0.0, 0.0], atol=1e-8)


def test_roncalli_target_return_with_a_maximum() -> None:
    for method in ("mean_variance", "min_variance"):
        weights = optimize(RONCALLI, method, Constraints(max_weight=0.4), target_return=0.06).weights
        np.testing.assert_allclose(weights, [0.4, 0.05, 0.4, 0.15], atol=1e-9)


def test_bai() -> None:
    """Bai, Scheinberg and Tutuncu 2016, "Least-squares approach to risk parity in portfolio selection"."""
    sigma = [
        [94.868, 33.75, 12.325, -1.178, 8.778],
        [33.75, 445.642, 98.955, -7.901, 84.954],
        [12.325, 98.955, 117.265, 0.503, 45.184],
        [-1.178, -7.901, 0.503, 5.46, 1.057],
        [8.778, 84.954, 45.184, 1.057, 34.126],
    ]
    moments = Moments(np.zeros(5), sigma)
    np.testing.assert_allclose(optimize(moments, "min_variance").weights, [0.05, 0.006, 0.0, 0.862, 0.082], atol=6e-4)
    shares = optimize(moments, "risk_parity")
    np.testing.assert_allclose(shares.weights, [0.125, 0.047, 0.083, 0.613, 0.132], atol=6e-4)


def test_kopman_and_liu() -> None:
    """Kopman and Liu, "Maximizing the Sharpe Ratio and Information Ratio in the Barra Optimizer"."""
    moments = Moments([0.05, 0.1], [[0.05, 0.02], [0.02, 0.07]])
    allocation = optimize(moments, "max_sharpe")
    np.testing.assert_allclose(allocation.weights, [3 / 11, 8 / 11], atol=1e-10)
    np.testing.assert_allclose(allocation.weights, [0.2727, 0.7273], atol=5e-5)


def test_chopra_and_ziemba() -> None:
    """Chopra and Ziemba 1993, "The Effect of Errors in Means, Variances, and Covariances", risk tolerance 50.

    Ten stocks of the Dow Jones, monthly, in percent; they maximise mu'w - w'Sigma w / t, our risk aversion 2 / t.
    """
    mean = [1.5617, 1.9477, 1.907, 1.5801, 2.1643, 1.601, 1.4892, 1.6248, 1.4075, 1.4537]
    deviation = [8.8308, 8.4585, 10.04, 8.6215, 5.9886, 6.8767, 5.8162, 5.6385, 8.0047, 8.2125]
    correlation = np.eye(10)
    correlation[np.triu_indices(10, 1)] = CHOPRA_CORRELATIONS
    sigma = (correlation + np.triu(correlation, 1).T) * np.outer(deviation, deviation)
    weights = optimize(Moments(mean, sigma), risk_aversion=2 / 50).weights
    np.testing.assert_allclose(weights, [0.035, 0.0082, 0, 0.1626, 0.794, 0, 0, 0, 0, 0], atol=1e-4)

"""Corner portfolios printed for the critical line algorithm: our frontier bends exactly there."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from portfolio_engine import Allocation, Constraints, Moments, efficient_frontier, estimate_moments, optimize

# Bailey and Lopez de Prado 2013, "An Open-Source Implementation of the Critical-Line Algorithm", inputs and table 1
TEN_MU = np.array([1.175, 1.19, 0.396, 1.12, 0.346, 0.679, 0.089, 0.73, 0.481, 1.08])
TEN_LOWER = """
0.40755159
0.03175842 0.9063047
0.05183923 0.03136385 0.19490901
0.05663904 0.02687256 0.04408485 0.19528471
0.0330226 0.01917172 0.03006772 0.02777345 0.34059105
0.00827775 0.00934384 0.01322738 0.00526665 0.00777055 0.15983874
0.02165938 0.02495043 0.03525971 0.01375808 0.02067844 0.02105575 0.68056711
0.01332419 0.00761036 0.0115493 0.00780878 0.00736409 0.00518686 0.01377882 0.95526918
0.0343476 0.02874874 0.0427563 0.02914176 0.02542657 0.01723737 0.04627027 0.0106553 0.31681584
0.02249903 0.01336866 0.02057303 0.01640377 0.01284075 0.00723779 0.01926088 0.00760955 0.01854318 0.11079287
"""
# return, risk, lambda, weights
TEN_CORNERS = np.array([
    [1.190, 0.952, 58.303, 0.000, 1.000, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000],
    [1.180, 0.546, 4.174, 0.649, 0.351, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000],
    [1.160, 0.417, 1.946, 0.434, 0.231, 0.000, 0.335, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000],
    [1.111, 0.267, 0.165, 0.127, 0.072, 0.000, 0.281, 0.000, 0.000, 0.000, 0.000, 0.000, 0.520],
    [1.108, 0.265, 0.147, 0.123, 0.070, 0.000, 0.279, 0.000, 0.000, 0.000, 0.006, 0.000, 0.521],
    [1.022, 0.230, 0.056, 0.087, 0.050, 0.000, 0.224, 0.000, 0.174, 0.000, 0.030, 0.000, 0.435],
    [1.015, 0.228, 0.052, 0.085, 0.049, 0.000, 0.220, 0.000, 0.180, 0.000, 0.031, 0.006, 0.429],
    [0.973, 0.220, 0.037, 0.074, 0.044, 0.000, 0.199, 0.026, 0.198, 0.000, 0.033, 0.028, 0.398],
    [0.950, 0.216, 0.031, 0.068, 0.041, 0.015, 0.188, 0.034, 0.202, 0.000, 0.034, 0.034, 0.383],
    [0.803, 0.205, 0.000, 0.037, 0.027, 0.095, 0.126, 0.077, 0.219, 0.030, 0.036, 0.061, 0.292],
])  # fmt: skip

# Markowitz and Todd 2000, "Mean-Variance Analysis in Portfolio Choice and Capital Markets", chapter 13: annual returns
TODD_RETURNS = np.array([
    [-0.173, -0.318, -0.319], [0.098, 0.285, 0.076], [0.200, -0.047, 0.381], [0.030, 0.104, -0.051],
    [-0.183, -0.171, 0.087], [0.067, -0.039, 0.262], [0.300, 0.149, 0.341], [0.103, 0.260, 0.227],
    [0.216, 0.419, 0.352], [-0.046, -0.078, 0.153], [-0.071, 0.169, -0.099], [0.056, -0.035, 0.038],
    [0.038, 0.133, 0.273], [0.089, 0.732, 0.091], [0.090, 0.021, 0.054], [0.083, 0.131, 0.109],
    [0.035, 0.006, 0.210], [0.176, 0.908, 0.112],
])  # fmt: skip
# lambda of each corner with bounds [0.1, 0.5], weights
TODD_CORNERS = [
    (1.7567, [0.1000, 0.5000, 0.4000]),
    (1.2203, [0.1000, 0.4000, 0.5000]),
    (0.3142, [0.1000, 0.4000, 0.5000]),
    (0.0973, [0.3764, 0.1236, 0.5000]),
    (0.0853, [0.4644, 0.1000, 0.4356]),
    (0.0770, [0.5000, 0.1000, 0.4000]),
]

# Sharpe, Macro-Investment Analysis, "Optimization: mia_opt3": three assets, bounds [0.2, 0.5]
SHARPE = Moments([2.8, 6.3, 10.8], [[1.0, 2.96, 2.31], [2.96, 54.76, 39.886], [2.31, 39.886, 237.16]])


def ten() -> Moments:
    rows = [[float(cell) for cell in line.split()] for line in TEN_LOWER.split("\n") if line]
    sigma = np.array([row + [0.0] * (10 - len(row)) for row in rows])
    return Moments(TEN_MU, sigma + np.tril(sigma, -1).T)


def pattern(allocation: Allocation, lower: float, upper: float) -> tuple[float, ...]:
    w = np.asarray(allocation.weights)
    return tuple(np.where(w <= lower, -1, np.where(w >= upper, 1, 0)))


def corner(solve: Callable[[float], Allocation], low: float, high: float, lower: float, upper: float) -> float:
    """The parameter at which the active set changes between `low` and `high`."""
    start = pattern(solve(low), lower, upper)
    assert pattern(solve(high), lower, upper) != start
    for _ in range(45):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if pattern(solve(middle), lower, upper) == start else (low, middle)
    return low


def test_ten_assets() -> None:
    moments = ten()
    returns = TEN_CORNERS[:, 3:] @ TEN_MU
    middles = 0.5 * (returns[1:] + returns[:-1])
    answers = [optimize(moments, target_return=2.0)]
    for above, below in pairwise(middles):
        target = corner(lambda r: optimize(moments, target_return=r), below, above, 0.0, 1.0)
        answers.append(optimize(moments, target_return=target))
    answers.append(optimize(moments, "min_variance"))
    for answer, row in zip(answers, TEN_CORNERS, strict=True):
        np.testing.assert_allclose(answer.weights, row[3:], atol=5.001e-4)
        assert answer.expected_return == pytest.approx(row[0], abs=5.001e-4)
        assert answer.expected_risk == pytest.approx(row[1], abs=5.001e-4)
    for answer, row in list(zip(answers, TEN_CORNERS, strict=True))[1:-1]:
        assert answer.shadow_prices["target_return"] / 2 == pytest.approx(row[2], abs=5.001e-4)


def test_ten_assets_all_corners_of_one_run() -> None:
    corners = efficient_frontier(ten(), 2).corners
    got = np.column_stack([corners.expected_return, corners.expected_risk, 1.0 / corners.risk_aversion])
    np.testing.assert_allclose(got[::-1], TEN_CORNERS[:, :3], atol=5.001e-4)
    np.testing.assert_allclose(np.asarray(corners.weights)[::-1], TEN_CORNERS[:, 3:], atol=5.001e-4)
    np.testing.assert_array_equal(np.asarray(corners.weights)[::-1] > 0, TEN_CORNERS[:, 3:] > 0)


def test_ten_assets_maxima_read_off_the_corners() -> None:
    frontier = efficient_frontier(ten(), 2)
    assert frontier.at_max_sharpe(0.0).sharpe_ratio == pytest.approx(4.4535, abs=5e-5)
    assert frontier.corners.expected_risk[0] == pytest.approx(0.2052, abs=5e-5)


def test_three_assets_with_bounds_all_corners_of_one_run() -> None:
    moments = estimate_moments(TODD_RETURNS, covariance_method="sample", periods_per_year=1)
    corners = efficient_frontier(moments, 2, Constraints(min_weight=0.1, max_weight=0.5)).corners
    printed = np.array([[value, *weights] for value, weights in TODD_CORNERS])[::-1]
    got = np.column_stack([1.0 / corners.risk_aversion, np.asarray(corners.weights)])
    np.testing.assert_allclose(got[1:], printed, atol=5.001e-5)
    np.testing.assert_allclose(got[0], [0.0, 0.5, 0.1, 0.4], atol=1e-12)  # least variance, where lambda is 0


def test_ten_assets_global_maxima() -> None:
    """The paper's figure 4 and section 5: the maximum Sharpe ratio is 4.4535, the least risk 0.2052."""
    assert optimize(ten(), "max_sharpe").sharpe_ratio == pytest.approx(4.4535, abs=5e-5)
    assert optimize(ten(), "min_variance").expected_risk == pytest.approx(0.2052, abs=5e-5)


def test_three_assets_with_bounds() -> None:
    moments = estimate_moments(TODD_RETURNS, covariance_method="sample", periods_per_year=1)
    bounds = Constraints(min_weight=0.1, max_weight=0.5)

    def solve(tolerance: float) -> Allocation:
        """Least variance / 2 - lambda x return."""
        return optimize(moments, constraints=bounds, risk_aversion=1.0 / tolerance)

    lambdas = [2.5, *(value for value, _ in TODD_CORNERS), 0.05]
    for k, (printed, weights) in enumerate(TODD_CORNERS, start=1):
        below, above = 0.5 * (lambdas[k] + lambdas[k + 1]), 0.5 * (lambdas[k] + lambdas[k - 1])
        exact = corner(solve, below, above, 0.1, 0.5)
        assert exact == pytest.approx(printed, abs=5.001e-5)
        np.testing.assert_allclose(solve(exact).weights, weights, atol=5.001e-5)
    np.testing.assert_allclose(optimize(moments, "min_variance", bounds).weights, [0.5, 0.1, 0.4], atol=1e-9)


SHARPE_ANSWERS = pytest.mark.parametrize(
    ("risk_tolerance", "weights"),
    [
        (20.898844, [0.2, 0.3, 0.5]),
        (11.3, [0.2, 0.5, 0.3]),
        (10.510888123471753, [0.2218073778034857, 0.5, 0.27819262219651436]),
        (7.551921700040866, [0.45191561095218635, 0.3480843890478137, 0.2]),
        (1e-6, [0.5, 0.3, 0.2]),
    ],
)


@SHARPE_ANSWERS
def test_sharpe_macro_investment_analysis(risk_tolerance: float, weights: list[float]) -> None:
    allocation = optimize(
        SHARPE, constraints=Constraints(min_weight=0.2, max_weight=0.5), risk_aversion=1.0 / risk_tolerance
    )
    np.testing.assert_allclose(allocation.weights, weights, atol=1e-9)


@SHARPE_ANSWERS
def test_sharpe_read_off_the_corners(risk_tolerance: float, weights: list[float]) -> None:
    frontier = efficient_frontier(SHARPE, 2, Constraints(min_weight=0.2, max_weight=0.5))
    np.testing.assert_allclose(frontier.at_risk_aversion(1.0 / risk_tolerance).weights, weights, atol=1e-9)

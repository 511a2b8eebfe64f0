"""Corners of the frontier and the portfolios read off between them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import (
    CancelledError,
    CancelToken,
    Constraints,
    FactorCovariance,
    Frontier,
    Moments,
    efficient_frontier,
    optimize,
)
from tests.python.portfolios import factor_moments, nasty_moments
from tests.python.test_frontier import TEN, TIGHT

RULES = [Constraints(), Constraints(max_weight=0.25), Constraints(min_weight=-0.2), TIGHT]


@pytest.mark.parametrize("rules", RULES)
def test_readings_are_what_optimize_answers(rules: Constraints) -> None:
    frontier = efficient_frontier(TEN, 3, rules, risk_free_rate=0.01)
    low, high = frontier.corners.expected_return[[0, -1]]
    calm, bold = frontier.corners.expected_risk[[0, -1]]
    for share in (0.01, 0.37, 0.9):
        target, cap = low + share * (high - low), calm + share * (bold - calm)
        by_return, single = frontier.at_return(target), optimize(TEN, constraints=rules, target_return=target)
        np.testing.assert_allclose(by_return.weights, single.weights, atol=1e-7)
        assert by_return.expected_return == pytest.approx(target, rel=1e-12)
        by_risk, single = frontier.at_volatility(cap), optimize(TEN, constraints=rules, max_volatility=cap)
        np.testing.assert_allclose(by_risk.weights, single.weights, atol=1e-7)
        assert by_risk.expected_risk == pytest.approx(cap, rel=1e-10)
        aversion = by_return.risk_aversion
        single = optimize(TEN, constraints=rules, risk_aversion=aversion)
        np.testing.assert_allclose(frontier.at_risk_aversion(aversion).weights, single.weights, atol=1e-7)
    best = frontier.at_max_sharpe()
    np.testing.assert_allclose(best.weights, frontier.max_sharpe.weights, atol=1e-6)
    assert best.sharpe_ratio == pytest.approx(frontier.max_sharpe.sharpe_ratio, rel=1e-9)
    np.testing.assert_allclose(frontier.at_risk_aversion(math.inf).weights, frontier.min_variance.weights, atol=1e-7)


@pytest.mark.parametrize("rate", [-0.05, 0.0, 0.03, 0.07])
def test_no_portfolio_has_a_higher_sharpe_ratio(rate: float) -> None:
    frontier = efficient_frontier(TEN, 400)
    best = frontier.at_max_sharpe(rate)
    ratios = (frontier.expected_return - rate) / frontier.expected_risk
    assert best.sharpe_ratio >= ratios.max()
    assert best.sharpe_ratio == pytest.approx(ratios.max(), rel=1e-3)
    assert best.sharpe_ratio == pytest.approx(optimize(TEN, "max_sharpe", risk_free_rate=rate).sharpe_ratio, rel=1e-9)


def test_the_capital_market_line_through_a_riskless_asset() -> None:
    """Cash at the risk-free rate: every mix of it has the same ratio, and the answer is one without cash."""
    sigma = np.zeros((6, 6))
    sigma[1:, 1:] = factor_moments(2, 5).Sigma
    frontier = efficient_frontier(Moments(np.append(0.02, factor_moments(2, 5).mu.clip(0.03)), sigma), 5)
    best = frontier.at_max_sharpe(0.02)
    ratios = (frontier.expected_return - 0.02)[1:] / frontier.expected_risk[1:]
    assert best.sharpe_ratio == pytest.approx(ratios.max())
    assert best.weights[0] == 0.0
    assert math.isnan(frontier.at_max_sharpe(0.01).sharpe_ratio)  # excess return without risk


@pytest.mark.parametrize("name", nasty_moments())
def test_nasty_moments(name: str) -> None:
    moments = nasty_moments()[name]
    corners = efficient_frontier(moments, 2).corners
    assert len(corners) >= 1
    assert corners.risk_aversion[0] == math.inf
    assert (np.diff(corners.risk_aversion[1:]) < 0).all()
    assert np.diff(corners.expected_return).min(initial=0.0) >= 0
    assert (np.asarray(corners.weights) >= 0).all()
    np.testing.assert_allclose(np.asarray(corners.weights).sum(axis=1), 1.0, atol=1e-12)


def test_one_point_when_nothing_is_left_to_choose() -> None:
    frontier = efficient_frontier(Moments(np.full(4, 0.07), np.diag([0.01, 0.02, 0.04, 0.08])), 6)
    assert len(frontier.corners) == 1
    np.testing.assert_array_equal(np.asarray(frontier.weights), np.tile(frontier.corners.weights, (6, 1)))
    for point in (frontier.at_return(0.07), frontier.at_risk_aversion(1.0), frontier.at_max_sharpe()):
        np.testing.assert_array_equal(point.weights, frontier.corners.weights[0])


def test_turnover_bends_only_where_the_weights_do() -> None:
    rules = Constraints(turnover=0.6, current_weights=[0.1] * 10)
    corners = efficient_frontier(TEN, 4, rules).corners
    t, table = 1 / corners.risk_aversion, np.asarray(corners.weights)
    assert len(corners) > 3
    assert np.abs(table - 0.1).sum(axis=1).max() <= 0.6 + 1e-9
    for k in range(1, len(t) - 1):
        share = (t[k] - t[k - 1]) / (t[k + 1] - t[k - 1])
        assert np.abs(table[k] - table[k - 1] - share * (table[k + 1] - table[k - 1])).max() > 1e-12


def test_labels_and_exact_zeros() -> None:
    names = [f"A{k}" for k in range(10)]
    moments = Moments(pd.Series(TEN.mu, names), pd.DataFrame(TEN.Sigma, names, names))
    frontier = efficient_frontier(moments, 5)
    assert list(frontier.corners.weights.columns) == names
    assert list(frontier.at_return(frontier.corners.expected_return.mean()).weights.index) == names
    assert (frontier.corners.weights.iloc[-1] == 0).sum() == 9
    assert "Moments" not in repr(frontier.corners)


def test_factor_covariance() -> None:
    rng = np.random.default_rng(4)
    factors = FactorCovariance(rng.normal(0, 0.2, (12, 2)), specific_variance=rng.uniform(0.01, 0.05, 12))
    mu = rng.normal(0.08, 0.05, 12)
    given, dense = efficient_frontier(Moments(mu, factors), 5), efficient_frontier(Moments(mu, np.asarray(factors)), 5)
    np.testing.assert_allclose(given.corners.weights, dense.corners.weights, atol=1e-12)


@pytest.fixture(scope="module")
def frontier() -> Frontier:
    return efficient_frontier(TEN, 3)


def test_errors_say_what_the_frontier_reaches(frontier: Frontier) -> None:
    low, high = frontier.corners.expected_return[[0, -1]]
    with pytest.raises(
        ValueError, match=rf"\[Frontier.at_return\] expected_return: expected {low:.6g} to {high:.6g}, "
    ):
        frontier.at_return(high + 0.01)
    with pytest.raises(ValueError, match=r"\[Frontier.at_volatility\] volatility: expected .* got 0.001"):
        frontier.at_volatility(0.001)
    with pytest.raises(ValueError, match=rf"\[Frontier.at_max_sharpe\] risk_free_rate: expected less than {high:.6g}"):
        frontier.at_max_sharpe(high + 0.01)
    for bad in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match=r"\[Frontier.at_risk_aversion\] risk_aversion: expected a number > 0"):
            frontier.at_risk_aversion(bad)
    with pytest.raises(ValueError, match=r"\[Frontier.at_return\] expected_return: expected .* got nan"):
        frontier.at_return(math.nan)
    assert frontier.at_return(high * (1 + 1e-13)).expected_return == high  # rounding is no error


def test_what_ends_it_early() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError, match=r"\[efficient_frontier\]"):
        efficient_frontier(TEN, 5, cancel=token)
    with pytest.raises(TimeoutError, match=r"\[efficient_frontier\] time_limit"):
        efficient_frontier(TEN, 5, time_limit=0.0)
    with pytest.raises(
        ValueError, match=r"\[efficient_frontier\] constraints: expected linear ones, got tracking_error"
    ):
        efficient_frontier(TEN, 5, Constraints(tracking_error=0.05, benchmark_weights=[0.1] * 10))

"""Black-Litterman: prior, views, confidences, and the algebra against the textbook form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import Moments, View, black_litterman, optimize
from tests.python.portfolios import factor_moments

TAU, DELTA = 0.05, 2.5


def test_without_views_the_market_is_optimal() -> None:
    moments = factor_moments(0, 6)
    market = np.array([0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    prior = black_litterman(moments, market_weights=market)
    np.testing.assert_allclose(prior.mu, DELTA * moments.Sigma @ market, rtol=1e-13)
    np.testing.assert_array_equal(prior.Sigma, moments.Sigma)
    weights = optimize(moments, "black_litterman", market_weights=market).weights
    np.testing.assert_allclose(weights, market, atol=1e-12)
    np.testing.assert_allclose(optimize(moments, "black_litterman").weights, np.full(6, 1 / 6), atol=1e-12)


def test_the_risk_free_rate_is_part_of_expected_returns() -> None:
    moments = factor_moments(0, 4)
    difference = black_litterman(moments, risk_free_rate=0.03).mu - black_litterman(moments).mu
    np.testing.assert_allclose(difference, 0.03, rtol=1e-12)


def test_posterior_equals_the_precision_form() -> None:
    """He and Litterman's equation with inverses: a different route to the same numbers."""
    moments = factor_moments(2, 5)
    views = [View({"0": 1.0}, 0.15, 0.7), View({"1": 1.0, "2": -0.6, "3": -0.4}, 0.04)]
    P = np.array([[1, 0, 0, 0, 0], [0, 1, -0.6, -0.4, 0]], dtype=float)
    prior, q = TAU * moments.Sigma, np.array([0.15, 0.04])
    omega = np.diag(np.diag(P @ prior @ P.T) * np.array([0.3 / 0.7, 1.0]))
    pi = DELTA * moments.Sigma @ np.full(5, 0.2)
    precision = np.linalg.inv(prior) + P.T @ np.linalg.inv(omega) @ P
    M = np.linalg.inv(precision)
    posterior = black_litterman(moments, views=views)
    np.testing.assert_allclose(
        posterior.mu, M @ (np.linalg.inv(prior) @ pi + P.T @ np.linalg.inv(omega) @ q), rtol=1e-9
    )
    np.testing.assert_allclose(posterior.Sigma, moments.Sigma + M, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("confidence", [0.1, 0.5, 0.9, 1.0])
def test_confidence_is_the_share_of_the_way(confidence: float) -> None:
    """Idzorek: with one view, its portfolio's mean moves that share from the prior to the view."""
    moments = factor_moments(3, 5)
    p = np.array([1.0, -0.5, -0.5, 0.0, 0.0])
    pi = black_litterman(moments).mu
    view = {"weights": {"0": 1.0, "1": -0.5, "2": -0.5}, "return": 0.08, "confidence": confidence}
    mean = p @ black_litterman(moments, views=[view]).mu
    assert mean == pytest.approx(p @ pi + confidence * (0.08 - p @ pi), rel=1e-10)


def test_certain_views_that_repeat_are_one_and_that_contradict_are_refused() -> None:
    moments = factor_moments(3, 4)
    view = View({"0": 1.0}, 0.2, 1.0)
    once, twice = (black_litterman(moments, views=[view] * k) for k in (1, 2))
    np.testing.assert_allclose(once.mu, twice.mu, rtol=1e-9)
    np.testing.assert_allclose(once.Sigma, twice.Sigma, rtol=1e-9, atol=1e-14)
    assert once.mu[0] == pytest.approx(0.2, rel=1e-12)
    with pytest.raises(ValueError, match="contradict each other"):
        black_litterman(moments, views=[view, View({"0": 1.0}, 0.1, 1.0)])


def test_a_basket_is_the_mean_of_its_assets() -> None:
    moments = factor_moments(4, 4)
    basket = black_litterman(moments, views=[{"assets": ["0", "1"], "return": 0.1}])
    spelled = black_litterman(moments, views=[View({"0": 0.5, "1": 0.5}, 0.1)])
    np.testing.assert_array_equal(basket.mu, spelled.mu)


def test_labels_and_a_bare_covariance() -> None:
    moments = factor_moments(5, 3)
    names = ["AAA", "BBB", "CCC"]
    frame = pd.DataFrame(moments.Sigma, index=names, columns=names)
    posterior = black_litterman(
        frame, views=[View({"BBB": 1.0}, 0.1)], market_weights=pd.Series({"CCC": 2.0, "AAA": 6.0, "BBB": 2.0})
    )
    assert list(posterior.expected_returns.index) == names
    prior = DELTA * moments.Sigma @ np.array([0.6, 0.2, 0.2])
    np.testing.assert_allclose(black_litterman(frame, market_weights={"AAA": 3, "BBB": 1, "CCC": 1}).mu, prior)
    assert posterior.method == "black_litterman"


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ([View({"AAAA": 1.0}, 0.1)], "did you mean 'AAA'"),
        ([View({}, 0.1)], "at least one weight"),
        ([View({"AAA": 1.0}, 0.1, 0.0)], r"views\[0\].confidence: expected 0 < c <= 1, got 0"),
        ([View({"AAA": 1.0}, 0.1, 1.5)], "confidence"),
        ([View({"AAA": 1.0}, np.nan)], "return"),
        ([View({"AAA": 1.0}, 12.0)], "did you mean 0.12"),
        ([{"assets": ["AAA"], "returns": 0.1}], "did you mean 'return'"),
        ([{"return": 0.1}], 'one of "assets" and "weights"'),
        ([{"assets": ["AAA"]}], 'the key "return"'),
        ([3], "expected a View or a mapping"),
    ],
)
def test_bad_views(views: list[View], message: str) -> None:
    moments = Moments([0.1, 0.1], np.diag([0.04, 0.09]), names=("AAA", "BBB"))
    with pytest.raises(ValueError, match=message):
        black_litterman(moments, views=views)


@pytest.mark.parametrize(
    "options", [{"tau": 0.0}, {"risk_aversion": -1.0}, {"market_weights": [-1.0, 2.0]}, {"market_weights": [1.0]}]
)
def test_bad_arguments(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        black_litterman(Moments([0.1, 0.1], np.diag([0.04, 0.09])), **options)

"""He and Litterman 1999, "The Intuition Behind Black-Litterman Model Portfolios", tables 1 to 5, in percent."""

from __future__ import annotations

import numpy as np
import pytest

from portfolio_engine import Constraints, Moments, View, black_litterman, optimize

COUNTRIES = ("Australia", "Canada", "France", "Germany", "Japan", "UK", "USA")
CORRELATION = np.array([
    [1.0, 0.488, 0.478, 0.515, 0.439, 0.512, 0.491],
    [0.488, 1.0, 0.664, 0.655, 0.31, 0.608, 0.779],
    [0.478, 0.664, 1.0, 0.861, 0.355, 0.783, 0.668],
    [0.515, 0.655, 0.861, 1.0, 0.354, 0.777, 0.653],
    [0.439, 0.31, 0.355, 0.354, 1.0, 0.405, 0.306],
    [0.512, 0.608, 0.783, 0.777, 0.405, 1.0, 0.652],
    [0.491, 0.779, 0.668, 0.653, 0.306, 0.652, 1.0],
])  # fmt: skip
VOLATILITY = np.array([0.16, 0.203, 0.248, 0.271, 0.21, 0.2, 0.187])
MARKET = np.array([0.016, 0.022, 0.052, 0.055, 0.116, 0.124, 0.615])
DELTA, TAU = 2.5, 0.05
EQUILIBRIUM = [3.9, 6.9, 8.4, 9.0, 4.3, 6.8, 7.6]
FRANCE_SHARE = 0.052 / (0.052 + 0.124)  # by market weight, printed as 29.5 %
GERMANY = View({"Germany": 1.0, "France": -FRANCE_SHARE, "UK": FRANCE_SHARE - 1.0}, 0.05)
CANADA = View({"Canada": 1.0, "USA": -1.0}, 0.03)
PRINTED = 0.05 + 1e-9  # percentage points: half of the last printed digit

TABLES = {
    "table 4": (
        [GERMANY],
        [4.3, 7.6, 9.3, 11.0, 4.5, 7.0, 8.1],
        [1.5, 2.1, -4.0, 35.4, 11.0, -9.5, 58.6],
        [0.0, 0.0, -8.9, 30.2, 0.0, -21.3, 0.0],
    ),
    "table 5": (
        [GERMANY, CANADA],
        [4.4, 8.7, 9.5, 11.2, 4.6, 7.0, 7.5],
        [1.5, 41.9, -3.4, 33.6, 11.0, -8.2, 18.8],
        [0.0, 39.8, -8.4, 28.4, 0.0, -20.0, -39.8],
    ),
}


def market() -> Moments:
    return Moments(np.zeros(7), CORRELATION * np.outer(VOLATILITY, VOLATILITY), names=COUNTRIES)


def posterior(views: list[View]) -> Moments:
    return black_litterman(market(), views=views, market_weights=MARKET, risk_aversion=DELTA, tau=TAU)


def unconstrained(moments: Moments) -> np.ndarray:
    """(delta Sigma)^-1 mu through the optimiser: the budget is what the portfolio without one adds up to."""
    budget = float(np.linalg.solve(DELTA * moments.Sigma, moments.mu).sum())
    free = Constraints(min_weight=-np.inf, max_weight=np.inf, budget=budget)
    return np.asarray(optimize(moments, constraints=free, risk_aversion=DELTA).weights)


def test_equilibrium_returns() -> None:
    np.testing.assert_allclose(100 * posterior([]).mu, EQUILIBRIUM, atol=PRINTED)


@pytest.mark.parametrize("table", TABLES)
def test_posterior_returns_and_optimal_portfolio(table: str) -> None:
    views, mean, weights, deviation = TABLES[table]
    moments = posterior(views)
    np.testing.assert_allclose(100 * moments.mu, mean, atol=PRINTED)
    w = unconstrained(moments)
    np.testing.assert_allclose(100 * w, weights, atol=PRINTED)
    np.testing.assert_allclose(100 * (w - MARKET / (1 + TAU)), deviation, atol=PRINTED)


def test_deviations_are_the_view_portfolios() -> None:
    """Table 5's lambda: the tilt is a combination of the view portfolios with weights 0.298 and 0.418."""
    P = np.array([[view.weights.get(country, 0.0) for country in COUNTRIES] for view in (GERMANY, CANADA)])
    tilt = (1 + TAU) * unconstrained(posterior([GERMANY, CANADA])) - MARKET
    weights = np.linalg.lstsq(P.T, tilt, rcond=None)[0]
    np.testing.assert_allclose(weights @ P, tilt, atol=1e-10)
    np.testing.assert_allclose(weights, [0.298, 0.418], atol=5e-4)


def test_the_traditional_approach() -> None:
    """Table 3: German returns raised and the others lowered by hand give the extreme portfolio that views avoid."""
    base = posterior([])
    mean = base.mu.copy()
    france, germany, uk = (COUNTRIES.index(name) for name in ("France", "Germany", "UK"))
    missing = 0.05 - (mean[germany] - FRANCE_SHARE * mean[france] - (1 - FRANCE_SHARE) * mean[uk])
    others = MARKET[france] + MARKET[uk]
    mean[germany] += missing * others / (others + MARKET[germany])  # the European index keeps its return
    mean[[france, uk]] -= missing * MARKET[germany] / (others + MARKET[germany])
    np.testing.assert_allclose(100 * mean, [3.9, 6.9, 7.6, 11.5, 4.3, 6.0, 7.6], atol=PRINTED)
    w = unconstrained(Moments(mean, base.Sigma))
    np.testing.assert_allclose(100 * w, [-5.1, -2.3, -50.1, 83.6, 14.9, -22.8, 66.6], atol=PRINTED)

"""Risk budgeting: the defining equations, recomputed from the weights, over easy and nasty matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_engine.risk_parity import risk_parity


def shares(sigma: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Shares of the variance, computed on the scaled matrix so that units of 1e-10 do not round the check."""
    d = np.sqrt(np.diag(sigma))
    y = w * d / np.max(w * d)
    part = y * ((sigma / np.outer(d, d)) @ y)
    return part / part.sum()


def factor_model(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    b = rng.standard_normal((n, 3))
    return b @ b.T + np.diag(rng.uniform(0.05, 1, n))


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 25),
    rows=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
    units=st.floats(0, 8),
    spread=st.floats(0, 6),
)
def test_contributions_are_the_budgets(n: int, rows: int, seed: int, units: float, spread: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, n)) + rng.standard_normal((rows, 1))
    d = 10 ** rng.uniform(-units, units, n)
    sigma = (x.T @ x / rows + 1e-3 * np.eye(n)) * np.outer(d, d)
    b = 10 ** rng.uniform(-spread, 0, n)
    got = risk_parity(sigma, b)
    assert got.converged, got.status
    assert np.abs(shares(sigma, got.weights) - b / b.sum()).max() <= 1e-9
    assert (got.weights > 0).all()
    assert got.weights.sum() == pytest.approx(1, abs=1e-13)
    assert got.volatility == pytest.approx(np.sqrt(got.weights @ sigma @ got.weights), rel=1e-7)
    assert got.risk_contributions.sum() == pytest.approx(got.volatility, rel=1e-9)


def test_tiny_budgets_are_met_relatively() -> None:
    sigma = factor_model(10)
    b = np.full(10, 0.1)
    b[3] = 1e-6
    got = risk_parity(sigma, b)
    assert got.converged
    np.testing.assert_allclose(shares(sigma, got.weights), b / b.sum(), rtol=1e-9)


def test_two_assets_in_closed_form() -> None:
    """Maillard, Roncalli and Teiletche 2010: two assets get inverse volatility weights."""
    for rho in (-0.999999, -0.5, 0.0, 0.9, 1.0):
        got = risk_parity([[0.04, rho * 0.06], [rho * 0.06, 0.09]])
        np.testing.assert_allclose(got.weights, [0.6, 0.4], rtol=1e-12)


def test_against_an_independent_solver() -> None:
    """SciPy on Roncalli's log-barrier form of the problem."""
    sigma = factor_model(6, seed=4)
    b = np.array([0.3, 0.1, 0.2, 0.25, 0.1, 0.05])

    def objective(u: np.ndarray) -> tuple[float, np.ndarray]:
        y = np.exp(u)
        return 0.5 * y @ sigma @ y - b @ u, y * (sigma @ y) - b

    y = np.exp(scipy.optimize.minimize(objective, np.zeros(6), jac=True, options={"gtol": 1e-11}).x)
    np.testing.assert_allclose(risk_parity(sigma, b).weights, y / y.sum(), rtol=1e-7)


def test_properties() -> None:
    sigma = factor_model(15)
    w = risk_parity(sigma).weights
    np.testing.assert_allclose(risk_parity(sigma * 1e-12).weights, w, rtol=1e-12)  # homogeneous
    d = 10 ** np.linspace(-10, 6, 15)
    scaled = risk_parity(sigma * np.outer(d, d))
    np.testing.assert_allclose(scaled.weights, (w / d) / (w / d).sum(), rtol=1e-9)  # units
    order = np.random.default_rng(0).permutation(15)
    np.testing.assert_allclose(risk_parity(sigma[np.ix_(order, order)]).weights, w[order], rtol=1e-9)
    np.testing.assert_array_equal(risk_parity(sigma, np.full(15, 7.0)).weights, w)


def test_singular_with_a_solution() -> None:
    got = risk_parity(np.ones((8, 8)))  # eight times the same asset
    np.testing.assert_allclose(got.weights, np.full(8, 1 / 8), rtol=1e-12)
    x = np.random.default_rng(0).standard_normal((20, 40)) + np.random.default_rng(1).standard_normal((20, 1))
    sigma = np.cov(x.T)  # rank 19 of 40
    got = risk_parity(sigma)
    assert got.converged
    np.testing.assert_allclose(shares(sigma, got.weights), np.full(40, 1 / 40), rtol=1e-9)


def test_negative_correlations_up_to_singular() -> None:
    for n in (3, 10, 60):
        for gap in (1e-2, 1e-5):
            rho = -(1 - gap) / (n - 1)
            sigma = np.full((n, n), rho) + (1 - rho) * np.eye(n)
            b = np.arange(1.0, n + 1)
            got = risk_parity(sigma, b)
            assert got.converged, (n, gap, got.status)
            np.testing.assert_allclose(shares(sigma, got.weights), b / b.sum(), atol=1e-9)


def test_outcomes_that_are_not_a_portfolio() -> None:
    hedged = risk_parity([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert hedged.status == "zero_risk"
    assert not hedged.converged
    assert hedged.weights[:2] == pytest.approx([0.5, 0.5], abs=1e-5)
    assert hedged.volatility < 1e-6
    assert risk_parity([[1, -0.9, -0.9], [-0.9, 1, -0.9], [-0.9, -0.9, 1]]).status == "not_psd"
    early = risk_parity(factor_model(10), max_iterations=2)
    assert early.status == "max_iterations"
    assert early.iterations == 2
    assert early.max_error > 1e-10
    nearly = risk_parity([[1, -1 + 1e-13, 0], [-1 + 1e-13, 1, 0], [0, 0, 1]])
    assert nearly.status == "rounding_limit"
    assert nearly.max_error < 1e-2


def test_labels_and_layouts() -> None:
    sigma = factor_model(3)
    frame = pd.DataFrame(sigma, index=list("abc"), columns=list("abc"))
    budgets = pd.Series({"c": 1.0, "a": 2.0, "b": 3.0})
    got = risk_parity(frame, budgets)
    assert list(got.weights.index) == list(got.risk_contributions.index) == list("abc")
    np.testing.assert_array_equal(got.weights.to_numpy(), risk_parity(sigma, [2.0, 3.0, 1.0]).weights)
    np.testing.assert_array_equal(risk_parity(np.asfortranarray(sigma)).weights, risk_parity(sigma).weights)
    np.testing.assert_allclose(risk_parity(sigma.astype(np.float32)).weights, risk_parity(sigma).weights, rtol=1e-5)
    with pytest.raises(
        ValueError, match=r"\[risk_parity\] budgets: expected the labels .* got a difference in \['d'\]"
    ):
        risk_parity(frame, pd.Series({"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0}))
    frame.loc["b"] = frame["b"] = 0.0
    with pytest.raises(ValueError, match=r"expected positive variances .* got 0 for asset b"):
        risk_parity(frame)


@pytest.mark.parametrize(
    ("sigma", "options", "message"),
    [
        ([[1.0, 0], [0, 0]], {}, "covariance: expected positive variances .* got 0 for asset 1"),
        ([[1.0, 0], [0, -1]], {}, "covariance: expected positive variances .* got -1 for asset 1"),
        ([[1.0, 2], [3, 4]], {}, "covariance: expected a symmetric matrix"),
        ([[1.0, np.nan], [np.nan, 1]], {}, r"covariance: expected finite numbers, got nan at \[0, 1\]"),
        (np.eye(2), {"budgets": [1.0]}, "budgets: expected one for each of the 2 assets, got 1"),
        (np.eye(2), {"budgets": [1.0, 0.0]}, r"budgets: expected positive numbers .* got 0 at \[1\]"),
        (np.eye(2), {"budgets": [1.0, -0.1]}, r"budgets: expected positive numbers .* got -0.1 at \[1\]"),
        (np.eye(2), {"tolerance": 0}, "tolerance: expected a positive number, got 0"),
        (np.eye(2), {"max_iterations": 0}, "max_iterations: expected at least 1, got 0"),
        (np.eye(2), {"device": "metal2"}, "device"),
    ],
)
def test_errors(sigma: object, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"^\[risk_parity\] " + message):
        risk_parity(sigma, **options)

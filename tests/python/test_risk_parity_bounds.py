"""Risk budgets within bounds: the stated conditions recomputed from the weights, and an independent minimiser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio_engine.risk_parity import RiskParity, risk_parity


def matrix(seed: int, n: int, units: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((3 * n, n)) + rng.normal(0.0, 1.0, n) * rng.standard_normal((3 * n, 1))
    d = 10 ** rng.uniform(-units, units, n)
    return np.asarray(x.T @ x / len(x)) * np.outer(d, d)


def check(got: RiskParity, sigma: np.ndarray, b: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> None:
    """The definition: contributions + weights x duals = scale x budgets, duals only at bounds and of their sign."""
    w, b = np.asarray(got.weights), b / b.sum()
    assert got.status == "optimal"
    assert (w >= lower).all()
    assert (w <= upper).all()
    assert w.sum() == pytest.approx(1, abs=1e-12)
    volatility = np.sqrt(w @ sigma @ w)
    contributions = w * (sigma @ w) / volatility
    wanted = got.budget_scale * b
    np.testing.assert_allclose(got.risk_contributions, contributions, rtol=0, atol=1e-9 * volatility)
    np.testing.assert_allclose(contributions + w * got.bound_duals, wanted, rtol=0, atol=1e-9 * volatility)
    assert got.volatility == pytest.approx(volatility, rel=1e-9)
    duals = np.asarray(got.bound_duals)
    assert (w[duals > 0] == upper[duals > 0]).all()
    assert (w[duals < 0] == lower[duals < 0]).all()
    free = duals == 0
    np.testing.assert_allclose(contributions[free], wanted[free], rtol=1e-8)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 30),
    seed=st.integers(0, 2**32 - 1),
    spread=st.floats(0, 4),
    tight=st.floats(0, 0.9),
    units=st.floats(0, 3),
)
def test_the_stated_conditions_hold(n: int, seed: int, spread: float, tight: float, units: float) -> None:
    rng = np.random.default_rng(seed)
    sigma = np.abs(matrix(seed, n, units))  # assets that move together: an answer exists wherever there is room
    b = 10 ** rng.uniform(-spread, 0, n)
    inside = rng.dirichlet(np.ones(n))
    lower, upper = tight * inside, inside + (1 - tight) * rng.uniform(0, 1, n)
    sigma += np.diag(np.diag(sigma))
    check(risk_parity(sigma, b, lower=lower, upper=upper), sigma, b, lower, upper)


@pytest.mark.parametrize("seed", range(5))
def test_an_independent_minimiser_agrees(seed: int) -> None:
    n = 8
    sigma = matrix(seed, n)
    d = np.sqrt(np.diag(sigma))
    upper = np.full(n, 0.15)
    got = risk_parity(sigma, upper=upper)
    check(got, sigma, np.ones(n), np.zeros(n), upper)
    scale = got.budget_scale / d.mean()

    def objective(w: np.ndarray) -> float:
        return float(np.sqrt(w @ sigma @ w) / d.mean() - scale * np.log(w).sum() / n)

    # Nothing about the budget here: it is the scale that makes the weights sum to one.
    found = scipy.optimize.minimize(
        objective, np.full(n, 0.1), bounds=[(1e-6, 0.15)] * n, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9}
    )
    np.testing.assert_allclose(got.weights, found.x, atol=2e-5)
    assert objective(np.asarray(got.weights)) <= found.fun + 1e-12
    assert (np.asarray(got.weights) == 0.15).any()


def test_bounds_that_do_not_bind_change_nothing() -> None:
    sigma = matrix(1, 12)
    free = risk_parity(sigma)
    got = risk_parity(sigma, lower=1e-6, upper=0.9)
    np.testing.assert_array_equal(got.weights, free.weights)
    assert got.budget_scale == got.volatility
    assert not np.asarray(got.bound_duals).any()


def test_two_assets_by_hand() -> None:
    # Volatilities 1 and 3, no correlation: 3/4 and 1/4 without bounds. With at most 0.6 of the first, the second alone
    # sets the scale: sqrt(0.6^2 + 1.2^2) is the volatility, and it contributes 1.44 / volatility = scale / 2.
    got = risk_parity(np.diag([1.0, 9.0]), upper=[0.6, 1.0])
    volatility = np.sqrt(1.8)
    np.testing.assert_allclose(got.weights, [0.6, 0.4], atol=1e-14)
    assert got.budget_scale == pytest.approx(2 * 1.44 / volatility, rel=1e-12)
    np.testing.assert_allclose(got.bound_duals, [(1.44 - 0.36) / volatility / 0.6, 0], atol=1e-12)


def test_units_do_not_matter() -> None:
    sigma, upper = matrix(2, 10), np.full(10, 0.14)
    base = risk_parity(sigma, upper=upper)
    for unit in (1e-12, 1e10):
        scaled = risk_parity(unit * sigma, upper=upper)
        np.testing.assert_allclose(scaled.weights, base.weights, rtol=1e-9)
        assert scaled.budget_scale == pytest.approx(np.sqrt(unit) * base.budget_scale, rel=1e-9)


def test_bounds_that_leave_one_point() -> None:
    sigma = np.abs(matrix(3, 4))
    upper = np.array([0.1, 0.2, 0.3, 0.4])
    got = risk_parity(sigma + np.diag(np.diag(sigma)), upper=upper)
    assert got.status == "optimal"
    np.testing.assert_array_equal(got.weights, upper)


@pytest.mark.parametrize(
    "bounds",
    [{"upper": 0.2}, {"lower": 0.3}, {"lower": [0.3, 0, 0, 0], "upper": [0.2, 1, 1, 1]}],
    ids=["no room above", "no room below", "crossed"],
)
def test_bounds_without_room_are_infeasible(bounds: dict[str, Any]) -> None:
    assert risk_parity(np.eye(4), **bounds).status == "infeasible"


def test_budgets_that_no_weights_within_the_bounds_have() -> None:
    # The first is nearly all whatever it risks; the second then lowers the risk and can have no positive share.
    sigma = np.array([[1.0, -0.99], [-0.99, 1.0]])
    got = risk_parity(sigma, [1.0, 1.0], lower=[0.999, 0.0])
    assert got.status == "infeasible"


def test_labels_align_bounds() -> None:
    names = ["a", "b", "c"]
    sigma = pd.DataFrame(matrix(4, 3), names, names)
    upper = pd.Series({"c": 0.2, "a": 1.0, "b": 1.0})
    got = risk_parity(sigma, upper=upper)
    assert got.weights["c"] <= 0.2
    assert list(got.bound_duals.index) == names


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"lower": [-0.1, 0, 0]}, r"\[risk_parity\] lower: expected finite numbers >= 0, got -0.1 at \[0\]"),
        ({"lower": np.inf}, r"lower: expected finite numbers >= 0, got inf"),
        ({"upper": [1, 0, 1]}, r"upper: expected positive numbers .*got 0 at \[1\]"),
        ({"upper": [1, np.nan, 1]}, r"upper: expected positive numbers .*got nan at \[1\]"),
        ({"upper": [1, 1]}, r"upper: expected one for each of the 3 assets, got 2"),
    ],
)
def test_bad_bounds_are_named(bounds: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        risk_parity(np.eye(3), **bounds)


def test_500_assets_with_caps() -> None:
    sigma = matrix(5, 500)
    upper = np.full(500, 0.0025)
    got = risk_parity(sigma, upper=upper)
    check(got, sigma, np.ones(500), np.zeros(500), upper)
    assert np.count_nonzero(got.bound_duals) > 10

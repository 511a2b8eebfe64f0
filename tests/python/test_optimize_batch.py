"""A batch gives what a loop over `optimize` gives, in order, errors in their places."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import (
    Allocation,
    Constraints,
    InfeasibleError,
    View,
    estimate_moments,
    optimize,
    optimize_batch,
)
from tests.python.portfolios import factor_moments

SHARED = factor_moments(2, 12)


def same(batch: list[object], loop: list[Allocation]) -> None:
    assert len(batch) == len(loop)
    for one, other in zip(batch, loop, strict=True):
        assert isinstance(one, Allocation)
        assert one.status == other.status
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-9)
        assert one.objective_value == pytest.approx(other.objective_value, rel=1e-10, nan_ok=True)
        assert one.residuals.largest <= 1e-8


@pytest.mark.parametrize(
    "method", ["mean_variance", "min_variance", "max_sharpe", "risk_parity", "equal_weight", "black_litterman"]
)
def test_different_moments(method: str) -> None:
    given = [factor_moments(seed, n) for seed, n in enumerate([3, 8, 5, 20, 1, 8])]
    same(optimize_batch(given, method), [optimize(moments, method) for moments in given])


def test_one_covariance_under_many_demands() -> None:
    rng = np.random.default_rng(3)
    rules = [Constraints(max_weight=float(most)) for most in rng.uniform(0.1, 1.0, 7)]
    aversions = rng.uniform(0.5, 20.0, 7)
    mus = SHARED.mu + rng.normal(0, 0.02, (7, 12))
    batch = optimize_batch(SHARED, "mean_variance", rules, expected_returns=mus, risk_aversion=aversions)
    loop = [
        optimize(SHARED.with_expected_returns(mu), "mean_variance", rule, risk_aversion=float(aversion))
        for mu, rule, aversion in zip(mus, rules, aversions, strict=True)
    ]
    same(batch, loop)
    assert all(np.shares_memory(one.moments.Sigma, SHARED.Sigma) for one in batch)


def test_targets_limits_and_turnover() -> None:
    calm = optimize(SHARED, "min_variance")
    caps = calm.expected_risk * np.linspace(0.9, 3.0, 6)  # the first cannot be met
    rule = Constraints(turnover=0.8, current_weights=np.full(12, 1 / 12))
    same(
        optimize_batch(SHARED, constraints=rule, max_volatility=caps),
        [optimize(SHARED, constraints=rule, max_volatility=float(cap)) for cap in caps],
    )
    costs = [0.0, 0.001, {"0": 0.02}]
    same(
        optimize_batch(SHARED, "max_sharpe", rule, trading_cost=costs),
        [optimize(SHARED, "max_sharpe", rule, trading_cost=cost) for cost in costs],
    )


def test_tables_with_labels_and_views() -> None:
    rng = np.random.default_rng(5)
    tables = [pd.DataFrame(rng.normal(0.0005, 0.01, (60, 3)), columns=list("ABC")) for _ in range(3)]
    views = [View({"A": 1}, 0.1)]
    batch = optimize_batch(tables, "black_litterman", views=views)
    same(batch, [optimize(table, "black_litterman", views=views) for table in tables])
    assert list(batch[0].weights.index) == ["A", "B", "C"]
    stacked = optimize_batch(np.array([table.to_numpy() for table in tables]), "min_variance")
    same(stacked, [optimize(table.to_numpy(), "min_variance") for table in tables])
    moments = estimate_moments(tables[0])
    same(
        optimize_batch(tables[0], expected_returns=[[0.1, 0.2, 0.0], [0.0, 0.1, 0.2]]),
        [optimize(moments.with_expected_returns(mu)) for mu in ([0.1, 0.2, 0.0], [0.0, 0.1, 0.2])],
    )


def test_errors_in_their_places() -> None:
    rules = [Constraints(), Constraints(max_weight=0.01), Constraints(max_weight={"nobody": 0.5}), Constraints()]
    outcomes = optimize_batch(SHARED, "min_variance", rules, on_error="return")
    assert isinstance(outcomes[0], Allocation)
    assert isinstance(outcomes[1], InfeasibleError)
    assert "max_weight" in outcomes[1].conflict
    assert isinstance(outcomes[2], ValueError)
    np.testing.assert_array_equal(outcomes[0].weights, outcomes[3].weights)
    with pytest.raises(InfeasibleError) as caught:
        optimize_batch(SHARED, "min_variance", rules)
    assert caught.value.__notes__ == ["problem 1 of the batch"]


def test_progress_reaches_the_end() -> None:
    seen: list[tuple[int, int]] = []
    aversions = np.linspace(1.0, 9.0, 600)
    outcomes = optimize_batch(factor_moments(1, 4), risk_aversion=aversions, progress=lambda *k: seen.append(k))
    assert seen[-1] == (600, 600)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert len(seen) > 1
    same(outcomes[::100], [optimize(factor_moments(1, 4), risk_aversion=float(a)) for a in aversions[::100]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "expected lists of one length, an entry a problem, got none"),
        ({"risk_aversion": [1.0, 2.0], "constraints": [None]}, "got constraints: 1, risk_aversion: 2"),
        ({"risk_aversion": [1.0], "on_error": "ignore"}, 'on_error: expected "raise" or "return"'),
        ({"expected_returns": np.zeros(12)}, r"expected_returns: expected shape \(B, n\)"),
        ({"expected_returns": np.zeros((2, 5))}, r"expected_returns: expected shape \(12,\)"),
        ({"risk_aversion": [1.0, -1.0]}, "risk_aversion: expected a number > 0"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optimize_batch(SHARED, **arguments)

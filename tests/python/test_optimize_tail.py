"""min_cvar in optimize: against HiGHS, shadow prices by finite differences, targets relaxed, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import Constraints, InfeasibleError, SolverError, estimate_moments, optimize, optimize_batch
from tests.python.cvar_cases import Case, cvar_of, factor_returns, highs, long_only

R = factor_returns(21, 400, 12)
TABLE = pd.DataFrame(R, columns=[f"a{k}" for k in range(12)])


def test_it_is_the_optimum_of_the_whole_program() -> None:
    got = optimize(TABLE, "min_cvar", Constraints(max_weight=0.25))
    case = Case(R, rows=long_only(R, ub=np.full(12, 0.25)))
    assert (got.status, got.objective) == ("optimal", "cvar")
    assert got.objective_value == pytest.approx(highs(case)[1], rel=1e-9)
    assert got.objective_value == pytest.approx(cvar_of(case, np.asarray(got.weights)), rel=1e-12)
    assert got.residuals.largest < 1e-12
    assert list(got.weights.index) == list(TABLE.columns)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99])
def test_confidence_and_risk_tolerance(confidence: float) -> None:
    got = optimize(R, "min_cvar", confidence=confidence, risk_tolerance=0.7)
    case = Case(R, confidence, rows=long_only(R, q=-0.7 * R.mean(0)))
    assert got.objective_value == pytest.approx(highs(case)[1], rel=1e-9)


def test_a_target_return_is_annual_and_priced() -> None:
    moments = estimate_moments(R)
    target = float(np.quantile(moments.mu, 0.8))
    step = 1e-5
    base, more = (optimize(R, "min_cvar", target_return=target + d) for d in (0.0, step))
    assert base.expected_return == pytest.approx(target, abs=1e-10)
    price = base.shadow_prices["target_return"]
    assert price > 0
    assert more.objective_value - base.objective_value == pytest.approx(price * step, rel=1e-4)


def test_turnover_keeps_near_what_is_held() -> None:
    held = np.full(12, 1 / 12)
    got = optimize(R, "min_cvar", Constraints(turnover=0.3, current_weights=held))
    free = optimize(R, "min_cvar")
    assert np.abs(np.asarray(got.weights) - held).sum() == pytest.approx(0.3, abs=1e-9)
    assert free.objective_value < got.objective_value
    assert got.constraints_satisfied


def test_groups_and_linear_rows() -> None:
    rules = Constraints(
        groups={"g": ["a0", "a1", "a2"]},
        group_min=0.3,
        linear={"tilt": {"coefficients": {"a5": 1.0, "a6": -1.0}, "lower": 0.1}},
    )
    got = optimize(TABLE, "min_cvar", rules)
    assert got.weights[["a0", "a1", "a2"]].sum() >= 0.3 - 1e-12
    assert got.weights["a5"] - got.weights["a6"] >= 0.1 - 1e-12


def test_a_target_out_of_reach_is_relaxed_or_refused() -> None:
    top = float(estimate_moments(R).mu.max())
    got = optimize(R, "min_cvar", target_return=top + 0.1)
    assert got.status == "relaxed"
    assert got.expected_return == pytest.approx(top, abs=1e-9)
    assert np.isfinite(got.objective_value)
    with pytest.raises(InfeasibleError, match="target_return"):
        optimize(R, "min_cvar", target_return=top + 0.1, strict=True)


def test_constraints_that_conflict_are_named() -> None:
    with pytest.raises(InfeasibleError, match=r"12 assets x max_weight 0\.05"):
        optimize(R, "min_cvar", Constraints(max_weight=0.05))


def test_without_bounds_a_sure_gain_is_unbounded() -> None:
    sure = np.column_stack([R[:, 0], R[:, 0] + 0.01])
    with pytest.raises(SolverError, match="finite min and max weight"):
        optimize(sure, "min_cvar", Constraints(min_weight=-np.inf, max_weight=np.inf))


def test_a_batch_is_the_loop() -> None:
    rules = [Constraints(max_weight=cap) for cap in (0.2, 0.4, 1.0)]
    batch = optimize_batch(R, "min_cvar", rules, confidence=0.9)
    for own, got in zip(rules, batch, strict=True):
        np.testing.assert_array_equal(got.weights, optimize(R, "min_cvar", own, confidence=0.9).weights)


def test_time_runs_out() -> None:
    with pytest.raises(TimeoutError):
        optimize(R, "min_cvar", time_limit=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 95}, r"\[optimize\] confidence: expected a number above 0 and below 1, got 95"),
        ({"confidence": "high"}, r"\[optimize\] confidence: expected a finite number, got 'high'"),
        ({"risk_tolerance": -1.0}, r"\[optimize\] risk_tolerance: expected a number >= 0, got -1"),
        ({"max_volatility": 0.1}, r"\[optimize\] max_volatility: expected none with method 'min_cvar'"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optimize(R, "min_cvar", **options)


def test_moments_have_no_scenarios() -> None:
    with pytest.raises(ValueError, match=r"\[optimize\] returns_or_moments: expected the table of returns"):
        optimize(estimate_moments(R), "min_cvar")
    with pytest.raises(ValueError, match=r"\[optimize\] confidence: expected only with min_cvar, got it with method"):
        optimize(R, "min_variance", confidence=0.9)


def test_risk_parity_within_its_bounds() -> None:
    sigma = estimate_moments(TABLE).Sigma
    free = optimize(TABLE, "risk_parity")
    cap = float(np.sort(free.weights)[-3])
    got = optimize(TABLE, "risk_parity", Constraints(max_weight=cap, groups={"g": ["a0"]}, group_max=1.0))
    w = np.asarray(got.weights)
    assert got.constraints_satisfied
    assert got.ignored == ("group_max[g]",)
    assert w.max() == cap
    shares = (w * (sigma @ w))[w < cap]
    np.testing.assert_allclose(shares, shares.mean(), rtol=1e-8)
    with pytest.raises(InfeasibleError, match=r"12 assets x max_weight 0\.05"):
        optimize(TABLE, "risk_parity", Constraints(max_weight=0.05))
    doubled = optimize(TABLE, "risk_parity", Constraints(budget=2.0, max_weight=2 * cap))
    np.testing.assert_allclose(doubled.weights, 2 * w, rtol=1e-12)

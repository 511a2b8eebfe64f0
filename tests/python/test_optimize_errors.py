"""Errors that a newcomer meets, and failures that must not look like answers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import portfolio_engine._optimize.solver as solver_module
from portfolio_engine import Constraints, InfeasibleError, Moments, SolverError, View, optimize, solve_qp
from tests.python.portfolios import factor_moments

FIVE = factor_moments(4, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"method": "max_shrape"},
            "expected one of mean_variance, risk_parity, min_variance, max_sharpe, black_litterman, equal_weight, "
            "inverse_volatility, min_cvar, got 'max_shrape'",
        ),
        ({"target_return": 12}, r"target_return: .* got 12; did you mean 0\.12\?"),
        ({"max_volatility": 18.0}, r"max_volatility: .* got 18; did you mean 0\.18\?"),
        ({"max_volatility": -0.1}, "max_volatility: expected a number >= 0"),
        ({"target_return": float("nan")}, "target_return: expected a finite number"),
        ({"target_return": "0.1"}, "target_return: expected a finite number"),
        ({"risk_aversion": 0.0}, "risk_aversion: expected a number > 0"),
        ({"risk_free_rate": 4.5}, r"risk_free_rate: .* did you mean 0\.045\?"),
        ({"device": "metal"}, r"device: 'metal' is not available here: Metal needs macOS"),
        ({"device": "gpu"}, 'expected "auto" or one of cpu, metal'),
        (
            {"views": [View({"0": 1.0}, 0.1)]},
            r"views: expected only with black_litterman, got it with method 'mean_variance'",
        ),
        ({"risk_budgets": [1, 1, 1, 1, 1]}, "risk_budgets: expected only with risk_parity"),
        ({"constraints": {"max_weight": 0.3}}, "constraints: expected Constraints, got dict"),
    ],
)
def test_bad_arguments_say_what_was_expected(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optimize(FIVE, **options)


@pytest.mark.parametrize("method", ["equal_weight", "min_variance"])
def test_an_absent_device_is_refused_by_every_method(method: str) -> None:
    with pytest.raises(ValueError, match="Metal needs macOS"):
        optimize(FIVE, method, device="metal")


def test_percent_moments_may_have_percent_targets() -> None:
    percent = Moments(FIVE.mu * 100, FIVE.Sigma * 1e4)
    target = float(np.median(percent.mu))
    np.testing.assert_allclose(
        optimize(percent, target_return=target).weights, optimize(FIVE, target_return=target / 100).weights, atol=1e-9
    )


def test_bad_tables() -> None:
    rng = np.random.default_rng(0)
    returns = pd.DataFrame(rng.normal(0, 0.01, (50, 3)), columns=["AAA", "BBB", "CCC"])
    holes = returns.copy()
    holes.loc[7, "BBB"] = np.nan
    with pytest.raises(ValueError, match="1 NaN in column BBB"):
        optimize(holes)
    with pytest.raises(ValueError, match="at least 2 rows, got 1"):
        optimize(returns.iloc[:1])
    with pytest.raises(ValueError, match="prices_to_returns"):
        optimize((1 + returns).cumprod() * 100)


def test_a_target_out_of_reach_gives_the_range_when_strict() -> None:
    with pytest.raises(
        InfeasibleError, match=r"target_return: asked for 0\.9, reached .*; feasible: expected return from"
    ) as caught:
        optimize(FIVE, target_return=0.9, strict=True)
    error = caught.value
    assert error.conflict == ("target_return",)
    assert error.feasible is not None
    assert error.feasible.max_return == pytest.approx(FIVE.mu.max(), rel=1e-12)
    assert error.feasible.min_return == pytest.approx(FIVE.mu.min(), rel=1e-12)
    calm = optimize(FIVE, "min_variance").expected_risk
    assert error.feasible.min_volatility == pytest.approx(calm, rel=1e-12)
    with pytest.raises(InfeasibleError) as caught:
        optimize(FIVE, max_volatility=calm * 0.9, strict=True)
    assert caught.value.conflict == ("max_volatility",)
    assert caught.value.violations[0].achieved == pytest.approx(calm, rel=1e-12)
    with pytest.raises(InfeasibleError) as caught:
        optimize(FIVE, max_volatility=calm * 1.01, target_return=FIVE.mu.max(), strict=True)
    assert caught.value.conflict == ("target_return", "max_volatility")
    within = optimize(FIVE, max_volatility=calm * 1.01).expected_return
    assert caught.value.feasible.max_return == pytest.approx(within, rel=1e-9)


def test_strict_changes_nothing_that_can_be_met() -> None:
    loose, strict = (optimize(FIVE, target_return=float(np.median(FIVE.mu)), strict=flag) for flag in (False, True))
    np.testing.assert_array_equal(loose.weights, strict.weights)


@pytest.mark.parametrize("status", ["max_iterations", "numerical_error"])
def test_a_solver_failure_is_never_an_answer(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    def failing(*arguments: object, **options: object) -> object:
        return dataclasses.replace(solve_qp(*arguments, **options), status=status)

    monkeypatch.setattr(solver_module, "solve_qp", failing)
    for options in ({}, {"target_return": 0.9}, {"max_volatility": 0.01}):
        with pytest.raises(SolverError) as caught:
            optimize(FIVE, **options)
        assert caught.value.status == status


def test_infeasibility_without_a_certificate_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a multiplied-out certificate leads to a relaxed answer or a conflict."""

    def lying(*arguments: object, **options: object) -> object:
        return dataclasses.replace(solve_qp(*arguments, **options), status="primal_infeasible")

    monkeypatch.setattr(solver_module, "solve_qp", lying)
    with pytest.raises(SolverError, match="without a certificate"):
        optimize(FIVE, target_return=0.05)


def test_an_inaccurate_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def sloppy(*arguments: object, **options: object) -> object:
        solution = solve_qp(*arguments, **options)
        return dataclasses.replace(solution, x=solution.x + 1e-6)

    monkeypatch.setattr(solver_module, "solve_qp", sloppy)
    with pytest.raises(SolverError, match="the answer is off by"):
        optimize(FIVE, "min_variance")


def test_unbounded_problems_are_named() -> None:
    free = Constraints(min_weight=-np.inf, max_weight=np.inf)
    duplicate = Moments([0.1, 0.2], np.ones((2, 2)))  # the spread earns without risk
    with pytest.raises(SolverError, match="finite min and max weight") as caught:
        optimize(duplicate, constraints=free)
    assert caught.value.status == "unbounded"


def test_zero_variance_is_named_where_it_has_no_meaning() -> None:
    sigma = np.diag([0.04, 0.0])
    with pytest.raises(ValueError, match="zero variance for 1"):
        optimize(Moments([0.1, 0.02], sigma), "inverse_volatility")
    with pytest.raises(ValueError, match="variance"):
        optimize(Moments([0.1, 0.02], sigma), "risk_parity")

"""Constraints: each kind holds, names are checked, percentages and conflicts are recognised."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import Allocation, Constraints, InfeasibleError, Linear, Moments, optimize
from tests.python.portfolios import factor_moments

NAMES = ("AAPL", "GOOGL", "MSFT", "NVDA", "TSLA")


def five() -> Moments:
    moments = factor_moments(11, 5)
    return Moments(moments.mu, moments.Sigma, names=NAMES)


def solve(constraints: Constraints, method: str = "max_sharpe") -> dict[str, float]:
    allocation = optimize(five(), method, constraints)
    assert allocation.status == "optimal"
    return allocation.to_dict()


def test_global_and_single_bounds() -> None:
    weights = solve(Constraints(min_weight={"TSLA": 0.1}, max_weight={"*": 0.3, "AAPL": 0.05}))
    assert weights["TSLA"] >= 0.1
    assert weights["AAPL"] <= 0.05
    assert max(weights.values()) <= 0.3


def test_short_positions_and_other_budgets() -> None:
    neutral = solve(
        Constraints(min_weight=-0.5, max_weight=0.5, budget=0.0, linear={"long": Linear({"AAPL": 1.0}, lower=0.2)})
    )
    assert sum(neutral.values()) == pytest.approx(0.0, abs=1e-9)
    assert min(neutral.values()) < 0
    levered = solve(Constraints(budget=1.5), "min_variance")
    assert sum(levered.values()) == pytest.approx(1.5, abs=1e-9)


def test_groups() -> None:
    free = solve(Constraints(), "min_variance")
    tech = ["AAPL", "GOOGL", "MSFT"]
    share = sum(free[name] for name in tech)
    groups = {"tech": tech, "cars": ["TSLA"]}
    low = solve(Constraints(groups=groups, group_max={"tech": share - 0.1}, group_min={"cars": 0.15}), "min_variance")
    assert sum(low[name] for name in tech) == pytest.approx(share - 0.1, abs=1e-9)
    assert low["TSLA"] >= 0.15 - 1e-9
    every = solve(Constraints(groups=groups, group_max=0.3), "min_variance")
    assert max(sum(every[name] for name in members) for members in groups.values()) <= 0.3 + 1e-9


def test_linear_rows_and_equalities() -> None:
    moments = five()
    beta = dict(zip(NAMES, [1.2, 0.9, 1.0, 1.6, 1.9], strict=True))
    row = {"beta": {"coefficients": beta, "lower": 1.1, "upper": 1.1}}
    weights = optimize(moments, "min_variance", Constraints(linear=row)).to_dict()
    assert sum(beta[name] * weights[name] for name in NAMES) == pytest.approx(1.1, abs=1e-9)


def test_turnover_counts_buys_and_sells() -> None:
    held = {"AAPL": 0.5, "GOOGL": 0.5}
    allocation = optimize(five(), "min_variance", Constraints(turnover=0.3, current_weights=held))
    traded = sum(abs(weight - held.get(name, 0.0)) for name, weight in allocation.to_dict().items())
    assert traded == pytest.approx(0.3, abs=1e-9)
    loose = optimize(five(), "min_variance", Constraints(turnover=2.0, current_weights=held))
    np.testing.assert_allclose(loose.weights, optimize(five(), "min_variance").weights, atol=1e-9)


def test_current_weights_in_every_form() -> None:
    held = [0.2, 0.3, 0.1, 0.1, 0.3]
    forms = (held, np.array(held), dict(zip(NAMES, held, strict=True)), pd.Series(held, index=NAMES).iloc[::-1])
    answers = [optimize(five(), "min_variance", Constraints(turnover=0.2, current_weights=form)) for form in forms]
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer.weights, answers[0].weights)


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (
            Constraints(max_weight={"APPL": 0.3}),
            r"\[Constraints\] max_weight: .* 5 known asset names .* did you mean 'AAPL'",
        ),
        (Constraints(max_weight={"aapl": 0.3}), "did you mean 'AAPL'"),
        (Constraints(groups={"tech": ["AAPL", "MFST"]}, group_max=0.5), "did you mean 'MSFT'"),
        (Constraints(linear={"b": Linear({"NVDIA": 1.0}, upper=1.0)}), "did you mean 'NVDA'"),
        (Constraints(turnover=0.1, current_weights={"TSL": 1.0}), "did you mean 'TSLA'"),
        (Constraints(turnover=0.1, current_weights=[1.0]), "expected 5 numbers, got 1"),
    ],
)
def test_unknown_names_suggest_the_nearest(constraints: Constraints, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optimize(five(), constraints=constraints)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_weight": 30}, r"\[Constraints\] max_weight: .* got 30; did you mean 0\.30\?"),
        ({"max_weight": {"AAPL": 25.0}}, r"max_weight\[AAPL\]: .* did you mean 0\.25\?"),
        ({"min_weight": float("nan")}, "min_weight: expected a number, got NaN"),
        ({"max_weight": "0.3"}, "expected a number"),
        ({"max_weight": True}, "expected a number"),
        ({"budget": 100}, r"did you mean 1\.00\?"),
        ({"budget": float("inf")}, "finite"),
        ({"group_max": {"tech": 0.3}}, "group_max"),
        ({"group_max": 0.3}, "expected groups"),
        ({"groups": {"tech": ["A"]}, "group_max": {"teck": 0.3}}, "did you mean 'tech'"),
        ({"groups": {"tech": "AAPL"}}, "expected a list"),
        ({"turnover": 0.1}, "current_weights"),
        ({"turnover": -0.1, "current_weights": {}}, "turnover: expected a number >= 0"),
        ({"linear": {"b": {"coeficients": {"A": 1}}}}, "did you mean 'coefficients'"),
        ({"linear": {"b": {"coefficients": {"A": 1}}}}, "finite lower or upper"),
        ({"linear": {"b": Linear({}, upper=1.0)}}, "coefficients"),
    ],
)
def test_bad_constraints_are_refused_at_once(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Constraints(**fields)


def conflict(constraints: Constraints, method: str = "mean_variance", **options: float) -> InfeasibleError:
    with pytest.raises(InfeasibleError) as caught:
        optimize(five(), method, constraints, **options)
    return caught.value


def test_too_small_a_maximum_is_explained_by_arithmetic() -> None:
    error = conflict(Constraints(max_weight=0.1))
    assert error.conflict == ("budget", "max_weight")
    assert error.explanation == "5 assets x max_weight 0.1 = 0.5 < budget 1"
    assert isinstance(error, ValueError)
    assert "5 assets x max_weight 0.1 = 0.5 < budget 1" in str(error)


CONFLICTS = [
    (Constraints(min_weight=0.3), {"budget", "min_weight"}),
    (Constraints(budget=-0.5), {"budget", "min_weight"}),
    (Constraints(min_weight=0.4, max_weight=0.3), {"min_weight", "max_weight"}),
    (
        Constraints(min_weight={"AAPL": 0.6}, groups={"g": ["AAPL", "MSFT"]}, group_max=0.5),
        {"min_weight[AAPL]", "min_weight", "group_max[g]"},
    ),
    (Constraints(groups={"all": NAMES}, group_max=0.9), {"budget", "group_max[all]"}),
    (
        Constraints(groups={"a": ["AAPL", "MSFT"]}, group_min={"a": 0.6}, max_weight={"AAPL": 0.2, "MSFT": 0.3}),
        {"group_min[a]", "max_weight[AAPL]", "max_weight[MSFT]"},
    ),
    (
        Constraints(linear={"up": Linear({"AAPL": 1.0, "MSFT": 2.0}, lower=2.5)}),
        {"linear_lower[up]", "budget", "min_weight"},
    ),
    (
        Constraints(
            linear={"x": Linear({"AAPL": 1.0}, lower=0.5), "y": Linear({"AAPL": 1.0}, upper=0.4)}, max_weight=0.9
        ),
        {"linear_lower[x]", "linear_upper[y]"},
    ),
]


@pytest.mark.parametrize(("constraints", "names"), CONFLICTS)
def test_conflicts_are_irreducible(constraints: Constraints, names: set[str]) -> None:
    error = conflict(constraints)
    assert set(error.conflict) == names
    assert error.explanation
    assert any(character.isdigit() for character in error.explanation)


@pytest.mark.parametrize("method", ["mean_variance", "min_variance", "max_sharpe", "black_litterman"])
def test_every_optimising_method_refuses_a_conflict(method: str) -> None:
    assert conflict(Constraints(max_weight=0.1), method).conflict == ("budget", "max_weight")
    soft = conflict(Constraints(max_weight=0.1), method, target_return=0.05, max_volatility=0.2)
    assert soft.conflict == ("budget", "max_weight")


@pytest.mark.parametrize("n", [3, 7, 10, 13, 49, 100])
def test_bounds_that_just_fit_are_feasible(n: int) -> None:
    """n * (1 / n) is not always 1 in floating point; it is still the equal-weight portfolio."""
    for bound in ("min_weight", "max_weight"):
        allocation: Allocation = optimize(factor_moments(n, n), constraints=Constraints(**{bound: 1.0 / n}))
        np.testing.assert_allclose(allocation.weights, 1.0 / n, rtol=1e-9)
        assert allocation.status == "optimal"

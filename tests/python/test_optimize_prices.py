"""Shadow prices are derivatives: central differences of the objective in each bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from portfolio_engine import Allocation, Constraints, Linear, optimize
from tests.python.portfolios import factor_moments

MOMENTS = factor_moments(13, 8)
GROUPS = {"a": ["0", "1", "2"], "b": ["3", "4", "5"]}
BASE = Constraints(
    min_weight={"*": 0.02, "6": 0.05},
    max_weight={"*": 0.3, "7": 0.25},
    groups=GROUPS,
    group_min={"a": 0.25},
    group_max={"b": 0.4},
    linear={"tilt": Linear({"0": 1.0, "5": -1.0}, lower=0.03), "cap": Linear({"1": 2.0, "4": 1.0}, upper=0.6)},
    turnover=0.6,
    current_weights=[0.125] * 8,
)
Change = Callable[[float], tuple[Constraints, dict[str, float]]]


def bumps(options: dict[str, float]) -> dict[str, Change]:
    """Constraint name -> the arguments with its bound moved by h."""

    def field(name: str, value: Any) -> tuple[Constraints, dict[str, float]]:
        return replace(BASE, **{name: value}), options

    def target(name: str) -> Change:
        return lambda h: (BASE, {**options, name: options[name] + h})

    def tilt(lower: float, upper: float) -> dict[str, Linear]:
        return {"tilt": Linear({"0": 1.0, "5": -1.0}, lower=lower), "cap": Linear({"1": 2.0, "4": 1.0}, upper=upper)}

    out: dict[str, Change] = {
        "budget": lambda h: field("budget", 1.0 + h),
        "min_weight": lambda h: field("min_weight", {"*": 0.02 + h, "6": 0.05}),
        "min_weight[6]": lambda h: field("min_weight", {"*": 0.02, "6": 0.05 + h}),
        "max_weight": lambda h: field("max_weight", {"*": 0.3 + h, "7": 0.25}),
        "max_weight[7]": lambda h: field("max_weight", {"*": 0.3, "7": 0.25 + h}),
        "group_min[a]": lambda h: field("group_min", {"a": 0.25 + h}),
        "group_max[b]": lambda h: field("group_max", {"b": 0.4 + h}),
        "linear_lower[tilt]": lambda h: field("linear", tilt(0.03 + h, 0.6)),
        "linear_upper[cap]": lambda h: field("linear", tilt(0.03, 0.6 + h)),
        "turnover": lambda h: field("turnover", 0.6 + h),
    }
    for k in range(6):  # the part of a common bound that one asset has
        out[f"max_weight[{k}]"] = lambda h, k=k: field("max_weight", {"*": 0.3, "7": 0.25, str(k): 0.3 + h})
        out[f"min_weight[{k}]"] = lambda h, k=k: field("min_weight", {"*": 0.02, "6": 0.05, str(k): 0.02 + h})
    return out | {name: target(name) for name in options if name != "risk_free_rate"}


CASES = [
    ("mean_variance", {}),
    ("mean_variance", {"target_return": 0.1}),
    ("mean_variance", {"max_volatility": 0.24}),
    ("min_variance", {}),
    ("max_sharpe", {"risk_free_rate": 0.01}),
    ("max_sharpe", {"risk_free_rate": 0.01, "target_return": 0.107}),
    ("max_sharpe", {"risk_free_rate": 0.01, "max_volatility": 0.24}),
]


def solve(method: str, constraints: Constraints, options: dict[str, float]) -> Allocation:
    allocation = optimize(MOMENTS, method, constraints, **options)
    assert allocation.status == "optimal"
    return allocation


@pytest.mark.parametrize(("method", "options"), CASES)
def test_prices_are_central_differences(method: str, options: dict[str, float]) -> None:
    prices = solve(method, BASE, options).shadow_prices
    assert prices
    step, compared = 1e-5, 0
    for name, change in bumps(options).items():
        up, down = (solve(method, *change(sign * step)).objective_value for sign in (1, -1))
        assert prices.get(name, 0.0) == pytest.approx((up - down) / (2 * step), rel=2e-4, abs=2e-6), name
        compared += prices.get(name, 0.0) != 0.0
    assert compared >= 4


def test_signs_are_those_of_the_objective() -> None:
    utility = optimize(MOMENTS, constraints=Constraints(max_weight=0.2))
    assert utility.shadow_prices["max_weight"] > 0  # more room, more utility
    assert utility.shadow_prices["min_weight"] <= 0
    variance = optimize(MOMENTS, target_return=0.12)
    assert variance.shadow_prices["target_return"] > 0  # more return, more variance
    capped = optimize(MOMENTS, max_volatility=0.2)
    assert capped.shadow_prices["max_volatility"] > 0  # more risk allowed, more return


def test_a_common_bound_adds_up_its_parts() -> None:
    prices = optimize(MOMENTS, constraints=Constraints(max_weight=0.2)).shadow_prices
    parts = [value for name, value in prices.items() if name.startswith("max_weight[")]
    assert len(parts) >= 2
    assert sum(parts) == pytest.approx(prices["max_weight"], rel=1e-12)

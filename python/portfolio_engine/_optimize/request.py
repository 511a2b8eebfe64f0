"""What `optimize` was asked, checked and laid out as a problem."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._naming import as_mapping, vector
from portfolio_engine._optimize import registry
from portfolio_engine._optimize.arguments import check_device, check_numbers, check_targets
from portfolio_engine._optimize.problem import Problem, Targets
from portfolio_engine._optimize.program import Tracking, build
from portfolio_engine._optimize.solver import Solver
from portfolio_engine._optimize.tail import Tail
from portfolio_engine.black_litterman import View
from portfolio_engine.cancel import Limit
from portfolio_engine.constraints import LONG_ONLY, Constraints
from portfolio_engine.moments import Moments, estimate_moments

FUNCTION = "optimize"


@dataclass(frozen=True, eq=False)
class Request:
    """A problem without its soft constraints, these, and what to do with them."""

    method: registry.Method
    problem: Problem
    targets: Targets
    rules: Constraints
    strict: bool
    began: float


def prepare(
    returns_or_moments: Moments | Any,
    method: str = "mean_variance",
    constraints: Constraints | None = None,
    *,
    target_return: float | None = None,
    max_volatility: float | None = None,
    risk_aversion: float = 2.5,
    risk_free_rate: float = 0.0,
    trading_cost: float | Mapping[str, float] | Any | None = None,
    views: Sequence[View | Mapping[str, Any]] | None = None,
    market_weights: Mapping[str, float] | Any | None = None,
    tau: float | None = None,
    risk_budgets: Mapping[str, float] | Any | None = None,
    confidence: float | None = None,
    risk_tolerance: float | None = None,
    strict: bool = False,
    device: str = "auto",
    limit: Limit,
) -> Request:
    """The arguments of `optimize`, with its errors."""
    began = time.perf_counter()
    chosen = registry.find(method)
    check_device(device)
    check_numbers(risk_aversion=risk_aversion, risk_free_rate=risk_free_rate)
    options = {"views": views, "market_weights": market_weights, "tau": tau, "risk_budgets": risk_budgets}
    options |= {"confidence": confidence, "risk_tolerance": risk_tolerance}
    options = {name: value for name, value in options.items() if value is not None}
    registry.check_options(chosen, options)
    rules = LONG_ONLY if constraints is None else constraints
    if not isinstance(rules, Constraints):
        raise ValueError(f"[{FUNCTION}] constraints: expected Constraints, got {type(rules).__name__}")
    moments = returns_or_moments
    if not isinstance(moments, Moments):
        moments = estimate_moments(moments, device=device)
    if chosen.prepare is not None:
        moments = chosen.prepare(moments, risk_aversion=risk_aversion, risk_free_rate=risk_free_rate, **options)
    check_targets(moments, target_return, max_volatility)
    names = moments.labels
    targets = Targets(max_volatility, rules.turnover, rules.held(names), target_return)
    program = build(rules, names)
    if rules.tracking_error is not None:
        benchmark = vector(rules.benchmark_weights, names, "Constraints", "benchmark_weights")
        program = program.with_tracking(Tracking(benchmark, moments.times(benchmark), rules.tracking_error))
    problem = Problem(
        Solver(moments, device, limit=limit), program, None, None, risk_aversion, risk_free_rate, rules.budget
    )
    if chosen.scenarios:
        problem.tail = Tail.of(returns_or_moments, moments, confidence, risk_tolerance)
        _linear_only(chosen.name, max_volatility, rules.tracking_error, trading_cost)
    if trading_cost is not None:
        problem.trading_cost = _costs(trading_cost, names, targets)
        if not chosen.budget_only and chosen.objective(problem.aimed_at(targets, program)) == "variance":
            raise ValueError(
                f"[{FUNCTION}] trading_cost: expected an objective with expected return, which costs are taken off, "
                "got the least variance; a turnover limit bounds trading there"
            )
    if risk_budgets is not None:
        problem.risk_budgets = vector(risk_budgets, names, FUNCTION, "risk_budgets", limit=np.inf)
    return Request(chosen, problem, targets, rules, strict, began)


def _linear_only(method: str, max_volatility: Any, tracking_error: Any, trading_cost: Any) -> None:
    given = {"max_volatility": max_volatility, "tracking_error": tracking_error, "trading_cost": trading_cost}
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"[{FUNCTION}] {name}: expected none with method {method!r}, whose limits are linear")


def _costs(trading_cost: Any, names: tuple[str, ...], targets: Targets) -> Array:
    """(n,) cost of a unit of each asset traded; a mapping gives the assets it does not name no cost."""
    if targets.held is None:
        raise ValueError(
            f"[{FUNCTION}] trading_cost: expected Constraints with current_weights, which trades start from, got none"
        )
    if as_mapping(trading_cost) is None and np.ndim(trading_cost) == 0:
        trading_cost = [trading_cost] * len(names)
    costs = vector(trading_cost, names, FUNCTION, "trading_cost", limit=1.0)
    if costs.min() < 0:
        raise ValueError(f"[{FUNCTION}] trading_cost: expected numbers >= 0, got {costs.min():g}")
    return costs

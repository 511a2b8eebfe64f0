"""A method's answer, checked and laid out as an Allocation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.audit import broken_hard
from portfolio_engine._optimize.prices import ShadowPrices
from portfolio_engine._optimize.problem import Answer, Problem
from portfolio_engine._optimize.program import Program
from portfolio_engine._optimize.relax import TOLERANCE
from portfolio_engine._optimize.solver import RESIDUAL_LIMIT
from portfolio_engine.allocation import Allocation, Residuals, Violation
from portfolio_engine.errors import SolverError


def allocation(
    problem: Problem,
    method: str,
    answer: Answer,
    violations: Sequence[Violation],
    ignored: tuple[str, ...],
    held: Array | None,
    milliseconds: float,
) -> Allocation:
    """Raises SolverError when the answer is further from optimal, or from a hard constraint, than the limit."""
    solver, moments, hard = problem.solver, problem.solver.moments, problem.program
    w = _within(answer.weights, hard) if answer.point is not None else answer.weights
    same = answer.point is not None and np.array_equal(w, answer.point.w)
    sigma_w = answer.point.sigma_w if same and answer.point is not None else moments.times(w)
    risk = math.sqrt(max(float(w @ sigma_w), 0.0))
    mean, rate = float(moments.mu @ w), problem.risk_free_rate
    residuals = _verified(problem, answer, w, sigma_w)
    traded = None if held is None else np.abs(w - held)
    costs = problem.trading_cost
    cost = 0.0 if costs is None or traded is None else float(costs @ traded)
    values = {
        "utility": mean - cost - problem.risk_aversion / 2 * risk**2,
        "variance": risk**2,
        "expected_return": mean - cost,
        "sharpe_ratio": (mean - cost - rate) / risk if risk > 0 else float("nan"),
        "cvar": float("nan") if problem.tail is None else problem.tail.value(w),
        "none": float("nan"),
    }
    prices: Mapping[str, float] = {}
    if answer.point is not None and answer.scale and answer.point.priced:
        prices = ShadowPrices(answer.point, answer.scale, answer.prices, hard, moments.labels)
    return Allocation(
        weights=moments.label(w),
        expected_return=mean,
        expected_risk=risk,
        sharpe_ratio=(mean - rate) / risk if risk > 0 else float("nan"),
        return_to_risk=mean / risk if risk > 0 else float("nan"),
        risk_free_rate=rate,
        method=method,
        status=answer.status,
        constraints_satisfied=not violations,
        violations=tuple(violations),
        ignored=ignored,
        objective=answer.objective,
        objective_value=values[answer.objective],
        shadow_prices=prices,
        risk_contributions=moments.label(w * sigma_w / risk if risk > 0 else np.zeros_like(w)),
        residuals=residuals,
        iterations=solver.iterations,
        device=solver.device_used,
        device_reason=solver.device_reason or "a rule that solves nothing",
        milliseconds=milliseconds,
        moments=moments,
        turnover=None if traded is None else float(traded.sum()),
        trading_cost=cost,
    )


def _within(w: Array, program: Program) -> Array:
    """`w` with rounding beyond a bound taken back to the bound."""
    return np.minimum(np.maximum(w, program.lb), program.ub) + 0.0  # + 0.0 turns -0 into 0


def _verified(problem: Problem, answer: Answer, w: Array, sigma_w: Array) -> Residuals:
    if answer.point is None:
        off = abs(float(w.sum()) - problem.budget)
        return Residuals(off, answer.error, 0.0)
    point = answer.point
    residuals = point.residuals
    if residuals.largest > RESIDUAL_LIMIT:
        raise SolverError(
            "numerical_error", f"the answer is off by {residuals.largest:.3g}, more than {RESIDUAL_LIMIT}"
        )
    if sigma_w is point.sigma_w and point.broken <= TOLERANCE:  # which is more than the hard constraints ask
        return residuals
    broken = broken_hard(problem.program, w, problem.solver.moments, sigma_w)
    if broken:
        raise SolverError("numerical_error", f"the answer breaks {broken[0]}")
    return residuals

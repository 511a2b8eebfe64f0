"""From returns or moments to an allocation."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from portfolio_engine._naming import vector
from portfolio_engine._optimize import registry
from portfolio_engine._optimize.answer import allocation
from portfolio_engine._optimize.arguments import check_device, check_numbers, check_targets, sent
from portfolio_engine._optimize.audit import broken_hard, broken_soft
from portfolio_engine._optimize.conflict import explain
from portfolio_engine._optimize.problem import Answer, Problem, Targets
from portfolio_engine._optimize.program import build
from portfolio_engine._optimize.relax import beyond, relax, with_soft_rows
from portfolio_engine._optimize.search import cheapest, least_variance
from portfolio_engine._optimize.solver import InfeasibleProgramError, Solver
from portfolio_engine.allocation import Allocation, Violation
from portfolio_engine.black_litterman import View
from portfolio_engine.constraints import Constraints
from portfolio_engine.errors import FeasibleRange, InfeasibleError
from portfolio_engine.moments import Moments, estimate_moments


def optimize(
    returns_or_moments: Moments | Any,
    method: str = "mean_variance",
    constraints: Constraints | None = None,
    *,
    target_return: float | None = None,
    max_volatility: float | None = None,
    risk_aversion: float = 2.5,
    risk_free_rate: float = 0.0,
    views: Sequence[View | Mapping[str, Any]] | None = None,
    market_weights: Mapping[str, float] | Any | None = None,
    tau: float | None = None,
    risk_budgets: Mapping[str, float] | Any | None = None,
    strict: bool = False,
    device: str = "auto",
) -> Allocation:
    """Optimal weights by one of the methods, under constraints that are all met, relaxed with a word, or refused.

    The method is the objective; target_return, max_volatility and `constraints` bound it:

    - "mean_variance": least variance at target_return; with max_volatility only, the highest return within it; with
      neither, the highest utility mu'w - risk_aversion / 2 w'Sigma w.
    - "min_variance": least variance.
    - "max_sharpe": highest (mu'w - risk_free_rate) / volatility.
    - "black_litterman": mean_variance on the posterior of `black_litterman` (views, market_weights, tau).
    - "risk_parity" (risk_budgets), "equal_weight", "inverse_volatility": rules that apply only the budget; what else
      was sent is listed in `ignored` and checked into `violations`.

    Hard: budget, bounds, groups, linear rows. Soft, in this order of keeping: max_volatility, turnover, target_return;
    where they cannot all be met each is met as nearly as the harder ones allow, the objective is optimised under the
    values achieved and the status is "relaxed".

    Args:
        returns_or_moments: (T, n) simple daily returns (estimated by `estimate_moments` with its defaults), or Moments.
        method: one of the above.
        constraints: default long-only, fully invested.
        target_return: annual, a lower bound on the expected return.
        max_volatility: annual, an upper bound on the standard deviation.
        risk_aversion: > 0; also Black-Litterman's delta.
        risk_free_rate: annual.
        views, market_weights, tau: of black_litterman (tau 0.05 by default).
        risk_budgets: (n,) > 0, shares of risk for risk_parity; default equal.
        strict: refuse a target out of reach with an InfeasibleError that gives the feasible range.
        device: "auto", "cpu" or "metal".

    Returns:
        Allocation.

    Raises:
        InfeasibleError: a ValueError; hard constraints conflict (an irreducible list and the arithmetic), or a target
            is out of reach with `strict`.
        SolverError: no answer that could be verified, or an unbounded problem.
        ValueError: a bad argument; an option of another method; a device that is absent.
    """
    start = time.perf_counter()
    chosen = registry.find(method)
    check_device(device)
    check_numbers(risk_aversion=risk_aversion, risk_free_rate=risk_free_rate)
    options = {"views": views, "market_weights": market_weights, "tau": tau, "risk_budgets": risk_budgets}
    options = {name: value for name, value in options.items() if value is not None}
    registry.check_options(chosen, options)
    moments = returns_or_moments
    if not isinstance(moments, Moments):
        moments = estimate_moments(moments, device=device)
    if chosen.prepare is not None:
        moments = chosen.prepare(moments, risk_aversion=risk_aversion, risk_free_rate=risk_free_rate, **options)
    check_targets(moments, target_return, max_volatility)
    rules = Constraints() if constraints is None else constraints
    if not isinstance(rules, Constraints):
        raise ValueError(f"[optimize] constraints: expected Constraints, got {type(rules).__name__}")
    names = moments.labels
    targets = Targets(max_volatility, rules.turnover, rules.held(names), target_return)
    hard, solver = build(rules, names), Solver(moments, device)
    problem = Problem(solver, hard, None, None, risk_aversion, risk_free_rate, rules.budget)
    ignored: tuple[str, ...] = ()
    violations: list[Violation]
    if chosen.budget_only:
        if risk_budgets is not None:
            problem.risk_budgets = vector(risk_budgets, names, "optimize", "risk_budgets", limit=np.inf)
        answer, ignored = chosen.solve(problem), sent(rules, targets, names)
        violations = [*broken_hard(hard, answer.weights), *broken_soft(targets, moments, answer.weights)]
    else:
        answer, violations = _solve(chosen, problem, targets)
        if strict and violations:
            raise _refused(problem, targets, violations)
    milliseconds = (time.perf_counter() - start) * 1e3
    return allocation(problem, chosen.name, answer, violations, ignored, milliseconds)


def _solve(chosen: registry.Method, bare: Problem, targets: Targets) -> tuple[Answer, list[Violation]]:
    """The method on all constraints, or on what is left of them when that is certified to be impossible."""
    hard, solver = bare.program, bare.solver
    problem = replace(
        bare,
        program=with_soft_rows(hard, targets, solver.moments.mu),
        target_return=targets.target_return,
        max_volatility=targets.max_volatility,
    )
    try:
        cap = targets.max_volatility
        if cap is None or not beyond(problem.least_variance.risk, cap):
            return chosen.solve(problem), []
    except InfeasibleProgramError as infeasible:
        if not targets.any:
            raise explain(solver, infeasible) from None
    try:
        left = relax(solver, hard, targets)
    except InfeasibleProgramError as infeasible:
        raise explain(solver, infeasible) from None
    status = "relaxed" if left.violations else "optimal"
    if left.point is not None:
        return Answer(left.point.w, chosen.objective(problem), left.point, status=status), left.violations
    answer = chosen.solve(replace(problem, program=left.program, max_volatility=left.max_volatility))
    if left.violations:
        answer = replace(answer, status=status, scale=0.0, prices={})
    return answer, left.violations


def _refused(problem: Problem, targets: Targets, violations: list[Violation]) -> InfeasibleError:
    """The error of `strict`, with the range that a caller can choose from."""
    solver, hard = problem.solver, problem.program
    mu = solver.moments.mu
    names = [violation.constraint for violation in violations]
    only_return = names == ["target_return"]
    reached = violations[0].achieved if only_return else float(mu @ cheapest(solver, hard, -mu).w)
    feasible = FeasibleRange(
        min_return=float(mu @ cheapest(solver, hard, mu).w),
        max_return=reached,
        min_volatility=least_variance(solver, hard).risk,
    )
    if only_return:  # the softer target gives way to those that are kept
        kept = {"max_volatility": targets.max_volatility, "turnover": targets.turnover}
        names += [name for name, value in kept.items() if value is not None]
    listing = "; ".join(str(violation) for violation in violations)
    return InfeasibleError(names, f"{listing}; feasible: {feasible}", feasible, violations)

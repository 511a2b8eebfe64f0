"""A request solved: on all constraints, or on what is left of them when that is certified to be impossible."""

from __future__ import annotations

import time
from dataclasses import replace

from portfolio_engine._optimize import registry
from portfolio_engine._optimize.answer import allocation
from portfolio_engine._optimize.arguments import sent
from portfolio_engine._optimize.audit import broken_hard, broken_soft
from portfolio_engine._optimize.conflict import explain
from portfolio_engine._optimize.point import Aim
from portfolio_engine._optimize.problem import Answer, Problem, Targets
from portfolio_engine._optimize.relax import beyond, relax, with_soft_rows, with_trades
from portfolio_engine._optimize.request import Request
from portfolio_engine._optimize.search import cheapest, least_variance
from portfolio_engine._optimize.solver import InfeasibleProgramError
from portfolio_engine.allocation import Allocation, Violation
from portfolio_engine.errors import FeasibleRange, InfeasibleError

BOUNDS = ("min_weight", "max_weight")


def settle(request: Request) -> Allocation:
    """The verified allocation; raises what `optimize` raises beyond bad arguments."""
    chosen, problem, targets = request.method, request.problem, request.targets
    ignored: tuple[str, ...] = ()
    violations: list[Violation]
    if chosen.budget_only:
        moments = problem.solver.moments
        answer, ignored = chosen.solve(problem), sent(request.rules, targets, moments.labels)
        if chosen.bounds:
            ignored = tuple(name for name in ignored if name not in BOUNDS)
        if problem.trading_cost is not None:
            ignored = (*ignored, "trading_cost")
        violations = [*broken_hard(problem.program, answer.weights, moments)]
        violations += broken_soft(targets, moments, answer.weights)
    else:
        answer, violations = _solve(chosen, problem, targets)
        if request.strict and violations:
            raise _refused(problem, targets, violations)
    milliseconds = (time.perf_counter() - request.began) * 1e3
    return allocation(problem, chosen.name, answer, violations, ignored, targets.held, milliseconds)


def _solve(chosen: registry.Method, bare: Problem, targets: Targets) -> tuple[Answer, list[Violation]]:
    hard, solver = bare.program, bare.solver
    # faces of optima and linear programs of scenarios want every constraint as a row, plain quadratic programs do not
    lay_out = with_trades if targets.max_volatility is None and not chosen.scenarios else with_soft_rows
    problem = bare.aimed_at(targets, lay_out(hard, targets, solver.moments.mu, bare.trading_cost))
    try:
        cap = targets.max_volatility
        if cap is None or not beyond(problem.least_variance.risk, cap):
            return chosen.solve(problem), []
    except InfeasibleProgramError as infeasible:
        if not targets.any:
            raise explain(solver, infeasible) from None
    try:
        left = relax(solver, hard, targets, purchases=bare.trading_cost is not None)
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
    reached = violations[0].achieved if only_return else float(mu @ cheapest(solver, hard, Aim(-mu)).w)
    feasible = FeasibleRange(
        min_return=float(mu @ cheapest(solver, hard, Aim(mu)).w),
        max_return=reached,
        min_volatility=least_variance(solver, hard).risk,
    )
    if only_return:  # the softer target gives way to those that are kept
        kept = {"max_volatility": targets.max_volatility, "turnover": targets.turnover}
        names += [name for name, value in kept.items() if value is not None]
    listing = "; ".join(str(violation) for violation in violations)
    return InfeasibleError(names, f"{listing}; feasible: {feasible}", feasible, violations)

"""The least mean loss in the tail: Rockafellar and Uryasev 2000, over the scenarios that the returns are."""

from __future__ import annotations

import numpy as np

from portfolio_engine._optimize.point import Aim, Point
from portfolio_engine._optimize.problem import Answer, Problem
from portfolio_engine._optimize.registry import method
from portfolio_engine.errors import SolverError


@method("min_cvar", objective=lambda _: "cvar", options=frozenset({"confidence", "risk_tolerance"}), scenarios=True)
def min_cvar(problem: Problem) -> Answer:
    """The vertex found, proved by its duals: with the worst case held fixed, CVaR is the linear loss in it."""
    program, solver, tail = problem.program, problem.solver, problem.tail
    assert tail is not None
    if program.trades is not None:
        trades, program = program.trades, program.with_purchases(program.trades.held)
        program = program.with_upper("turnover", program.turnover_row(), trades.limit - float(trades.held.sum()))
    rows = {"G": program.G, "h": program.h, "A": program.A, "b": program.b, "lb": program.lb, "ub": program.ub}
    found = tail.minimise(rows, program.k, device=solver.device, **solver.limit.arguments)
    solver.iterations += found.iterations
    solver.device_used, solver.device_reason = found.device, found.device_reason
    solver.limit.check_status(found.status)
    if found.status == "primal_infeasible":
        solver.minimise(program, 0.0, Aim(np.zeros(program.k)))  # raises, with the names in the certificate
    if found.status == "dual_infeasible":
        raise SolverError("unbounded", "the tail has no least loss; give every asset a finite min and max weight")
    if found.status != "optimal":
        raise SolverError(found.status, f"no verified answer after {found.iterations} iterations")
    worst = program.weights_only(-(found.scenarios @ tail.returns) - tail.reward)
    point = Point(program, found.x, found.y, found.z, found.z_box, 0.0, Aim(worst), solver.moments)
    return Answer(point.w, "cvar", point, scale=1.0)

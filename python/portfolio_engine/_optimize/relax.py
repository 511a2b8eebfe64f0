"""Soft constraints in their order of keeping: max_volatility, turnover, target_return.

Each is met as nearly as the harder ones allow; what is left is the program on which the method's objective decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.point import Aim, Point
from portfolio_engine._optimize.problem import Targets
from portfolio_engine._optimize.program import Program, Trades
from portfolio_engine._optimize.search import cheapest_within, least_variance, optimal_face
from portfolio_engine._optimize.solver import Solver
from portfolio_engine.allocation import Violation

TOLERANCE = 1e-9


def beyond(value: float, limit: float) -> bool:
    """Whether value exceeds limit by more than rounding."""
    return value > limit + TOLERANCE * (1e-3 + abs(limit))


def with_soft_rows(hard: Program, targets: Targets, mu: Array, costs: Array | None = None) -> Program:
    """The hard constraints with turnover and target_return as rows; max_volatility is not a row."""
    program = hard
    if targets.held is not None and (costs is not None or targets.turnover is not None):
        program = program.with_purchases(targets.held)
    if targets.held is not None and targets.turnover is not None:
        bound = targets.turnover - float(targets.held.sum())
        program = program.with_upper("turnover", program.turnover_row(), bound)
    if targets.target_return is not None:
        program = program.with_lower("target_return", program.weights_only(mu), targets.target_return)
    return program


def with_trades(hard: Program, targets: Targets, mu: Array, costs: Array | None = None) -> Program:
    """The same with turnover and costs as the solver takes them, without further variables."""
    if targets.held is None or (costs is None and targets.turnover is None):
        return with_soft_rows(hard, targets, mu)
    limit = math.inf if targets.turnover is None else targets.turnover
    trades = Trades(targets.held, np.zeros(hard.n) if costs is None else costs, limit)
    return with_soft_rows(replace(hard, trades=trades), Targets(target_return=targets.target_return), mu)


@dataclass
class Relaxation:
    """What is left after the soft constraints: a program, or the single point that they leave."""

    solver: Solver
    program: Program
    max_volatility: float | None
    point: Point | None = None
    violations: list[Violation] = field(default_factory=list)

    def keep_volatility(self) -> None:
        cap = self.max_volatility
        if cap is None:
            return
        calm = least_variance(self.solver, self.program)
        risk = calm.risk
        if beyond(risk, cap):
            self.violations.append(Violation("max_volatility", cap, risk))
            self._settle(calm)

    def keep_turnover(self, limit: float, held: Array) -> None:
        if self.point is not None:
            self._note("turnover", limit, float(np.abs(self.point.w - held).sum()))
            return
        row, offset = self.program.turnover_row(), float(held.sum())
        best = cheapest_within(self.solver, self.program, Aim(row), self.max_volatility)
        least = float(np.abs(best.w - held).sum())
        self._note("turnover", limit, least)
        if least >= limit - TOLERANCE * (1e-3 + limit):
            self._settle(best)
        else:
            self.program = self.program.with_upper("turnover", row, limit - offset)

    def keep_return(self, target: float) -> None:
        mu = self.solver.moments.mu
        if self.point is None:
            row = self.program.weights_only(mu)
            best = cheapest_within(self.solver, self.program, Aim(-row), self.max_volatility)
            if float(mu @ best.w) > target + TOLERANCE * (1e-3 + abs(target)):
                self.program = self.program.with_lower("target_return", row, target)
                return
            self.point = best  # of all portfolios with this return the one with least variance
        achieved = float(mu @ self.point.w)
        if beyond(target, achieved):
            self.violations.append(Violation("target_return", target, achieved))

    def _settle(self, point: Point) -> None:
        """Go on among the points that share this one's optimum; a variance it pins needs no limit any more."""
        face = optimal_face(self.solver, point)
        if face is None:
            self.point = point
            return
        self.program = face
        if point.quadratic and self.max_volatility is not None:
            self.max_volatility = math.inf

    def _note(self, name: str, limit: float, achieved: float) -> None:
        if beyond(achieved, limit):
            self.violations.append(Violation(name, limit, achieved))


def relax(solver: Solver, hard: Program, targets: Targets, *, purchases: bool) -> Relaxation:
    """Raises InfeasibleProgramError when the hard constraints conflict."""
    program = hard
    if targets.held is not None and (purchases or targets.turnover is not None):
        program = hard.with_purchases(targets.held)
    left = Relaxation(solver, program, targets.max_volatility)
    left.keep_volatility()
    if targets.turnover is not None and targets.held is not None:
        left.keep_turnover(targets.turnover, targets.held)
    if targets.target_return is not None:
        left.keep_return(targets.target_return)
    return left

"""What a method gets to see, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.point import Aim, Point
from portfolio_engine._optimize.program import Program
from portfolio_engine._optimize.search import cheapest_within, least_variance
from portfolio_engine._optimize.solver import Solver
from portfolio_engine._optimize.tail import Tail


@dataclass(frozen=True)
class Targets:
    """The soft constraints; `turnover` limits sum |weight - held|."""

    max_volatility: float | None = None
    turnover: float | None = None
    held: Array | None = None
    target_return: float | None = None

    @property
    def any(self) -> bool:
        return not (self.max_volatility is None and self.turnover is None and self.target_return is None)


@dataclass(frozen=True, eq=False)
class Answer:
    """Weights, and for methods with a quadratic program the point that proves them.

    `scale` turns a slope of the point's minimum into the slope of the stated objective, `prices` are added to the
    shadow prices, `error` is the residual of a rule.
    """

    weights: Array
    objective: str = "none"
    point: Point | None = None
    scale: float = 0.0
    prices: Mapping[str, float] = field(default_factory=dict)
    status: str = "optimal"
    error: float = 0.0


@dataclass(eq=False)
class Problem:
    """A feasible program with the soft rows in it; `max_volatility` is infinite where the program implies it."""

    solver: Solver
    program: Program
    target_return: float | None
    max_volatility: float | None
    risk_aversion: float
    risk_free_rate: float
    budget: float = 1.0
    risk_budgets: Array | None = None

    trading_cost: Array | None = None
    tail: Tail | None = None

    def aimed_at(self, targets: Targets, program: Program) -> Problem:
        """This problem with its targets, on a program that holds those of them that are rows."""
        return Problem(
            self.solver,
            program,
            targets.target_return,
            targets.max_volatility,
            self.risk_aversion,
            self.risk_free_rate,
            self.budget,
            self.risk_budgets,
            self.trading_cost,
            self.tail,
        )

    @cached_property
    def cost(self) -> Aim:
        """Minus the expected return, and what trading takes off it."""
        mu, costs, program = self.solver.moments.mu, self.trading_cost, self.program
        if costs is None:
            return Aim(program.weights_only(-mu))
        if program.trades is not None:
            return Aim(-mu, 1.0)
        assert program.held is not None  # purchases are variables: what is traded is 2 purchases - (weights - held)
        return Aim(np.concatenate([-mu - costs, 2.0 * costs]), constant=float(costs @ program.held))

    @cached_property
    def least_variance(self) -> Point:
        return least_variance(self.solver, self.program)

    def variance_answer(self, status: str = "optimal") -> Answer:
        """Least variance; the objective is the variance, twice the minimised half."""
        point = self.least_variance
        return Answer(point.w, "variance", point, scale=2.0, status=status)

    def highest_return(self) -> Point:
        """Highest expected return within max_volatility."""
        return cheapest_within(self.solver, self.program, self.cost, self.max_volatility, self.least_variance)

    def return_answer(self) -> Answer:
        """Highest return within the cap: maximising R is minimising variance / 2 - s R at s = d(variance / 2) / dR."""
        point = self.highest_return()
        if point.quadratic == 0:
            return Answer(point.w, "expected_return", point, scale=-1.0)
        s = inverse_multiplier(point, self.cost)
        if s == 0:  # the cap leaves least variance only: the return has no finite price there
            return Answer(point.w, "expected_return", point)
        return Answer(point.w, "expected_return", point, scale=-1.0 / s, prices={"max_volatility": point.risk / s})


def inverse_multiplier(point: Point, cost: Aim) -> float:
    """s of a point that minimises variance / 2 + s cost."""
    size = float(cost.linear @ cost.linear)
    return float(point.aim.linear @ cost.linear) / size / (point.quadratic or 1.0) if size else 0.0

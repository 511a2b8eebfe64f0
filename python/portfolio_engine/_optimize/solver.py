"""Solves quadratic programs on one set of moments and accepts only answers that were verified."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.path import Distance, to_limit
from portfolio_engine._optimize.point import Aim, Point
from portfolio_engine._optimize.program import TRACKING, Program, Tracking
from portfolio_engine.cancel import Limit
from portfolio_engine.errors import SolverError
from portfolio_engine.factor_covariance import FactorCovariance
from portfolio_engine.moments import Moments
from portfolio_engine.qp import QPSolution, solve_qp

RESIDUAL_LIMIT = 1e-8
SAME_LIMIT = 1e-9


class InfeasibleProgramError(Exception):
    """A program without a feasible point; `names` are the constraints in its verified certificate."""

    def __init__(self, program: Program, names: list[str]) -> None:
        self.program = program
        self.names = names
        super().__init__(", ".join(names))


class FirstProgramError(Exception):
    """What stops a solver that was only asked for its first program: the arguments of solve_qp."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        super().__init__("the first program was asked for")


@dataclass
class Solver:
    """The moments, the device, and a count of the work done."""

    moments: Moments
    device: str = "auto"
    iterations: int = 0
    device_used: str = "cpu"
    device_reason: str = ""
    limit: Limit = field(default_factory=lambda: Limit("optimize"))
    first: QPSolution | Literal["ask"] | None = None  # of a batch: "ask" for the first program, then its solution
    _wide: dict[int, Any] = field(default_factory=dict)

    def minimise(self, program: Program, quadratic: float, aim: Aim, start: Point | None = None) -> Point:
        """The optimum, sought from `start` when that is near.

        Raises InfeasibleProgramError with a verified certificate, SolverError for anything short of an optimum.
        """
        crossed = program.lb > program.ub
        if crossed.any():
            k = int(crossed.argmax())
            raise InfeasibleProgramError(program, [program.lb_names[k], program.ub_names[k]])
        # Sigma itself goes in, not a multiple of it, which would be a matrix to make: the objective is divided instead
        unit = quadratic or 1.0
        if program.tracking is None:
            return _in_units(self._solve(program, quadratic / unit, aim.times(1 / unit), start), unit, quadratic, aim)
        return self._tracked(program, program.tracking, quadratic, aim, start)

    def _tracked(self, program: Program, tracking: Tracking, quadratic: float, aim: Aim, start: Point | None) -> Point:
        """With a limit on the tracking error: where it binds, on the path from the nearest portfolio to the best one.

        A multiplier beta of half its square adds to the objective's Sigma and -beta Sigma b to its linear part, so that
        in units of quadratic + beta the aim moves from that of the nearest portfolio (s = 0) to that without a limit.
        """
        loose, unit = replace(program, tracking=None), quadratic or 1.0
        scaled, limit = aim.times(1 / unit), tracking.limit
        far = self._solve(loose, quadratic / unit, scaled, start)
        if tracking.error(far.w, far.sigma_w) <= limit:
            return _in_units(far, unit, quadratic, aim, program=program)
        base = Aim(loose.weights_only(-tracking.sigma_b))
        near = self._solve(loose, 1.0, base, far)
        least = tracking.error(near.w, near.sigma_w)
        if least > limit + SAME_LIMIT * (1e-3 + limit):
            raise InfeasibleProgramError(program, [TRACKING, *_binding(near)])
        if least >= limit * (1 - 1e-12):  # duals that prove it, not prices
            return replace(near, program=program, priced=False)
        if not (quadratic or aim.linear.any() or aim.trading):
            return _in_units(near, 0.0, quadratic, aim, program=program)
        slope = scaled.plus(base.times(-1.0)) if quadratic else scaled
        distance = Distance(tracking.benchmark, tracking.sigma_b)

        def solve(s: float, near_by: Point) -> Point:
            return self._solve(loose, 1.0, base.plus(slope.times(s)), near_by)

        found, s = to_limit(solve, slope, distance, limit * limit, near, far, 1.0 if quadratic else math.inf)
        multiplier = unit * (1 - s) / s if quadratic else 1 / s
        return _in_units(found, unit / s, quadratic, aim, program=program, tracking_dual=multiplier)

    def _solve(self, program: Program, quadratic: float, aim: Aim, start: Point | None) -> Point:
        """One quadratic program with Sigma, or none, in its objective."""
        self.limit.check()
        arguments = self._arguments(program, quadratic, aim)
        if start is not None:
            arguments["start"] = start.x
        if self.first == "ask":
            raise FirstProgramError(arguments)
        if self.first is None:
            solution = solve_qp(
                arguments.pop("P", None), **arguments, check_matrix=False, device=self.device, **self.limit.arguments
            )
        else:
            solution, self.first = self.first, None
        self.iterations += solution.iterations
        self.device_used, self.device_reason = solution.device, solution.device_reason
        self.limit.check_status(solution.status)
        if solution.status == "primal_infeasible":
            if program.trades is not None:
                self._solve(program.doubled(), 0.0, Aim(np.zeros(2 * program.n)), None)  # for a certificate with names
                raise SolverError("numerical_error", "infeasibility was reported and could not be confirmed")
            raise InfeasibleProgramError(program, _certified(program, solution))
        if solution.status == "dual_infeasible":
            raise SolverError("unbounded", "the objective has no optimum; give every asset a finite min and max weight")
        if solution.status != "optimal":
            raise SolverError(solution.status, f"no verified answer after {solution.iterations} iterations")
        duals = (solution.y, solution.z, solution.z_box)
        trade, turnover = solution.z_trade, solution.turnover_dual
        return Point(program, solution.x, *duals, quadratic, aim, self.moments, trade, turnover)

    def _arguments(self, program: Program, quadratic: float, aim: Aim) -> dict[str, Any]:
        arguments: dict[str, Any] = {"q": aim.linear, "lb": program.lb, "ub": program.ub}
        if quadratic:
            arguments["P"] = self.covariance(program)
        if len(program.h):
            arguments |= {"G": program.G, "h": program.h}
        if len(program.b):
            arguments |= {"A": program.A, "b": program.b}
        trades = program.trades
        if trades is not None:
            arguments["held"], arguments["turnover"] = trades.held, trades.limit
            arguments["trading_cost"] = aim.trading * trades.cost
        return arguments

    def covariance(self, program: Program) -> Any:
        """(k, k) covariance, zero on the variables beyond the weights; a FactorCovariance stays one."""
        sigma = self.moments.factors
        n, k = program.n, program.k
        if k == n:
            return self.moments.Sigma if sigma is None else sigma
        if k not in self._wide:
            if sigma is not None:
                loadings = np.vstack([sigma.loadings, np.zeros((k - n, sigma.loadings.shape[1]))])
                specific = np.concatenate([sigma.specific_variance, np.zeros(k - n)])
                self._wide[k] = FactorCovariance(loadings, sigma.factor_covariance, specific)
            else:
                wide = np.zeros((k, k))
                wide[:n, :n] = self.moments.Sigma
                self._wide[k] = wide
        return self._wide[k]


def _in_units(point: Point, unit: float, quadratic: float, aim: Aim, **changes: Any) -> Point:
    """The point of an objective that was divided by `unit`, with the duals of the whole one."""
    if unit == 1.0 and not changes:
        return point
    duals = {name: unit * getattr(point, name) for name in ("y", "z", "z_box", "turnover_dual")}
    trade = None if point.z_trade is None else unit * point.z_trade
    return replace(point, quadratic=quadratic, aim=aim, z_trade=trade, **duals, **changes)


def _binding(point: Point) -> list[str]:
    """Names of the constraints that hold a point where it is."""
    program = point.program
    names = [name for name, dual in zip(program.a_names, point.y, strict=True) if dual]
    names += [name for name, dual in zip(program.g_names, point.z, strict=True) if dual]
    names += [program.lb_names[k] for k in np.flatnonzero(point.z_box < 0)]
    names += [program.ub_names[k] for k in np.flatnonzero(point.z_box > 0)]
    return list(dict.fromkeys(name for name in names if name))


def _largest(*arrays: Array) -> float:
    return max((float(np.abs(array[np.isfinite(array)]).max(initial=0.0)) for array in arrays), default=0.0)


def _certified(program: Program, solution: QPSolution) -> list[str]:
    """Names in the Farkas certificate after multiplying it out; a certificate that proves nothing is a failure."""
    y, z, box = solution.y, solution.z, solution.z_box
    size = _largest(y, z, box)
    upper, lower = np.maximum(box, 0.0), np.maximum(-box, 0.0)
    value = float(program.h @ z + program.b @ y)
    value += float(program.ub[upper > 0] @ upper[upper > 0] - program.lb[lower > 0] @ lower[lower > 0])
    rest = program.G.T @ z + program.A.T @ y + box
    reach = np.maximum(np.abs(program.lb), np.abs(program.ub))
    slack = float(np.abs(rest) @ np.where(np.isfinite(reach), reach, 1e6))
    scale = size * (1 + _largest(program.h, program.b))
    if not (size > 0 and z.min(initial=0.0) >= -1e-9 * size and value + slack < -1e-10 * scale):
        raise SolverError("numerical_error", "infeasibility was reported without a certificate that proves it")
    names = [name for name, dual in zip(program.a_names, y, strict=True) if abs(dual) > 1e-9 * size]
    names += [name for name, dual in zip(program.g_names, z, strict=True) if dual > 1e-9 * size]
    names += [name for name, dual in zip(program.lb_names, lower, strict=True) if dual > 1e-9 * size]
    names += [name for name, dual in zip(program.ub_names, upper, strict=True) if dual > 1e-9 * size]
    return list(dict.fromkeys(name for name in names if name))

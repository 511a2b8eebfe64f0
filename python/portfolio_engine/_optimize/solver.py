"""Solves quadratic programs on one set of moments and accepts only answers that were verified."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.program import Program
from portfolio_engine.allocation import Residuals
from portfolio_engine.errors import SolverError
from portfolio_engine.factor_covariance import FactorCovariance
from portfolio_engine.moments import Moments
from portfolio_engine.qp import QPSolution, solve_qp

RESIDUAL_LIMIT = 1e-8


class InfeasibleProgramError(Exception):
    """A program without a feasible point; `names` are the constraints in its verified certificate."""

    def __init__(self, program: Program, names: list[str]) -> None:
        self.program = program
        self.names = names
        super().__init__(", ".join(names))


@dataclass(frozen=True, eq=False)
class Point:
    """A minimiser of quadratic / 2 w'Sigma w + linear'x over `program`, with the duals that prove it."""

    program: Program
    x: Array
    y: Array
    z: Array
    z_box: Array
    quadratic: float
    linear: Array
    moments: Moments

    @property
    def w(self) -> Array:
        return self.x[: self.program.n]

    @cached_property
    def sigma_w(self) -> Array:
        """(n,) Sigma w, the one product that everything said about the point needs."""
        return self.moments.times(self.w)

    @cached_property
    def variance(self) -> float:
        return max(float(self.w @ self.sigma_w), 0.0)

    @property
    def risk(self) -> float:
        return math.sqrt(self.variance)

    @property
    def expected_return(self) -> float:
        return float(self.moments.mu @ self.w)

    @cached_property
    def gradient(self) -> Array:
        """(k,) gradient of the objective without its duals."""
        out = self.linear.copy()
        if self.quadratic:
            out[: self.program.n] += self.quadratic * self.sigma_w
        return out

    @cached_property
    def residuals(self) -> Residuals:
        """Relative residuals as docs/numerics/optimization.md defines them, from the point itself."""
        program, x, z, box = self.program, self.x, self.z, self.z_box
        Ax, Gx = program.A @ x, program.G @ x
        Ay, Gz = self.y @ program.A, z @ program.G
        held = np.flatnonzero(box)
        slack = np.where(box[held] > 0, program.ub[held], program.lb[held]) - x[held]
        beyond = max(float((program.lb - x).max()), float((x - program.ub).max()), _top(Gx - program.h), 0.0)
        gap = _sum(z * (program.h - Gx)) + _sum(box[held] * slack)
        linear = float(self.linear @ x)
        objective = linear + 0.5 * self.quadratic * self.variance
        sizes = max(_size(self.gradient - self.linear), _size(self.linear), _size(Ay), _size(Gz))
        return Residuals(
            primal=max(_size(Ax - program.b), beyond)
            / (1 + max(_size(Ax), _size(Gx), _size(program.b), _size(program.h))),
            dual=max(_size(self.gradient + Gz + Ay + box), _top(-z), 0.0) / (1 + sizes),
            gap=gap / (1 + abs(objective)),
        )


@dataclass
class Solver:
    """The moments, the device, and a count of the work done."""

    moments: Moments
    device: str = "auto"
    iterations: int = 0
    device_used: str = "cpu"
    device_reason: str = ""
    _wide: dict[int, Any] = field(default_factory=dict)

    def minimise(self, program: Program, quadratic: float, linear: Array, start: Point | None = None) -> Point:
        """The optimum, sought from `start` when that is near.

        Raises InfeasibleProgramError with a verified certificate, SolverError for anything short of an optimum.
        """
        crossed = program.lb > program.ub
        if crossed.any():
            k = int(crossed.argmax())
            raise InfeasibleProgramError(program, [program.lb_names[k], program.ub_names[k]])
        # Sigma itself goes in, not a multiple of it, which would be a matrix to make: the objective is divided instead
        unit = quadratic or 1.0
        P = self.covariance(program) if quadratic else None
        q = linear if unit == 1.0 else linear / unit
        G, h = (program.G, program.h) if len(program.h) else (None, None)
        A, b = (program.A, program.b) if len(program.b) else (None, None)
        solution = solve_qp(P, q, G, h, A, b, program.lb, program.ub, device=self.device)
        self.iterations += solution.iterations
        self.device_used, self.device_reason = solution.device, solution.device_reason
        if solution.status == "primal_infeasible":
            raise InfeasibleProgramError(program, _certified(program, solution))
        if solution.status == "dual_infeasible":
            raise SolverError("unbounded", "the objective has no optimum; give every asset a finite min and max weight")
        if solution.status != "optimal":
            raise SolverError(solution.status, f"no verified answer after {solution.iterations} iterations")
        y, z, box = solution.y, solution.z, solution.z_box
        if unit != 1.0:
            y, z, box = unit * y, unit * z, unit * box
        return Point(program, solution.x, y, z, box, quadratic, linear, self.moments)

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


def _size(values: Array) -> float:
    return float(np.abs(values).max()) if values.size else 0.0


def _top(values: Array) -> float:
    return float(values.max()) if values.size else 0.0


def _sum(values: Array) -> float:
    return float(np.abs(values).sum()) if values.size else 0.0


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

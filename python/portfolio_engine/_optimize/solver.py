"""Solves quadratic programs on one set of moments and accepts only answers that were verified."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.program import Program
from portfolio_engine.allocation import Residuals
from portfolio_engine.errors import SolverError
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

    @property
    def w(self) -> Array:
        return self.x[: self.program.n]

    def slopes(self) -> dict[str, float]:
        """Constraint name -> derivative of the minimum with respect to the bound as it is written."""
        program = self.program
        out: dict[str, float] = {}
        entries = [
            *zip(program.a_names, -self.y, strict=True),
            *zip(program.g_names, -self.z * program.g_sign, strict=True),
            *zip(program.lb_names, -np.minimum(self.z_box, 0.0), strict=True),
            *zip(program.ub_names, -np.maximum(self.z_box, 0.0), strict=True),
        ]
        for name, value in entries:
            if name:
                out[name] = out.get(name, 0.0) + float(value)
        return out


@dataclass
class Solver:
    """The moments, the device, and a count of the work done."""

    moments: Moments
    device: str = "auto"
    iterations: int = 0
    device_used: str = "cpu"
    device_reason: str = ""
    _wide: dict[int, Array] = field(default_factory=dict)

    def minimise(self, program: Program, quadratic: float, linear: Array) -> Point:
        """Raises InfeasibleProgramError with a verified certificate, SolverError for anything short of an optimum."""
        crossed = np.flatnonzero(program.lb > program.ub)
        if crossed.size:
            k = int(crossed[0])
            raise InfeasibleProgramError(program, [program.lb_names[k], program.ub_names[k]])
        P = None if quadratic == 0 else quadratic * self.covariance(program)
        G, h = (program.G, program.h) if len(program.h) else (None, None)
        A, b = (program.A, program.b) if len(program.b) else (None, None)
        solution = solve_qp(P, linear, G, h, A, b, program.lb, program.ub, device=self.device)
        self.iterations += solution.iterations
        self.device_used, self.device_reason = solution.device, solution.device_reason
        if solution.status == "primal_infeasible":
            raise InfeasibleProgramError(program, _certified(program, solution))
        if solution.status == "dual_infeasible":
            raise SolverError("unbounded", "the objective has no optimum; give every asset a finite min and max weight")
        if solution.status != "optimal":
            raise SolverError(solution.status, f"no verified answer after {solution.iterations} iterations")
        return Point(program, solution.x, solution.y, solution.z, solution.z_box, quadratic, linear)

    def covariance(self, program: Program) -> Array:
        """(k, k) covariance, zero on the variables beyond the weights."""
        sigma = self.moments.Sigma
        if program.k == program.n:
            return sigma
        if program.k not in self._wide:
            wide = np.zeros((program.k, program.k))
            wide[: program.n, : program.n] = sigma
            self._wide[program.k] = wide
        return self._wide[program.k]

    def expected_return(self, point: Point) -> float:
        return float(self.moments.mu @ point.w)

    def risk(self, point: Point) -> float:
        return self.moments.risk(point.w)

    def gradient(self, point: Point) -> Array:
        """(k,) gradient of the point's objective without its duals."""
        out = point.linear.copy()
        if point.quadratic:
            out[: point.program.n] += point.quadratic * (self.moments.Sigma @ point.w)
        return out

    def residuals(self, point: Point) -> Residuals:
        """Relative residuals as docs/numerics/optimization.md defines them, from the point itself."""
        program, x, linear = point.program, point.x, point.linear
        Px = point.quadratic * (self.covariance(program) @ x)
        Ax, Gx = program.A @ x, program.G @ x
        Gz, Ay = program.G.T @ point.z, program.A.T @ point.y
        upper, lower = np.maximum(point.z_box, 0.0), np.maximum(-point.z_box, 0.0)
        broken = [Ax - program.b, np.maximum(Gx - program.h, 0.0)]
        broken += [np.maximum(program.lb - x, 0.0), np.maximum(x - program.ub, 0.0)]
        products = [point.z * (program.h - Gx)]
        products += [d[d > 0] * s[d > 0] for d, s in ((upper, program.ub - x), (lower, x - program.lb))]
        objective = float(0.5 * x @ Px + linear @ x)
        return Residuals(
            primal=_largest(*broken) / (1 + _largest(Ax, Gx, program.b, program.h)),
            dual=_largest(Px + linear + Gz + Ay + point.z_box, np.minimum(point.z, 0.0))
            / (1 + _largest(Px, linear, Ay, Gz)),
            gap=float(sum(np.abs(product).sum() for product in products)) / (1 + abs(objective)),
        )


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

"""Linear objectives on the constraints, with and without a limit on volatility."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.program import Program
from portfolio_engine._optimize.solver import InfeasibleProgramError, Point, Solver
from portfolio_engine.errors import SolverError

SAME_PIECE = 1e-12  # residual beyond that of its two ends up to which a mix of them is a minimiser
SAME_VARIANCE = 1e-12  # relative
STEPS = 100
RANK_TOLERANCE = 1e-9


def least_variance(solver: Solver, program: Program) -> Point:
    return solver.minimise(program, 1.0, np.zeros(program.k))


def cheapest(solver: Solver, program: Program, cost: Array) -> Point:
    """Least cost'x, and of all such points the one with least variance; its duals are those of the linear program."""
    vertex = solver.minimise(program, 0.0, cost)
    face = program.face(vertex.x, vertex.z, vertex.z_box, float(np.abs(cost).max()))
    try:
        calm = least_variance(solver, face)
    except InfeasibleProgramError as error:  # the vertex lies on it
        raise SolverError("numerical_error", "the face of an optimum was found empty") from error
    return replace(vertex, x=calm.x)


def optimal_face(solver: Solver, point: Point) -> Program | None:
    """All minimisers that share the point's objective; None when the point's weights are the only ones."""
    face = point.program.face(point.x, point.z, point.z_box, float(np.abs(point.gradient).max()))
    if point.quadratic == 0:
        return face
    free = np.flatnonzero(face.lb < face.ub)
    unit = np.ones(face.k)  # one unit of risk of each asset, so that mixed units do not decide the rank
    variances = solver.moments.variances
    unit[: face.n] = np.sqrt(np.where(variances > 0, variances, 1.0))
    risk = (solver.covariance(face) / np.outer(unit, unit))[np.ix_(free, free)]
    if _definite(risk):
        return None
    fixed = np.vstack([_unit_rows(face.A[:, free] / unit[free]), risk])
    _, sizes, directions = np.linalg.svd(fixed)
    rank = int((sizes > RANK_TOLERANCE * max(1.0, sizes.max(initial=0.0))).sum())
    if not np.abs(directions[rank:, free < face.n]).max(initial=0.0) > RANK_TOLERANCE:
        return None
    rows = np.zeros((rank, face.k))  # independent rows in place of dependent ones, consistent by construction
    rows[:, free] = directions[:rank] * unit[free]
    rows = _unit_rows(rows)
    return replace(face, A=rows, b=rows @ point.x, a_names=("",) * rank)


def _definite(risk: Array) -> bool:
    """Whether a Cholesky factor proves every eigenvalue to be clear of zero."""
    try:
        np.linalg.cholesky(risk - RANK_TOLERANCE * max(1.0, len(risk)) * np.eye(len(risk)))
    except np.linalg.LinAlgError:
        return False
    return True


def _unit_rows(rows: Array) -> Array:
    sizes = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(sizes > 0, sizes, 1.0))


def cheapest_within(
    solver: Solver, program: Program, cost: Array, cap: float | None, calmest: Point | None = None
) -> Point:
    """Least cost'x with volatility at most `cap`, which some point (the calmest, where known) must allow.

    The minimiser of variance / 2 + s cost'x is piecewise affine in s, the inverse of the variance's multiplier, and its
    variance grows with s. Newton's method on the active set, kept in a bracket, lands on the right piece; there it, or
    the mix of a bracket's two ends, is exact.
    """
    far = cheapest(solver, program, cost)
    if cap is None or far.risk <= cap:
        return far
    near = least_variance(solver, program) if calmest is None else calmest
    if near.risk >= cap * (1 - 1e-12):
        face = optimal_face(solver, near)
        return near if face is None else _on_face(near, cheapest(solver, face, cost))
    return _search(solver, cost, cap * cap, near, far)


def _on_face(proof: Point, chosen: Point) -> Point:
    """The chosen one of several minimisers with the duals that prove them all."""
    return replace(proof, x=chosen.x)


def _search(solver: Solver, cost: Array, limit: float, low: Point, high: Point) -> Point:
    s_low, s_high, gap, shrinks = 0.0, math.inf, math.inf, True
    point, s = low, 0.0
    for _ in range(STEPS):
        if math.isfinite(s_high):
            share = _crossing(low, high, limit)
            mixed = _mix(low, high, share, ((1 - share) * s_low + share * s_high) * cost)
            noise = max(end.residuals.largest for end in (low, high))
            if mixed.residuals.largest <= SAME_PIECE + noise:
                return mixed
        s += _newton(solver, cost, point, limit)
        if not (shrinks and s_low < s < s_high):
            s = _chord(cost, low, high)
        if not s_low < s < s_high:  # rounding
            s = 0.5 * (s_low + s_high) if math.isfinite(s_high) else 2.0 * s_low
        point = solver.minimise(low.program, 1.0, s * cost)
        variance = point.variance
        shrinks, gap = abs(variance - limit) < 0.5 * gap, abs(variance - limit)
        if gap <= SAME_VARIANCE * limit:
            return point
        if variance < limit:
            low, s_low = point, s
        else:
            high, s_high = point, s
    raise SolverError("numerical_error", f"the search for the volatility limit did not settle in {STEPS} steps")


def _newton(solver: Solver, cost: Array, point: Point, limit: float) -> float:
    """Change of s at which the variance is the limit if the active set stays; NaN where that has no answer."""
    program, x = point.program, point.x
    free = (x > program.lb) & (x < program.ub)
    rows = np.vstack([program.A, program.G[point.z > 0]])[:, free]
    n, m = int(free.sum()), len(rows)
    kkt = np.zeros((n + m, n + m))
    kkt[:n, :n] = solver.covariance(program)[np.ix_(free, free)]
    kkt[:n, n:], kkt[n:, :n] = rows.T, rows
    try:
        direction = np.linalg.solve(kkt, np.concatenate([-cost[free], np.zeros(m)]))[:n]
    except np.linalg.LinAlgError:
        return math.nan
    step = np.zeros(program.k)
    step[free] = direction
    sigma_step = solver.moments.times(step[: program.n])
    half_slope, curvature = float(point.w @ sigma_step), float(step[: program.n] @ sigma_step)
    rise = limit - point.variance
    inside = half_slope * half_slope + curvature * rise
    denominator = half_slope + math.sqrt(inside) if inside >= 0 else math.nan
    return rise / denominator if denominator > 0 else math.nan


def _crossing(low: Point, high: Point, limit: float) -> float:
    """Share of the way from low to high at which the variance is the limit: the root of a convex quadratic."""
    step = high.w - low.w
    sigma_step = high.sigma_w - low.sigma_w
    half_slope, curvature = float(low.w @ sigma_step), float(step @ sigma_step)
    rise = max(limit - low.variance, 0.0)
    root = math.sqrt(max(half_slope * half_slope + curvature * rise, 0.0))
    denominator = half_slope + root
    return min(rise / denominator, 1.0) if denominator > 0 else 1.0


def _chord(cost: Array, low: Point, high: Point) -> float:
    """Half the slope of variance against -cost'x between two points: some minimiser strictly between them has it."""
    rise = high.variance - low.variance
    return 0.5 * rise / float(cost @ (low.x - high.x))


def _mix(low: Point, high: Point, share: float, linear: Array) -> Point:
    def between(a: Array, b: Array) -> Array:
        return (1 - share) * a + share * b

    x, y, z, z_box = (between(getattr(low, name), getattr(high, name)) for name in ("x", "y", "z", "z_box"))
    return replace(low, x=x, y=y, z=z, z_box=z_box, quadratic=1.0, linear=linear)

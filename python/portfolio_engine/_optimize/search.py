"""Linear objectives on the constraints, with and without a limit on volatility."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.path import Distance, to_limit
from portfolio_engine._optimize.piece import covariance_among
from portfolio_engine._optimize.point import Aim, Point
from portfolio_engine._optimize.program import Program, Tracking
from portfolio_engine._optimize.solver import InfeasibleProgramError, Solver
from portfolio_engine.errors import SolverError

RANK_TOLERANCE = 1e-9


def least_variance(solver: Solver, program: Program) -> Point:
    return solver.minimise(program, 1.0, Aim(np.zeros(program.k)))


def cheapest(solver: Solver, program: Program, aim: Aim) -> Point:
    """The least of an aim, and of all such points the one with least variance; its duals are the linear program's."""
    vertex = solver.minimise(program, 0.0, aim)
    if vertex.tracking_dual:  # all of them have one Sigma w, and so one variance
        return vertex
    face = program.face(vertex.x, vertex.z, vertex.z_box, float(np.abs(aim.linear).max()))
    try:
        calm = least_variance(solver, face)
    except InfeasibleProgramError as error:  # the vertex lies on it
        raise SolverError("numerical_error", "the face of an optimum was found empty") from error
    return replace(vertex, x=calm.x)


def optimal_face(solver: Solver, point: Point) -> Program | None:
    """All minimisers that share the point's objective; None when the point's weights are the only ones."""
    face = point.program.face(point.x, point.z, point.z_box, float(np.abs(point.gradient).max()))
    if point.quadratic == 0 and not point.tracking_dual:
        return face
    free = np.flatnonzero(face.lb < face.ub)
    factors = solver.moments.factors
    if factors is not None and factors.shape[0] == face.k and factors.specific_share(free) > RANK_TOLERANCE * face.k:
        return None
    unit = np.ones(face.k)  # one unit of risk of each asset, so that mixed units do not decide the rank
    variances = solver.moments.variances
    unit[: face.n] = np.sqrt(np.where(variances > 0, variances, 1.0))
    risk = covariance_among(point, free) / np.outer(unit[free], unit[free])
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
    solver: Solver, program: Program, aim: Aim, cap: float | None, calmest: Point | None = None
) -> Point:
    """The least of an aim with volatility at most `cap`, which some point (the calmest, where known) must allow.

    The minimiser of variance / 2 + s aim is piecewise affine in s, the inverse of the variance's multiplier, and its
    variance grows with s.
    """
    far = cheapest(solver, program, aim)
    if cap is None or far.risk <= cap:
        return far
    near = least_variance(solver, program) if calmest is None else calmest
    if near.risk >= cap * (1 - 1e-12):
        face = optimal_face(solver, near)
        return near if face is None else _on_face(near, cheapest(solver, face, aim))
    if program.tracking is not None:
        return _within_both(solver, program, program.tracking, aim, cap)

    def solve(s: float, near_by: Point) -> Point:
        return solver.minimise(program, 1.0, aim.times(s), near_by)

    return to_limit(solve, aim, Distance(), cap * cap, near, far)[0]


def _within_both(solver: Solver, program: Program, tracking: Tracking, aim: Aim, cap: float) -> Point:
    """With limits on volatility and tracking error: the one that binds alone, or both.

    Where both bind, the tracking error's square is variance - 2 b'Sigma w + b'Sigma b, so its limit is a row there.
    """
    alone = cheapest_within(solver, replace(program, tracking=None), aim, cap)
    if tracking.error(alone.w, alone.sigma_w) <= tracking.limit * (1 + 1e-12):
        return replace(alone, program=program)
    benchmark = float(tracking.benchmark @ tracking.sigma_b)
    row, bound = program.weights_only(tracking.sigma_b), (cap**2 + benchmark - tracking.limit**2) / 2
    both = replace(program, tracking=None).with_lower("", row, bound)
    point = cheapest_within(solver, both, aim, cap)
    # the row's dual is the multiplier of half the squared error, whose Sigma w the volatility's gives up
    beta = float(point.z[-1])
    return replace(
        point,
        program=program,
        z=point.z[:-1],
        quadratic=point.quadratic - beta,
        tracking_dual=beta,
    )


def _on_face(proof: Point, chosen: Point) -> Point:
    """The chosen one of several minimisers with the duals that prove them all."""
    return replace(proof, x=chosen.x)

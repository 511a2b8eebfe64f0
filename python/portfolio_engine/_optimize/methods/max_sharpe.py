"""Maximum Sharpe ratio along the frontier, and where the limit on volatility ends it when that binds.

On the minimisers of variance / 2 - s R (Markowitz 1956, the critical line) the ratio rises as long as variance > s
excess and falls beyond: the tangency portfolio is the one root of variance - s excess, affine in s on every piece.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from portfolio_engine._optimize.piece import Piece, piece
from portfolio_engine._optimize.point import Aim, Point
from portfolio_engine._optimize.problem import Answer, Problem, inverse_multiplier
from portfolio_engine._optimize.program import Program
from portfolio_engine._optimize.registry import method
from portfolio_engine._optimize.search import cheapest
from portfolio_engine._optimize.solver import InfeasibleProgramError
from portfolio_engine.errors import SolverError

ROOT = 1e-12  # relative to the variance
NO_RISK = 1e-14  # relative to the largest variance
CONE = 1e-12  # residuals
STEPS = 100


@method("max_sharpe", objective=lambda _: "sharpe_ratio")
def max_sharpe(problem: Problem) -> Answer:
    rate = problem.risk_free_rate
    scale = float(np.abs(problem.solver.moments.mu).max()) + abs(rate)
    point = _tangency(problem, 1e-12 * scale)
    if point is None:
        return problem.variance_answer(status="no_positive_excess_return")
    if _riskless(problem, point):
        return _without_risk(problem)
    cap = problem.max_volatility
    capped = cap is not None and point.risk > cap
    if capped:
        point = problem.highest_return()
    risk, excess = point.risk, -point.value(problem.cost) - rate
    s = inverse_multiplier(point, problem.cost) if capped else point.variance / excess
    if s == 0:  # on the limit of least risk: the ratio has no finite price there
        return Answer(point.w, "sharpe_ratio", point)
    prices = {"max_volatility": 1.0 / s - excess / risk**2} if capped else {}
    return Answer(point.w, "sharpe_ratio", point, scale=-1.0 / (s * risk), prices=prices)


def _tangency(problem: Problem, positive: float) -> Point | None:
    """The minimiser of variance / 2 - s R whose variance is s excess, or one without risk; None without excess return.

    Newton's method on the pieces of the path, kept in a bracket.
    """
    point = _cone(problem)
    if point is not None and (point.x <= point.program.ub).all() and point.residuals.largest <= CONE:
        return point
    s, low, high = _guess(problem) if point is None else inverse_multiplier(point, problem.cost), 0.0, math.inf
    vertex: Point | None = None  # the highest return, the end of the path
    for _ in range(STEPS):
        point = problem.solver.minimise(problem.program, 1.0, problem.cost.times(s), point)
        excess = -point.value(problem.cost) - problem.risk_free_rate
        if excess <= positive and vertex is None:
            vertex = problem.solver.minimise(problem.program, 0.0, problem.cost)
            if -vertex.value(problem.cost) - problem.risk_free_rate <= positive:
                return None
        missing = point.variance - s * excess
        if excess > positive and (abs(missing) <= ROOT * point.variance or _riskless(problem, point)):
            return point
        low, high = (s, high) if missing > 0 or excess <= positive else (low, s)
        way = piece(point, problem.cost)
        root = math.nan if way is None else _root(way, s, excess)
        if way is not None and low <= root <= high:
            there = way.at(root - s)
            if there is not None:
                return there
        s = _next(problem, point, vertex, s, root, low, high, way)
    raise SolverError("numerical_error", f"the search for the highest ratio did not settle in {STEPS} steps")


def _cone(problem: Problem) -> Point | None:
    """The tangency portfolio by one program where the constraints allow, upper bounds left out; None elsewhere.

    With every lower bound zero and a positive budget B the portfolios are the rays of a cone, h'w <= c being
    (h - c / B 1)'y <= 0 there, and the one with least y'Sigma y at a fixed excess return is the best one's (Cornuejols
    and Tutuncu 2006, section 8.2).
    """
    program, solver, budget, rate = problem.program, problem.solver, problem.budget, problem.risk_free_rate
    plain = program.trades is None and program.tracking is None and program.k == program.n
    if not plain or program.lb.any() or budget <= 0 or "budget" not in program.a_names:
        return None
    excess = solver.moments.mu - rate
    top = float(excess.max())
    if top <= 0:
        return None
    others = np.array([name != "budget" for name in program.a_names])
    A, b = program.A[others], program.b[others]
    cone = Program(
        n=program.n,
        lb=program.lb,
        ub=np.full(program.n, np.inf),
        lb_names=program.lb_names,
        ub_names=program.ub_names,
        G=program.G - (program.h / budget)[:, None],
        h=np.zeros(len(program.h)),
        g_names=program.g_names,
        g_sign=program.g_sign,
        A=np.vstack([excess / top, A - (b / budget)[:, None]]),
        b=np.append(1.0, np.zeros(len(b))),
        a_names=("", *program.a_names[: len(b)]),
    )
    try:
        ray = solver.minimise(cone, 1.0, Aim(np.zeros(program.n)))
    except InfeasibleProgramError:
        return None  # the path says why
    kappa = float(ray.x.sum()) / budget
    s = -float(ray.y[0]) / (top * kappa) if kappa > 0 else 0.0
    if s <= 0:
        return None
    y, z = np.zeros(len(program.b)), ray.z / kappa
    y[others] = ray.y[1:] / kappa
    y[~others] = s * rate - (float(b @ y[others]) + float(program.h @ z)) / budget
    return Point(program, ray.x / kappa, y, z, ray.z_box / kappa, 1.0, problem.cost.times(s), solver.moments)


def _root(way: Piece, s: float, excess: float) -> float:
    """s at which variance is s excess if the active set stays; NaN where the piece never gets there."""
    gain = way.speed  # also the slope of the excess return in s
    variance, start = way.point.variance - s * s * gain, excess - s * gain
    return max(variance, 0.0) / start if start > 0 else math.nan


def _next(
    problem: Problem,
    point: Point,
    vertex: Point | None,
    s: float,
    root: float,
    low: float,
    high: float,
    way: Piece | None,
) -> float:
    if math.isnan(root) and math.isinf(high) and way is not None and way.at(1e6 * s) is not None:
        raise SolverError("unbounded", "the ratio grows without limit; give every asset a finite min and max weight")
    if low < root < high:
        return max(root, 1e-9 * s)  # on the way to a portfolio without risk
    if math.isfinite(high):
        return 0.5 * (low + high)
    fall = 0.0 if vertex is None else point.value(problem.cost) - vertex.value(problem.cost)
    chord = 0.5 * (vertex.variance - point.variance) / fall if vertex is not None and fall > 0 else 0.0
    return max(chord, 4.0 * s)


def _guess(problem: Problem) -> float:
    """s of the portfolio that correlations of zero would make the best."""
    moments = problem.solver.moments
    most = float(moments.variances.max())
    excess = np.maximum(moments.mu - problem.risk_free_rate, 0.0)
    if not most > 0:
        return 1.0
    if not excess.any():
        return most / (float(np.abs(moments.mu - problem.risk_free_rate).max()) or 1.0)
    w = excess / np.maximum(moments.variances, 1e-6 * most)
    w *= (abs(problem.budget) or 1.0) / w.sum()
    return float(w @ moments.times(w)) / float(w @ (moments.mu - problem.risk_free_rate))


def _riskless(problem: Problem, point: Point) -> bool:
    return point.variance <= NO_RISK * float(problem.solver.moments.variances.max())


def _without_risk(problem: Problem) -> Answer:
    """Excess return without risk: the ratio has no maximum, so the highest return among portfolios without risk."""
    if problem.program.trades is not None:  # the face of an optimum wants rows
        problem = replace(problem, program=problem.program.doubled())
    values, vectors = np.linalg.eigh(problem.solver.moments.Sigma)
    seen = vectors[:, values > NO_RISK * values[-1]].T
    rows = np.hstack([seen, np.zeros((len(seen), problem.program.k - problem.program.n))])
    program = problem.program.with_equalities(rows, np.zeros(len(rows)))
    point = cheapest(problem.solver, program, problem.cost)
    return Answer(point.w, "expected_return", point, scale=-1.0, status="zero_risk")

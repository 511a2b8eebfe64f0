"""Maximum Sharpe ratio by homogenisation, then along the frontier when the volatility limit binds.

Source: Cornuejols and Tutuncu 2006, Optimization Methods in Finance, section 8.2. With x = kappa w, kappa > 0, the
ratio is maximal where x'Sigma x is minimal at a fixed excess return.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from portfolio_engine._labels import Array
from portfolio_engine._optimize.problem import Answer, Problem, inverse_multiplier
from portfolio_engine._optimize.program import Program
from portfolio_engine._optimize.registry import method
from portfolio_engine._optimize.search import cheapest, least_variance
from portfolio_engine._optimize.solver import InfeasibleProgramError, Point
from portfolio_engine.errors import SolverError


@method("max_sharpe", objective=lambda _: "sharpe_ratio")
def max_sharpe(problem: Problem) -> Answer:
    solver, rate = problem.solver, problem.risk_free_rate
    highest = -float(problem.cost @ solver.minimise(problem.program, 0.0, problem.cost).x) - rate
    scale = float(np.abs(solver.moments.mu).max()) + abs(rate)
    if highest <= 1e-12 * scale:
        return problem.variance_answer(status="no_positive_excess_return")
    point = _tangency(problem, highest)
    if point is None:
        return _riskless(problem)
    cap = problem.max_volatility
    capped = cap is not None and point.risk > cap
    if capped:
        point = problem.highest_return()
    risk, excess = point.risk, point.expected_return - rate
    s = inverse_multiplier(point, problem.cost) if capped else risk**2 / excess
    if s == 0:  # on the limit of least risk: the ratio has no finite price there
        return Answer(point.w, "sharpe_ratio", point)
    prices = {"max_volatility": 1.0 / s - excess / risk**2} if capped else {}
    return Answer(point.w, "sharpe_ratio", point, scale=-1.0 / (s * risk), prices=prices)


def _tangency(problem: Problem, highest: float) -> Point | None:
    """The tangency portfolio as the minimiser of variance / 2 - s R at s = variance / excess; None without risk."""
    solver = problem.solver
    cone = _homogenise(problem.program, problem.cost, problem.risk_free_rate, highest)
    try:
        ray = least_variance(solver, cone)
    except InfeasibleProgramError as error:  # kappa = 1 is feasible
        raise SolverError("numerical_error", "the cone of a feasible problem was found empty") from error
    kappa = ray.x[-1]
    if kappa <= 1e-9:
        raise SolverError("unbounded", "the ratio grows without limit; give every asset a finite min and max weight")
    w = ray.x[: cone.n] / kappa
    variance, excess = float(w @ solver.moments.Sigma @ w), highest / kappa
    if variance <= 1e-14 * float(np.diag(solver.moments.Sigma).max()):
        return None
    return solver.minimise(problem.program, 1.0, variance / excess * problem.cost)


def _riskless(problem: Problem) -> Answer:
    """Excess return without risk: the ratio has no maximum, so the highest return among portfolios without risk."""
    values, vectors = np.linalg.eigh(problem.solver.moments.Sigma)
    seen = vectors[:, values > 1e-14 * values[-1]].T
    rows = np.hstack([seen, np.zeros((len(seen), problem.program.k - problem.program.n))])
    point = cheapest(problem.solver, problem.program.with_equalities(rows, np.zeros(len(rows))), problem.cost)
    return Answer(point.w, "expected_return", point, scale=-1.0, status="zero_risk")


def _homogenise(program: Program, cost: Array, rate: float, highest: float) -> Program:
    """Constraints of x = kappa (w, ...) and kappa, with the excess return fixed at the highest attainable one."""
    k = program.k
    lb, ub = np.full(k, -np.inf), np.full(k, np.inf)
    lb[program.lb == 0], ub[program.ub == 0] = 0.0, 0.0
    eye = np.eye(k)
    lower = np.isfinite(program.lb) & (program.lb != 0)
    upper = np.isfinite(program.ub) & (program.ub != 0) & ~_implied(program)
    G = np.vstack([program.G, -eye[lower], eye[upper]])
    h = np.concatenate([program.h, -program.lb[lower], program.ub[upper]])
    finite = np.isfinite(h)
    A = np.hstack([program.A, -program.b[:, None]])
    return replace(
        program,
        lb=np.append(lb, 0.0),
        ub=np.append(ub, np.inf),
        lb_names=("",) * (k + 1),
        ub_names=("",) * (k + 1),
        G=np.hstack([G[finite], -h[finite, None]]),
        h=np.zeros(int(finite.sum())),
        g_names=("",) * int(finite.sum()),
        g_sign=np.ones(int(finite.sum())),
        A=np.vstack([A, np.append(-cost, -rate)]),
        b=np.append(np.zeros(len(A)), highest),
        a_names=("",) * (len(A) + 1),
    )


def _implied(program: Program) -> npt.NDArray[np.bool_]:
    """Upper bounds that the budget implies on long-only weights; as rows they would only cost time."""
    none = np.zeros(program.k, dtype=bool)
    if "budget" not in program.a_names or (program.lb[: program.n] < 0).any():
        return none
    none[: program.n] = program.ub[: program.n] >= program.b[program.a_names.index("budget")]
    return none

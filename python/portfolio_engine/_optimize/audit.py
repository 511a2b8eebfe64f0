"""Which named constraints a portfolio meets, whatever made it."""

from __future__ import annotations

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.problem import Targets
from portfolio_engine._optimize.program import TRACKING, Program
from portfolio_engine._optimize.relax import TOLERANCE, beyond
from portfolio_engine.allocation import Violation
from portfolio_engine.moments import Moments


def broken_hard(program: Program, w: Array, moments: Moments, sigma_w: Array | None = None) -> list[Violation]:
    """Violated rows and bounds of a program over the weights alone, each name once with its worst value."""
    found: dict[str, Violation] = {}
    rows, sums = program.G @ w, program.A @ w
    one, minus = np.ones(len(w)), -np.ones(len(w))
    kinds = (  # names, the sign in which the bound was written, bound, value, how far beyond
        (program.a_names, np.ones(len(sums)), program.b, sums, np.abs(sums - program.b)),
        (program.g_names, program.g_sign, program.h, rows, rows - program.h),
        (program.lb_names, minus, -program.lb, -w, program.lb - w),
        (program.ub_names, one, program.ub, w, w - program.ub),
    )
    for names, sign, bound, value, excess in kinds:
        for k in np.flatnonzero(excess > TOLERANCE * (1 + np.abs(bound))):
            worst = found.get(names[k])
            if worst is None or excess[k] > abs(worst.achieved - worst.requested):
                found[names[k]] = Violation(names[k], float(sign[k] * bound[k]), float(sign[k] * value[k]))
    if program.tracking is not None:
        limit = program.tracking.limit
        error = program.tracking.error(w, moments.times(w) if sigma_w is None else sigma_w)
        if beyond(error, limit):
            found[TRACKING] = Violation(TRACKING, limit, error)
    return list(found.values())


def broken_soft(targets: Targets, moments: Moments, w: Array) -> list[Violation]:
    """Violated targets, in the order in which they are kept."""
    found = []
    risk = moments.risk(w)
    if targets.max_volatility is not None and beyond(risk, targets.max_volatility):
        found.append(Violation("max_volatility", targets.max_volatility, risk))
    if targets.turnover is not None and targets.held is not None:
        traded = float(np.abs(w - targets.held).sum())
        if beyond(traded, targets.turnover):
            found.append(Violation("turnover", targets.turnover, traded))
    achieved = float(moments.mu @ w)
    if targets.target_return is not None and beyond(targets.target_return, achieved):
        found.append(Violation("target_return", targets.target_return, achieved))
    return found

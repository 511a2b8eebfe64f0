"""Which named constraints a portfolio meets, whatever made it."""

from __future__ import annotations

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.problem import Targets
from portfolio_engine._optimize.program import Program
from portfolio_engine._optimize.relax import beyond
from portfolio_engine.allocation import Violation
from portfolio_engine.moments import Moments


def broken_hard(program: Program, w: Array) -> list[Violation]:
    """Violated rows and bounds of a program over the weights alone, each name once with its worst value."""
    found: dict[str, Violation] = {}
    rows = program.G @ w
    sums = program.A @ w
    entries = [
        (name, float(b), float(s), abs(s - b)) for name, b, s in zip(program.a_names, program.b, sums, strict=True)
    ]
    entries += [
        (name, float(sign * h), float(sign * r), float(r - h))
        for name, sign, h, r in zip(program.g_names, program.g_sign, program.h, rows, strict=True)
    ]
    entries += [
        (name, float(b), float(x), float(b - x)) for name, b, x in zip(program.lb_names, program.lb, w, strict=True)
    ]
    entries += [
        (name, float(b), float(x), float(x - b)) for name, b, x in zip(program.ub_names, program.ub, w, strict=True)
    ]
    for name, requested, achieved, excess in entries:
        worst = found.get(name)
        if excess > 1e-9 * (1 + abs(requested)) and (worst is None or excess > abs(worst.achieved - worst.requested)):
            found[name] = Violation(name, requested, achieved)
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

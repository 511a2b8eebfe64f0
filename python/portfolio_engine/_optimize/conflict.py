"""Why hard constraints cannot hold together: an irreducible list of names and the arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.point import Aim
from portfolio_engine._optimize.program import TRACKING, Program
from portfolio_engine._optimize.solver import InfeasibleProgramError, Solver
from portfolio_engine.errors import InfeasibleError, SolverError


def explain(solver: Solver, infeasible: InfeasibleProgramError) -> InfeasibleError:
    """Deletion filter: starting from the names in the certificate, drop each whose absence leaves a conflict."""
    program = _only(infeasible.program, infeasible.names)
    if _feasible(solver, program):  # a certificate's tiny entries were needed after all: filter the whole program
        program = infeasible.program
    for name in list(program.names()):
        smaller = program.without(name)
        if not _feasible(solver, smaller):
            program = smaller
    if program.tracking is None:
        return InfeasibleError(program.names(), _arithmetic(solver, program))
    return InfeasibleError(program.names(), _nearest(solver, program, infeasible.program))


def _only(program: Program, names: list[str]) -> Program:
    for name in program.names():
        if name not in names:
            program = program.without(name)
    return program


def _feasible(solver: Solver, program: Program) -> bool:
    try:
        solver.minimise(program, 0.0, Aim(np.zeros(program.k)))
    except InfeasibleProgramError:
        return False
    return True


def _arithmetic(solver: Solver, program: Program) -> str:
    """The first row at its best under the others, against what it asks."""
    crossed = np.flatnonzero(program.lb > program.ub)
    rows = [name for name in (*program.a_names, *program.g_names) if name]  # those of turnover's purchases have no name
    if not rows and crossed.size:
        k = int(crossed[0])
        return f"{program.lb_names[k]} {program.lb[k]:g} > {program.ub_names[k]} {program.ub[k]:g}"
    name = rows[0]
    row, asked, above = _row(program, name)
    others = program.without(name)
    simple = _bounds_alone(others, name, row, asked, above)
    if simple:
        return simple
    need = f"{asked:g}" if above is None else f"at {'least' if above else 'most'} {asked:g}"
    sides = [1.0, -1.0] if above is None else [1.0 if above else -1.0]
    for side in sides:
        try:
            best = float(row @ solver.minimise(others, 0.0, Aim(-side * row)).x)
        except (SolverError, InfeasibleProgramError):
            continue  # unbounded on this side: the conflict lies on the other
        if side * (asked - best) > 0:
            word = "at most" if side > 0 else "at least"
            return f"with {', '.join(others.names())} the sum for {name} is {word} {best:.6g}, it must be {need}"
    return f"the sum for {name} must be {need}, which {', '.join(others.names())} rule out"


def _nearest(solver: Solver, program: Program, whole: Program) -> str:
    """The least tracking error under the constraints in conflict, and under all of them."""

    def least(given: Program) -> float:
        assert given.tracking is not None
        base = Aim(given.weights_only(-given.tracking.sigma_b))
        near = solver.minimise(replace(given, tracking=None), 1.0, base)
        return given.tracking.error(near.w, near.sigma_w)

    assert program.tracking is not None
    others = [name for name in program.names() if name != TRACKING]
    beside = f"with {', '.join(others)} " if others else ""
    return (
        f"{beside}the least {TRACKING} is {least(program):.6g}, it must be at most {program.tracking.limit:g}; "
        f"all constraints together allow {least(whole):.6g}"
    )


def _row(program: Program, name: str) -> tuple[Array, float, bool | None]:
    """Coefficients, bound, and whether the row must be above it (None: equal to it)."""
    if name in program.a_names:
        k = program.a_names.index(name)
        return program.A[k], float(program.b[k]), None
    k = program.g_names.index(name)
    sign = program.g_sign[k]
    return sign * program.G[k], float(sign * program.h[k]), bool(sign < 0)


def _bounds_alone(others: Program, name: str, row: Array, asked: float, above: bool | None) -> str:
    """ "5 assets x max_weight 0.1 = 0.5 < budget 1" when one bound, the same for all, is the whole conflict."""
    names = others.names()
    members = np.flatnonzero(row)
    if len(names) != 1 or len(others.g_names) or len(others.a_names) or not np.all(row[members] == 1.0):
        return ""
    upper = names[0] in others.ub_names
    limits = (others.ub if upper else others.lb)[members]
    if np.ptp(limits) or (upper and above is False) or (not upper and above is True):
        return ""
    noun = "asset" if members.size == 1 else "assets"
    return (
        f"{members.size} {noun} x {names[0]} {limits[0]:g} = {members.size * limits[0]:g} "
        f"{'<' if upper else '>'} {name} {asked:g}"
    )

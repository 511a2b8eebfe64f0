"""Quadratic programs: the four kinds at n = 50 and 500, and a large one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import portfolio_engine as pe
from bench.peers import qp_solvers, qp_sparse
from bench.peers.case import LEVELS, OURS, Contender, Row, Work
from bench.peers.qp_problem import KINDS, Problem

DENSE = {"daqp": qp_solvers.daqp, "piqp": qp_solvers.piqp, "highs": qp_solvers.highs, "quadprog": qp_solvers.quadprog}
SPARSE = {
    "clarabel": qp_sparse.clarabel,
    "proxqp": qp_sparse.proxqp,
    "osqp": qp_sparse.osqp,
    "scs": qp_sparse.scs,
}
UNCHECKED = f"{OURS}, check_matrix=False"  # peers take the matrix as it is, too
SPLIT = {"piqp": qp_sparse.piqp, "highs": qp_sparse.highs}  # of the turnover row, which needs variables for trades


def ours(problem: Problem, **options: Any) -> Callable[[], Any]:
    """The arguments as a user would give them."""
    rows: dict[str, Any] = {"A": problem.A, "b": problem.b, "lb": problem.lb, "ub": problem.ub}
    if problem.G is not None:
        rows |= {"G": problem.G, "h": problem.h}
    if problem.held is not None:
        rows |= {"held": problem.held, "trading_cost": problem.cost}
    return lambda: pe.solve_qp(problem.P, problem.q, **rows, **options, device="cpu")


def reference(problem: Problem) -> float:
    """The objective that a peer reaches at its tightest; errors then count from the best of all answers."""
    if problem.held is None:
        return problem.value(problem.repaired(qp_solvers.piqp(problem, 1e-12)()))
    return problem.value(problem.repaired(qp_sparse.piqp(qp_sparse.from_dense(problem), 1e-12)()))


def work(problem: Problem, leave_out: tuple[str, ...] = ()) -> Work:
    """Every solver on one problem."""
    given = qp_sparse.from_dense(problem)
    best = reference(problem)
    split = problem.held is not None
    peers: list[Contender] = []
    if not split:
        peers += [Contender(name, lambda level, f=f: f(problem, level), levels=LEVELS) for name, f in DENSE.items()]
    adapters = (SPLIT | SPARSE) if split else SPARSE
    peers += [Contender(name, lambda level, f=f: f(given, level), levels=LEVELS) for name, f in adapters.items()]
    return Work(
        (
            Contender(OURS, lambda _: ours(problem), lambda result: result.x),
            Contender(UNCHECKED, lambda _: ours(problem, check_matrix=False), lambda result: result.x),
            *(peer for peer in peers if peer.name not in leave_out),
        ),
        lambda x: problem.error(x, best),
        relative=True,
        bytes=8.0 * problem.n**2,
    )


# At n = 500 and beyond the first-order solvers take seconds to minutes to 1e-9: they are left to the small sizes.
FEW = ("osqp", "scs", "quadprog")
TARGETS = {
    50: {"box": 0.3, "11 sector caps": 0.3, "target return": 0.3, "turnover cost": 0.2},
    500: {"box": 0.15, "11 sector caps": 0.2, "target return": 0.15, "turnover cost": 0.2},
}
ROWS = (
    *(
        Row("qp", n, kind, target, lambda n=n, kind=kind: work(KINDS[kind](n), FEW if n > 50 else ()), quick=n == 50)
        for n, kinds in TARGETS.items()
        for kind, target in kinds.items()
    ),
    Row("qp", 2000, "box", 0.05, lambda: work(KINDS["box"](2000), (*FEW, "proxqp", "clarabel")), slow=True),
)

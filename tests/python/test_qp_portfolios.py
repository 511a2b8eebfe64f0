"""Random portfolio problems by both methods: KKT conditions in NumPy, another solver's objective, exact zeros.

PORTFOLIO_QP_PORTFOLIOS asks for another number of them, PORTFOLIO_QP_FIRST for another first seed.
"""

from __future__ import annotations

import os
from typing import Any

import clarabel
import numpy as np
import pytest
from scipy import sparse

from portfolio_engine.qp import QPSolution, solve_qp
from tests.python.qp_cases import FORMAT
from tests.python.random_portfolios import Portfolio, portfolio

FIRST = int(os.environ.get("PORTFOLIO_QP_FIRST", "0"))
COUNT = int(os.environ.get("PORTFOLIO_QP_PORTFOLIOS", "120"))
LIMIT = 1e-8
AGREE = 1e-7  # of the two methods, in units of the curvature and gradient; seed 742 is the furthest apart seen, 9.1e-9
OTHER = 1e-6  # of another solver, in the same units


def solve(p: Portfolio, **options: Any) -> QPSolution:
    return solve_qp(*(p.data[name] for name in FORMAT), **p.trading, **options)


def size(p: Portfolio) -> float:
    """What the objective is measured in."""
    return float(np.abs(p.data["P"]).max() + np.abs(p.data["q"]).max())


def residuals(p: Portfolio, s: QPSolution) -> dict[str, float]:
    """The conditions of an optimum, recomputed from x and the duals, trading cost and turnover included."""
    d, x = p.data, s.x
    P, q, G, h, A, b, lb, ub = (np.asarray(d[name], dtype=float) for name in FORMAT)
    Px, Gx, Ax = P @ x, G @ x, A @ x
    slope = Px + q + G.T @ s.z + A.T @ s.y + s.z_box
    objective = 0.5 * x @ Px + q @ x
    violated = [np.abs(Ax - b), Gx - h, lb - x, x - ub]
    signs = [-s.z, np.where(np.isinf(ub), s.z_box, 0.0), np.where(np.isinf(lb), -s.z_box, 0.0)]
    bound = np.where(s.z_box > 0, ub, lb)
    on = s.z_box != 0
    gap = x @ Px + q @ x + b @ s.y + h @ s.z + s.z_box[on] @ bound[on]
    products = [s.z * (h - Gx), s.z_box[on] * (bound - x)[on]]
    sizes = [np.abs(Ax), np.abs(Gx), np.abs(b), np.abs(h)]
    if p.held is not None:
        cost = np.zeros(len(x)) if p.cost is None else p.cost
        moved, price = x - p.held, cost + s.turnover_dual
        turnover = np.abs(moved).sum()
        slope = slope + s.z_trade
        objective += cost @ np.abs(moved)
        gap += cost @ np.abs(moved) + p.held @ s.z_trade
        signs += [np.abs(s.z_trade) - price, np.array([-s.turnover_dual])]
        products.append(price * np.abs(moved) - s.z_trade * moved)
        if np.isfinite(p.turnover):
            violated.append(np.array([turnover - p.turnover]))
            sizes.append(np.array([turnover, p.turnover]))
            gap += s.turnover_dual * p.turnover
            products.append(np.array([s.turnover_dual * (p.turnover - turnover)]))
        else:
            assert s.turnover_dual == 0.0

    def top(arrays: list[Any]) -> float:
        return max((float(np.max(a, initial=0.0)) for a in arrays), default=0.0)

    dual_size = top([np.abs(Px), np.abs(q), np.abs(A.T @ s.y), np.abs(G.T @ s.z)])
    return {
        "primal": top(violated) / (1 + top(sizes)),
        "dual": max(float(np.abs(slope).max()), top(signs)) / (1 + dual_size),
        "gap": max(abs(float(gap)), top([np.abs(a) for a in products])) / (1 + abs(float(objective))),
    }


def by_clarabel(p: Portfolio) -> float | None:
    """Its objective; None where it gives up or reaches a reduced accuracy only."""
    d, unit = p.split(), size(p)
    P, q, G, h, A, b, lb, ub = (np.asarray(d[name], dtype=float) for name in FORMAT)
    one = np.eye(len(q))
    low, high = np.isfinite(lb), np.isfinite(ub)
    rows = sparse.csc_matrix(np.vstack([A, G, one[high], -one[low]]))
    sides = np.concatenate([b, h, ub[high], -lb[low]])
    cones = [clarabel.ZeroConeT(len(b)), clarabel.NonnegativeConeT(len(sides) - len(b))]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    upper = sparse.triu(sparse.csc_matrix(P / unit)).tocsc()
    answer = clarabel.DefaultSolver(upper, q / unit, rows, sides, cones, settings).solve()
    return float(answer.obj_val) * unit if str(answer.status) == "Solved" else None


def complaint(seed: int) -> str | None:
    """What is wrong with the answers to one problem."""
    p = portfolio(seed)
    one, other = solve(p), solve(p, method="interior_point")
    for name, s in (("automatic", one), ("interior point", other)):
        if s.status != "optimal":
            return f"{name}: {s.status}"
        worst = max(residuals(p, s).values())
        if not worst <= LIMIT:
            return f"{name}: residual {worst:.1e}"
        # what is held at zero is zero, and so are the other bounds and the weights that are kept
        for target in (p.data["lb"], p.data["ub"], p.held):
            distance = np.zeros(len(s.x)) if target is None else np.abs(s.x - target)
            if s is one and s.polished and ((distance > 0) & (distance < 1e-13)).any():
                return f"{name}: {distance[(distance > 0) & (distance < 1e-13)].min():.1e} beside a bound"
    unit = size(p)
    if abs(one.objective - other.objective) > AGREE * unit:
        return f"the methods differ by {(one.objective - other.objective) / unit:.1e}"
    reference = by_clarabel(p)
    if reference is not None and abs(one.objective - reference) > OTHER * unit:
        return f"another solver differs by {(one.objective - reference) / unit:.1e}"
    return None


def test_the_generator_makes_what_it_says() -> None:
    made = [portfolio(seed) for seed in range(200)]
    for trait in (
        "fewer days than assets", "duplicates", "near-duplicates", "zero variance", "equal returns", "caps", "short",
        "pinned", "sectors", "target", "annual", "held", "turnover",
    ):  # fmt: skip
        assert sum(trait in p.traits for p in made) >= 15, trait


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_random_portfolios() -> None:
    complaints = {seed: said for seed in range(FIRST, FIRST + COUNT) if (said := complaint(seed)) is not None}
    assert complaints == {}

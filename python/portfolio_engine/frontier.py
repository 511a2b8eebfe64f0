"""The mean-variance efficient frontier."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from portfolio_engine import kernels
from portfolio_engine._labels import Array
from portfolio_engine._optimize import optimize
from portfolio_engine._optimize.arguments import check_device, check_numbers
from portfolio_engine._optimize.conflict import explain
from portfolio_engine._optimize.problem import Targets
from portfolio_engine._optimize.program import Program, build
from portfolio_engine._optimize.relax import with_soft_rows
from portfolio_engine._optimize.search import least_variance
from portfolio_engine._optimize.solver import RESIDUAL_LIMIT, InfeasibleProgramError, Solver
from portfolio_engine.allocation import Allocation
from portfolio_engine.constraints import Constraints
from portfolio_engine.errors import SolverError
from portfolio_engine.moments import Moments, estimate_moments

FUNCTION = "efficient_frontier"


@dataclass(frozen=True, eq=False)
class Frontier:
    """Portfolios with the least risk for their expected return, evenly spaced in return, ascending.

    Attributes:
        expected_return: (points,), annual, from the least-variance portfolio to the highest attainable return.
        expected_risk: (points,), annual standard deviation.
        sharpe_ratio: (points,), (expected_return - risk_free_rate) / expected_risk; NaN where the risk is zero.
        weights: (points, n); a DataFrame with a column per asset when labels were given.
        max_sharpe, min_variance: those two portfolios, exact rather than the nearest point.
        risk_free_rate: annual.
        max_residual: the worst relative residual of all points, at most 1e-8.
        device, device_reason: where it was computed, and why there.
        milliseconds: wall time.
        moments: what it was computed from.
    """

    expected_return: Array
    expected_risk: Array
    sharpe_ratio: Array
    weights: Any
    max_sharpe: Allocation
    min_variance: Allocation
    risk_free_rate: float
    max_residual: float
    device: str
    device_reason: str
    milliseconds: float
    moments: Moments = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Asset names; "0", "1", ... when none were given."""
        return self.moments.labels

    def __len__(self) -> int:
        return len(self.expected_return)

    def plot(self, path: str | Path | None = None, *, ax: Any = None) -> Any:
        """Draw the frontier, the assets, the two named portfolios and the capital market line.

        Args:
            path: file to write; its ending names the format.
            ax: matplotlib axes to draw on; otherwise a figure of its own.

        Returns:
            The matplotlib Figure.

        Raises:
            ImportError: matplotlib is absent; the message says how to install it.
        """
        from portfolio_engine.plots import plot_frontier

        return plot_frontier(self, path, ax)


def efficient_frontier(
    returns_or_moments: Moments | Any,
    points: int = 50,
    constraints: Constraints | None = None,
    *,
    risk_free_rate: float = 0.0,
    device: str = "auto",
) -> Frontier:
    """The efficient frontier under constraints.

    Args:
        returns_or_moments: (T, n) simple daily returns (estimated by `estimate_moments` with its defaults), or Moments.
        points: at least 2.
        constraints: as in `optimize`; here turnover is hard like the others.
        risk_free_rate: annual, for the Sharpe ratios.
        device: "auto", "cpu" or "metal".

    Raises:
        InfeasibleError: the constraints conflict.
        SolverError: no answer that could be verified, or unbounded returns.
        ValueError: a bad argument.
    """
    start = time.perf_counter()
    check_device(device, FUNCTION)
    check_numbers(risk_free_rate=risk_free_rate)
    if isinstance(points, bool) or int(points) != points or points < 2:
        raise ValueError(f"[{FUNCTION}] points: expected a whole number of at least 2, got {points!r}")
    moments = returns_or_moments
    if not isinstance(moments, Moments):
        moments = estimate_moments(moments, device=device)
    rules = Constraints() if constraints is None else constraints
    targets = Targets(turnover=rules.turnover, held=rules.held(moments.labels))
    program = with_soft_rows(build(rules, moments.labels), targets, moments.mu)
    solver = Solver(moments, device)
    try:
        least_variance(solver, program)
    except InfeasibleProgramError as infeasible:
        raise explain(solver, infeasible) from None
    raw = _trace(solver, program, int(points))
    weights = np.clip(raw["weights"][:, : program.n], program.lb[: program.n], program.ub[: program.n]) + 0.0
    mean, risk = weights @ moments.mu, np.array([moments.risk(row) for row in weights])
    ratio = np.full(len(mean), np.nan)
    np.divide(mean - risk_free_rate, risk, out=ratio, where=risk > 0)
    own: dict[str, Any] = {"constraints": rules, "risk_free_rate": risk_free_rate, "device": device}
    return Frontier(
        expected_return=mean,
        expected_risk=risk,
        sharpe_ratio=ratio,
        weights=_table(weights, moments),
        max_sharpe=optimize(moments, "max_sharpe", **own),
        min_variance=optimize(moments, "min_variance", **own),
        risk_free_rate=risk_free_rate,
        max_residual=raw["max_residual"],
        device=raw["device"],
        device_reason=raw["device_reason"],
        milliseconds=(time.perf_counter() - start) * 1e3,
        moments=moments,
    )


def _trace(solver: Solver, program: Program, points: int) -> dict[str, Any]:
    """The native frontier of the program; only a verified one is returned."""
    raw = kernels.efficient_frontier(
        program.weights_only(solver.moments.mu),
        solver.covariance(program),
        program.G if len(program.h) else None,
        program.h if len(program.h) else None,
        program.A if len(program.b) else None,
        program.b if len(program.b) else None,
        program.lb,
        program.ub,
        points=points,
        tolerance=1e-9,
        device=solver.device,
    )
    if raw["status"] == "dual_infeasible":
        raise SolverError("unbounded", "the return has no maximum; give every asset a finite min and max weight")
    if raw["status"] != "optimal" or not raw["max_residual"] <= RESIDUAL_LIMIT:
        raise SolverError(raw["status"], f"no verified frontier; the worst residual is {raw['max_residual']:.3g}")
    return raw


def _table(weights: Array, moments: Moments) -> Any:
    """A row per point; labelled like the moments are."""
    if not hasattr(moments.expected_returns, "index"):
        return weights
    return sys.modules["pandas"].DataFrame(weights, columns=list(moments.labels))

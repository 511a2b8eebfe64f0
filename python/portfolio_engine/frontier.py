"""The mean-variance efficient frontier."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

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
from portfolio_engine.cancel import CancelToken, Limit
from portfolio_engine.constraints import LONG_ONLY, Constraints
from portfolio_engine.corner_portfolios import Corners, FrontierPoint
from portfolio_engine.errors import SolverError
from portfolio_engine.moments import Moments, estimate_moments

FUNCTION = "efficient_frontier"
SAME_WEIGHT = 1e-12  # of the largest weight


@dataclass(frozen=True, eq=False)
class Frontier:
    """Portfolios with the least risk for their expected return: all of them, by the corners between which they lie.

    Attributes:
        expected_return: (points,), annual, evenly spaced, from the least-variance portfolio to the highest attainable
            return.
        expected_risk: (points,), annual standard deviation.
        sharpe_ratio: (points,), (expected_return - risk_free_rate) / expected_risk; NaN where the risk is zero.
        weights: (points, n); a DataFrame with a column per asset when labels were given.
        corners: where the frontier bends; `at_return`, `at_volatility`, `at_risk_aversion` and `at_max_sharpe` read any
            portfolio off them exactly.
        max_sharpe, min_variance: those two portfolios, exact rather than the nearest point, as `optimize` answers;
            computed when first read.
        risk_free_rate: annual.
        max_residual: the worst relative residual of the corners (of the points where there are none), at most 1e-8.
        device, device_reason: where it was computed, and why there.
        milliseconds: wall time.
        moments, constraints, asked_device: what it was computed from, within which constraints, where it was to be.
    """

    expected_return: Array
    expected_risk: Array
    sharpe_ratio: Array
    weights: Any
    corners: Corners
    risk_free_rate: float
    max_residual: float
    device: str
    device_reason: str
    milliseconds: float
    moments: Moments = field(repr=False)
    constraints: Constraints = field(repr=False)
    asked_device: str = field(repr=False)

    @cached_property
    def max_sharpe(self) -> Allocation:
        """The portfolio with the highest Sharpe ratio; raises what `optimize` raises."""
        return self._optimum("max_sharpe")

    @cached_property
    def min_variance(self) -> Allocation:
        """The portfolio with the least variance."""
        return self._optimum("min_variance")

    def _optimum(self, method: Literal["max_sharpe", "min_variance"]) -> Allocation:
        rate, device = self.risk_free_rate, self.asked_device
        return optimize(self.moments, method, constraints=self.constraints, risk_free_rate=rate, device=device)

    @property
    def names(self) -> tuple[str, ...]:
        """Asset names; "0", "1", ... when none were given."""
        return self.moments.labels

    def __len__(self) -> int:
        return len(self.expected_return)

    def at_return(self, expected_return: float) -> FrontierPoint:
        """The portfolio of the frontier with this annual expected return.

        Raises:
            ValueError: outside what the frontier reaches; the message says from where to where.
        """
        return self._point(*self.corners.at_return(expected_return))

    def at_volatility(self, volatility: float) -> FrontierPoint:
        """The portfolio of the frontier with this annual standard deviation.

        Raises:
            ValueError: outside what the frontier reaches; the message says from where to where.
        """
        return self._point(*self.corners.at_volatility(volatility))

    def at_risk_aversion(self, risk_aversion: float) -> FrontierPoint:
        """The portfolio with the highest mu'w - risk_aversion / 2 w'Sigma w; `math.inf` gives least variance.

        Raises:
            ValueError: not a number > 0.
        """
        return self._point(*self.corners.at_risk_aversion(risk_aversion))

    def at_max_sharpe(self, risk_free_rate: float | None = None) -> FrontierPoint:
        """The portfolio with the highest (expected_return - risk_free_rate) / expected_risk.

        Args:
            risk_free_rate: annual; default the frontier's own.

        Raises:
            ValueError: not below the highest return on the frontier.
        """
        rate = self.risk_free_rate if risk_free_rate is None else risk_free_rate
        return self._point(*self.corners.at_max_sharpe(rate), rate=rate)

    def _point(self, weights: Array, risk_aversion: float, rate: float | None = None) -> FrontierPoint:
        mean, risk = float(self.moments.mu @ weights), self.moments.risk(weights)
        excess = mean - (self.risk_free_rate if rate is None else rate)
        labelled = self.moments.label(weights + 0.0)
        return FrontierPoint(labelled, mean, risk, excess / risk if risk > 0 else math.nan, risk_aversion)

    def plot(self, path: str | Path | None = None, *, ax: Any = None) -> Any:
        """Draw the frontier, its corners, the assets, the two named portfolios and the capital market line.

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
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
) -> Frontier:
    """The efficient frontier under constraints, exact: the critical line algorithm finds every corner portfolio.

    Args:
        returns_or_moments: (T, n) simple daily returns (estimated by `estimate_moments` with its defaults), or Moments.
        points: at least 2.
        constraints: as in `optimize` without tracking_error, which is no linear constraint; turnover is hard here.
        risk_free_rate: annual, for the Sharpe ratios.
        device: "auto", "cpu" or "metal".
        time_limit: seconds; None for none.
        cancel: a CancelToken that another thread may cancel.

    Raises:
        CancelledError, TimeoutError: ended early.
        InfeasibleError: the constraints conflict.
        SolverError: no answer that could be verified, or unbounded returns.
        ValueError: a bad argument.
    """
    start = time.perf_counter()
    limit = Limit.of(FUNCTION, time_limit, cancel)
    check_device(device, FUNCTION)
    check_numbers(risk_free_rate=risk_free_rate)
    if isinstance(points, bool) or int(points) != points or points < 2:
        raise ValueError(f"[{FUNCTION}] points: expected a whole number of at least 2, got {points!r}")
    moments = returns_or_moments
    if not isinstance(moments, Moments):
        moments = estimate_moments(moments, device=device)
    rules = LONG_ONLY if constraints is None else constraints
    if rules.tracking_error is not None:
        raise ValueError(
            f"[{FUNCTION}] constraints: expected linear ones, got tracking_error; optimize takes it, target by target"
        )
    targets = Targets(turnover=rules.turnover, held=rules.held(moments.labels))
    program = with_soft_rows(build(rules, moments.labels), targets, moments.mu)
    raw = _trace(Solver(moments, device), program, int(points), limit)
    weights, mean, risk = _within(raw["weights"], program), raw["expected_return"], raw["expected_risk"]
    ratio = np.full(len(mean), np.nan)
    np.divide(mean - risk_free_rate, risk, out=ratio, where=risk > 0)
    return Frontier(
        expected_return=mean,
        expected_risk=risk,
        sharpe_ratio=ratio,
        weights=_table(weights, moments),
        corners=_corners(raw, program, moments),
        risk_free_rate=risk_free_rate,
        max_residual=raw["max_residual"],
        device=raw["device"],
        device_reason=raw["device_reason"],
        milliseconds=(time.perf_counter() - start) * 1e3,
        moments=moments,
        constraints=rules,
        asked_device=device,
    )


def _trace(solver: Solver, program: Program, points: int, limit: Limit) -> dict[str, Any]:
    """The native frontier of the program; only a verified one is returned."""
    crossed = bool((program.lb > program.ub).any())
    raw: dict[str, Any] = {"status": "primal_infeasible"} if crossed else _native(solver, program, points, limit)
    limit.check_status(raw["status"])
    if raw["status"] == "primal_infeasible":
        try:
            least_variance(solver, program)
        except InfeasibleProgramError as infeasible:
            raise explain(solver, infeasible) from None
    if raw["status"] == "dual_infeasible":
        raise SolverError("unbounded", "the return has no maximum; give every asset a finite min and max weight")
    if raw["status"] != "optimal" or not raw["max_residual"] <= RESIDUAL_LIMIT:
        raise SolverError(raw["status"], "no verified frontier")
    return raw


def _native(solver: Solver, program: Program, points: int, limit: Limit) -> dict[str, Any]:
    return kernels.efficient_frontier(
        program.weights_only(solver.moments.mu),
        np.asarray(solver.covariance(program)),
        program.G if len(program.h) else None,
        program.h if len(program.h) else None,
        program.A if len(program.b) else None,
        program.b if len(program.b) else None,
        program.lb,
        program.ub,
        points=points,
        tolerance=1e-9,
        device=solver.device,
        check_matrix=False,  # Moments are proven
        **limit.arguments,
    )


def _within(weights: Array, program: Program) -> Array:
    """The weights among the variables of the program."""
    return weights if program.k == program.n else np.ascontiguousarray(weights[:, : program.n])


def _corners(raw: dict[str, Any], program: Program, moments: Moments) -> Corners:
    """Ascending in return, as the points are."""
    t, returns, risk = (raw[name][::-1] for name in ("corner_risk_tolerance", "corner_return", "corner_variance"))
    table = _within(raw["corner_weights"].reshape(-1, program.k)[::-1], program)
    if program.k > program.n:  # where only the variables of turnover bend, the weights do not
        keep = _bends(t, table)
        t, returns, risk, table = t[keep], returns[keep], risk[keep], table[keep]
    aversion = np.full(len(t), np.inf)
    np.divide(1.0, t, out=aversion, where=t != 0)
    return Corners(_table(table, moments), returns, np.sqrt(risk), aversion, moments)


def _bends(t: Array, table: Array) -> list[int]:
    """The ends, and the rows between that are no mix of those kept before and next after; all at t and above."""
    keep = list(range(min(1, len(t))))
    for k in range(1, len(t)):
        low, high = keep[-1], min(k + 1, len(t) - 1)
        share = (t[k] - t[low]) / (t[high] - t[low]) if high > k else 0.0
        mixed = table[low] + share * (table[high] - table[low])
        if not np.allclose(table[k], mixed, rtol=0.0, atol=SAME_WEIGHT * float(np.abs(table[k]).max())):
            keep.append(k)
    return keep


def _table(weights: Array, moments: Moments) -> Any:
    """A row per point; labelled like the moments are."""
    if not hasattr(moments.expected_returns, "index"):
        return weights
    return sys.modules["pandas"].DataFrame(weights, columns=list(moments.labels))

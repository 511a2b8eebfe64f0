"""From returns or moments to an allocation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portfolio_engine._optimize.request import prepare
from portfolio_engine._optimize.settle import settle
from portfolio_engine.allocation import Allocation
from portfolio_engine.black_litterman import View
from portfolio_engine.cancel import CancelToken, Limit
from portfolio_engine.constraints import Constraints
from portfolio_engine.moments import Moments


def optimize(
    returns_or_moments: Moments | Any,
    method: str = "mean_variance",
    constraints: Constraints | None = None,
    *,
    target_return: float | None = None,
    max_volatility: float | None = None,
    risk_aversion: float = 2.5,
    risk_free_rate: float = 0.0,
    trading_cost: float | Mapping[str, float] | Any | None = None,
    views: Sequence[View | Mapping[str, Any]] | None = None,
    market_weights: Mapping[str, float] | Any | None = None,
    tau: float | None = None,
    risk_budgets: Mapping[str, float] | Any | None = None,
    confidence: float | None = None,
    risk_tolerance: float | None = None,
    strict: bool = False,
    device: str = "auto",
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
) -> Allocation:
    """Optimal weights by one of the methods, under constraints that are all met, relaxed with a word, or refused.

    The method is the objective; target_return, max_volatility and `constraints` bound it:

    - "mean_variance": least variance at target_return; with max_volatility only, the highest return within it; with
      neither, the highest utility mu'w - risk_aversion / 2 w'Sigma w.
    - "min_variance": least variance.
    - "max_sharpe": highest (mu'w - risk_free_rate) / volatility.
    - "min_cvar": least CVaR of one period at `confidence`, the rows of the returns being the scenarios, less
      risk_tolerance x the expected return of a period; limits are linear (no max_volatility, tracking error, costs).
    - "black_litterman": mean_variance on the posterior of `black_litterman` (views, market_weights, tau).
    - "risk_parity" (risk_budgets), "equal_weight", "inverse_volatility": rules that apply only the budget, risk_parity
      the bounds of the weights too; what else was sent is listed in `ignored` and checked into `violations`.

    Hard: budget, bounds, groups, linear rows, tracking error. Soft, in this order of keeping: max_volatility, turnover,
    target_return; where they cannot all be met each is met as nearly as the harder ones allow, the objective is
    optimised under the values achieved and the status is "relaxed".

    Args:
        returns_or_moments: (T, n) simple daily returns (estimated by `estimate_moments` with its defaults), or Moments.
        method: one of the above.
        constraints: default long-only, fully invested.
        target_return: annual, a lower bound on the expected return.
        max_volatility: annual, an upper bound on the standard deviation.
        risk_aversion: > 0; also Black-Litterman's delta.
        risk_free_rate: annual.
        trading_cost: fraction of the value traded of each asset, 0.001 is 10 basis points: one number for all, by name
            (others cost nothing) or (n,). sum cost |weight - current weight| is taken off the expected return in the
            objective; not with objectives of variance alone.
        views, market_weights, tau: of black_litterman (tau 0.05 by default).
        risk_budgets: (n,) > 0, shares of risk for risk_parity; default equal.
        confidence: of min_cvar, 0.95 by default: CVaR is the mean loss of the worst 5 %.
        risk_tolerance: of min_cvar, >= 0, 0 by default.
        strict: refuse a target out of reach with an InfeasibleError that gives the feasible range.
        device: "auto", "cpu" or "metal".
        time_limit: seconds the whole call may take, none by default.
        cancel: a CancelToken with which another thread can end it.

    Returns:
        Allocation.

    Raises:
        InfeasibleError: a ValueError; hard constraints conflict (an irreducible list and the arithmetic), or a target
            is out of reach with `strict`.
        SolverError: no answer that could be verified, or an unbounded problem.
        ValueError: a bad argument; an option of another method; a device that is absent.
        TimeoutError, CancelledError: the caller's limit or token ended the search.
    """
    return settle(
        prepare(
            returns_or_moments,
            method,
            constraints,
            target_return=target_return,
            max_volatility=max_volatility,
            risk_aversion=risk_aversion,
            risk_free_rate=risk_free_rate,
            trading_cost=trading_cost,
            views=views,
            market_weights=market_weights,
            tau=tau,
            risk_budgets=risk_budgets,
            confidence=confidence,
            risk_tolerance=risk_tolerance,
            strict=strict,
            device=device,
            limit=Limit.of("optimize", time_limit, cancel),
        )
    )

"""The answer of an optimisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from portfolio_engine.moments import Moments


@dataclass(frozen=True)
class Violation:
    """A constraint that the portfolio does not meet: what was asked for and what was reached."""

    constraint: str
    requested: float
    achieved: float

    def __str__(self) -> str:
        return f"{self.constraint}: asked for {self.requested:.6g}, reached {self.achieved:.6g}"


@dataclass(frozen=True)
class Residuals:
    """How far the answer is from optimal, relative, infinity norms: primal, dual and complementarity gap.

    Recomputed from the returned weights; for the methods without a quadratic program primal is the distance from the
    budget and dual the method's own error (risk_parity: the largest |risk share - budget|).
    """

    primal: float
    dual: float
    gap: float

    @property
    def largest(self) -> float:
        return max(self.primal, self.dual, self.gap)


@dataclass(frozen=True, eq=False)
class Allocation:
    """A portfolio and why it is this one.

    Attributes:
        weights: (n,), exact zeros where nothing is held; a Series when labels were given.
        expected_return: annual.
        expected_risk: annual standard deviation.
        sharpe_ratio: (expected_return - risk_free_rate) / expected_risk; NaN when the risk is zero.
        return_to_risk: expected_return / expected_risk; NaN when the risk is zero.
        risk_free_rate: annual, the one used.
        method: name of the method.
        status: "optimal"; "relaxed" when a target was out of reach and met as nearly as possible, whatever else holds;
            "no_positive_excess_return" when no portfolio beats the risk-free rate and max_sharpe gave the
            minimum-variance portfolio; "zero_risk" when excess return can be had without risk, so that the ratio has
            no maximum, and the highest return without risk is given.
        constraints_satisfied: no violations.
        violations: constraints not met.
        ignored: names of constraints sent to a method that applies only the budget.
        objective: what was optimised: "utility" (mu'w - risk_aversion / 2 w'Sigma w), "variance" (minimised),
            "expected_return" or "sharpe_ratio" (maximised), "cvar" (of one period, less risk_tolerance x the expected
            return of a period, minimised), "none" for rules without one.
        objective_value: its value.
        shadow_prices: constraint name -> derivative of the objective with respect to the constraint's bound, as the
            bound is written: raising max_weight by 0.01 changes the objective by 0.01 times its price, to first order.
            Constraints that do not bind have 0 or are absent. A bound given once for all assets has its total under
            "max_weight" and each asset's part under "max_weight[asset]". Empty when relaxed and for rules.
        risk_contributions: (n,), w_i (Sigma w)_i / risk; they add up to expected_risk.
        residuals: verified to be at most 1e-8.
        iterations: of all solves together.
        device, device_reason: where the solves ran, and why there.
        milliseconds: wall time.
        turnover: sum |weight - current weight|, None when no current weights were given.
        trading_cost: sum cost |weight - current weight|, taken off the expected return in the objective alone.
        moments: the expected returns and covariance it was computed from (the posterior for black_litterman).
    """

    weights: Any
    expected_return: float
    expected_risk: float
    sharpe_ratio: float
    return_to_risk: float
    risk_free_rate: float
    method: str
    status: str
    constraints_satisfied: bool
    violations: tuple[Violation, ...]
    ignored: tuple[str, ...]
    objective: str
    objective_value: float
    shadow_prices: Mapping[str, float]
    risk_contributions: Any
    residuals: Residuals
    iterations: int
    device: str
    device_reason: str
    milliseconds: float
    moments: Moments = field(repr=False)
    turnover: float | None = None
    trading_cost: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """Asset names; "0", "1", ... when none were given."""
        return self.moments.labels

    def to_dict(self) -> dict[str, float]:
        """{asset name: weight}, zeros included."""
        return dict(zip(self.names, np.asarray(self.weights).tolist(), strict=True))

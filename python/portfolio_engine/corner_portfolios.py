"""Corner portfolios of an efficient frontier, and the portfolios between them in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine.errors import SolverError
from portfolio_engine.moments import Moments

ROUNDING = 1e-9  # beyond an end of the range by this share is the end
NO_RISK = 1e-14  # share of the largest variance
SAME = 1e-12  # relative difference that is rounding: on a line through the risk-free rate every ratio is the same


@dataclass(frozen=True, eq=False)
class FrontierPoint:
    """One portfolio of an efficient frontier.

    Attributes:
        weights: (n,); a Series when labels were given.
        expected_return, expected_risk: annual.
        sharpe_ratio: (expected_return - risk_free_rate) / expected_risk; NaN where the risk is zero.
        risk_aversion: the one at which mu'w - risk_aversion / 2 w'Sigma w is highest here; infinite at least variance.
    """

    weights: Any
    expected_return: float
    expected_risk: float
    sharpe_ratio: float
    risk_aversion: float


@dataclass(frozen=True, eq=False)
class Corners:
    """Where the frontier bends: between two neighbours every portfolio of the frontier is a mix of the two.

    Source: Markowitz 1956, "The optimization of a quadratic function subject to linear constraints"; Markowitz and Todd
    2000, "Mean-Variance Analysis in Portfolio Choice and Capital Markets", chapter 7.

    Attributes:
        weights: (corners, n), exact zeros and bounds; a DataFrame with a column per asset when labels were given.
        expected_return: (corners,), annual, ascending.
        expected_risk: (corners,), annual standard deviation, ascending.
        risk_aversion: (corners,), descending from infinity at least variance; below the last one the portfolio with the
            highest return stays the best. Its inverse is the paper's lambda.
    """

    weights: Any
    expected_return: Array
    expected_risk: Array
    risk_aversion: Array
    _moments: Moments = field(repr=False)

    def __len__(self) -> int:
        return len(self.expected_return)

    def at_return(self, target: float) -> tuple[Array, float]:
        """Weights and risk aversion where the expected return is `target`."""
        returns = self.expected_return
        target = self._inside("at_return", "expected_return", target, float(returns[0]), float(returns[-1]))
        k = self._segment(returns, target)
        return self._mix(k, _share(target, returns, k))

    def at_volatility(self, target: float) -> tuple[Array, float]:
        """Weights and risk aversion where the standard deviation is `target`: the root of a quadratic."""
        risks = self.expected_risk
        target = self._inside("at_volatility", "volatility", target, float(risks[0]), float(risks[-1]))
        k = self._segment(risks, target)
        if k + 1 == len(self):
            return self._mix(k, 0.0)
        low, step = self._table[k], self._table[k + 1] - self._table[k]
        sigma_step = self._moments.Sigma @ step
        half_slope, curvature = max(float(low @ sigma_step), 0.0), float(step @ sigma_step)
        rise = max(target**2 - float(risks[k]) ** 2, 0.0)
        denominator = half_slope + math.sqrt(half_slope**2 + curvature * rise)
        return self._mix(k, min(rise / denominator, 1.0) if denominator > 0 else 1.0)

    def at_risk_aversion(self, risk_aversion: float) -> tuple[Array, float]:
        """Weights that maximise mu'w - risk_aversion / 2 w'Sigma w, and the risk aversion."""
        self._present()
        if isinstance(risk_aversion, bool) or not risk_aversion > 0:
            _refuse("at_risk_aversion", "risk_aversion", "a number > 0", risk_aversion)
        tolerances = self._tolerances
        target = min(1.0 / risk_aversion, float(tolerances[-1]))
        k = self._segment(tolerances, target)
        return self._mix(k, _share(target, tolerances, k))[0], float(risk_aversion)

    def at_max_sharpe(self, rate: float) -> tuple[Array, float]:
        """Weights and risk aversion where (return - rate) / risk is highest.

        There the variance equals t (return - rate) at the risk tolerance t = 1 / risk_aversion, and the difference of
        the two is affine in t between corners. Excess return without risk: the highest return without risk.
        """
        self._present()
        if not math.isfinite(rate):
            _refuse("at_max_sharpe", "risk_free_rate", "a finite number", rate)
        excess, variances, t = self.expected_return - rate, self.expected_risk**2, self._tolerances
        if not excess[-1] > 0:
            highest = f"less than {float(self.expected_return[-1]):.6g}, the highest return on the frontier"
            _refuse("at_max_sharpe", "risk_free_rate", highest, rate)
        if excess[0] > 0 and variances[0] <= NO_RISK * float(np.diag(self._moments.Sigma).max()):
            return self._mix(0, 0.0)
        ahead = variances - t * excess
        crossed = np.flatnonzero(ahead < -SAME * variances)
        if not crossed.size:  # the ratio still rises where the frontier ends
            return self._table[-1], float(excess[-1] / variances[-1])
        k = int(crossed[0]) - 1
        return self._mix(k, max(float(ahead[k] / (ahead[k] - ahead[k + 1])), 0.0))

    @property
    def _table(self) -> Array:
        return np.asarray(self.weights, dtype=np.float64)

    @property
    def _tolerances(self) -> Array:
        return 1.0 / self.risk_aversion

    def _inside(self, function: str, argument: str, value: float, low: float, high: float) -> float:
        self._present()
        slack = ROUNDING * (1e-3 + abs(value))
        if not low - slack <= value <= high + slack:
            _refuse(function, argument, f"{low:.6g} to {high:.6g}, what the frontier reaches", value)
        return min(max(value, low), high)

    def _present(self) -> None:
        if not len(self):
            raise SolverError("numerical_error", "this frontier has points only; its corners could not be certified")

    def _segment(self, values: Array, target: float) -> int:
        """Its lower corner; the last corner where there is only one."""
        k = int(np.searchsorted(values, target, side="right")) - 1
        return max(min(k, len(self) - 2), 0)

    def _mix(self, k: int, share: float) -> tuple[Array, float]:
        """`share` of the way from corner k to the next, where the risk tolerance is affine too."""
        if share == 0.0 or k + 1 == len(self):
            return self._table[k], float(self.risk_aversion[k])
        if share == 1.0:
            return self._table[k + 1], float(self.risk_aversion[k + 1])
        low, high = self._table[k], self._table[k + 1]
        t = self._tolerances
        return low + share * (high - low), float(1.0 / (t[k] + share * (t[k + 1] - t[k])))


def _share(target: float, values: Array, k: int) -> float:
    if k + 1 >= len(values) or values[k + 1] <= values[k]:
        return 0.0
    return min(max(float((target - values[k]) / (values[k + 1] - values[k])), 0.0), 1.0)


def _refuse(function: str, argument: str, expected: str, got: object) -> NoReturn:
    raise ValueError(f"[Frontier.{function}] {argument}: expected {expected}, got {got!r}")

"""A minimiser with the duals that prove it, and how far they are from proving it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.program import Program
from portfolio_engine.allocation import Residuals
from portfolio_engine.moments import Moments


@dataclass(frozen=True, eq=False)
class Aim:
    """What is minimised beside variance: linear'x, and `trading` times what the trades of the program cost."""

    linear: Array
    trading: float = 0.0
    constant: float = 0.0

    def times(self, factor: float) -> Aim:
        return Aim(factor * self.linear, factor * self.trading, factor * self.constant)

    def plus(self, other: Aim) -> Aim:
        return Aim(self.linear + other.linear, self.trading + other.trading, self.constant + other.constant)


@dataclass(frozen=True, eq=False)
class Point:
    """A minimiser of quadratic / 2 w'Sigma w + aim over `program`.

    Duals: y and z of the rows, z_box of the bounds, z_trade the slope of costs and turnover, turnover_dual of its
    limit, tracking_dual of the limit on half the squared tracking error. They are prices of the objective's value
    unless a limit leaves nothing to choose.
    """

    program: Program
    x: Array
    y: Array
    z: Array
    z_box: Array
    quadratic: float
    aim: Aim
    moments: Moments
    z_trade: Array | None = None
    turnover_dual: float = 0.0
    tracking_dual: float = 0.0
    priced: bool = True

    @property
    def w(self) -> Array:
        return self.x[: self.program.n]

    @cached_property
    def sigma_w(self) -> Array:
        """(n,) Sigma w, the one product that everything said about the point needs."""
        return self.moments.times(self.w)

    @cached_property
    def variance(self) -> float:
        return max(float(self.w @ self.sigma_w), 0.0)

    @property
    def risk(self) -> float:
        return math.sqrt(self.variance)

    @property
    def expected_return(self) -> float:
        return float(self.moments.mu @ self.w)

    @property
    def traded(self) -> Array:
        """(n,) x - held."""
        assert self.program.trades is not None
        return self.x - self.program.trades.held

    def value(self, aim: Aim) -> float:
        """What `aim` amounts to here."""
        out = float(aim.linear @ self.x) + aim.constant
        if aim.trading and self.program.trades is not None:
            out += aim.trading * float(self.program.trades.cost @ np.abs(self.traded))
        return out

    @property
    def dearest(self) -> Array:
        """(n,) the slope of the objective in what is traded of an asset, costs and the turnover's dual together."""
        assert self.program.trades is not None
        return self.aim.trading * self.program.trades.cost + self.turnover_dual

    @cached_property
    def gradient(self) -> Array:
        """(k,) gradient of the smooth part of the objective, and of the tracking error's limit, without other duals."""
        out = self.aim.linear
        n = self.program.n
        if self.quadratic:
            curved = self.quadratic * self.sigma_w
            out = out + (curved if n == out.size else np.concatenate([curved, np.zeros(out.size - n)]))
        if self.tracking_dual and self.program.tracking is not None:
            out = out.copy()
            out[:n] += self.tracking_dual * (self.sigma_w - self.program.tracking.sigma_b)
        return out

    @cached_property
    def broken(self) -> float:
        """By how much the worst of the constraints is broken."""
        program, x = self.program, self.x
        worst = max(0.0, _top(program.lb - x), _top(x - program.ub))
        if program.a_names:
            worst = max(worst, _size(self._sums - program.b))
        if program.g_names:
            worst = max(worst, _top(self._rows - program.h))
        if program.trades is not None:
            worst = max(worst, float(np.abs(self.traded).sum()) - program.trades.limit)
        if program.tracking is not None:
            worst = max(worst, program.tracking.error(self.w, self.sigma_w) - program.tracking.limit)
        return worst

    @cached_property
    def _sums(self) -> Array:
        return self.program.A @ self.x

    @cached_property
    def _rows(self) -> Array:
        return self.program.G @ self.x

    @cached_property
    def residuals(self) -> Residuals:
        """Relative residuals as docs/numerics/optimization.md defines them, from the point itself."""
        program, box, linear = self.program, self.z_box, self.aim.linear
        held = box.nonzero()[0]
        pull = box[held]
        gap = _sum(pull * (np.where(pull > 0, program.ub[held], program.lb[held]) - self.x[held]))
        stationary = self.gradient + box
        reach, negative = 0.0, 0.0
        sizes = max(_size(linear), self.quadratic * _size(self.sigma_w) if self.quadratic else 0.0)
        if program.a_names:
            Ay = self.y @ program.A
            stationary += Ay
            reach, sizes = max(_size(self._sums), _size(program.b)), max(sizes, _size(Ay))
        if program.g_names:
            Gz = self.z @ program.G
            stationary += Gz
            reach, sizes = max(reach, _size(self._rows), _size(program.h)), max(sizes, _size(Gz))
            negative = max(0.0, _top(-self.z))
            gap += _sum(self.z * (program.h - self._rows))
        if program.trades is not None and self.z_trade is not None:
            stationary += self.z_trade
            size, most = np.abs(self.traded), self.dearest
            negative = max(negative, _top(np.abs(self.z_trade) - most), -self.turnover_dual)
            gap += _sum(most * size - self.z_trade * self.traded)
            gap += abs(self.turnover_dual * (program.trades.limit - float(size.sum()))) if self.turnover_dual else 0.0
        if program.tracking is not None:
            error = program.tracking.error(self.w, self.sigma_w)
            gap += self.tracking_dual / 2 * abs(program.tracking.limit**2 - error**2)
        objective = self.value(self.aim) + 0.5 * self.quadratic * self.variance
        return Residuals(
            primal=self.broken / (1 + reach),
            dual=max(_size(stationary), negative) / (1 + sizes),
            gap=gap / (1 + abs(objective)),
        )


def _size(values: Array) -> float:
    return float(np.maximum.reduce(np.abs(values)))


def _top(values: Array) -> float:
    return float(np.maximum.reduce(values))


def _sum(values: Array) -> float:
    return float(np.add.reduce(np.abs(values)))

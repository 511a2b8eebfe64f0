"""Along the minimisers of variance / 2 + base + s slope to the one at a limit of risk or of tracking error.

Both are the distance |w - center| in the norm of Sigma, the center being no portfolio or the benchmark, and do not fall
with s when `base` is -Sigma center.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from portfolio_engine._labels import Array
from portfolio_engine._optimize.piece import SAME_PIECE, Piece, piece
from portfolio_engine._optimize.point import Aim, Point
from portfolio_engine.errors import SolverError

SAME_DISTANCE = 1e-12  # relative, of its square
STEPS = 100


@dataclass(frozen=True, eq=False)
class Distance:
    """|w - center|^2 in the norm of Sigma; no center is no portfolio at all."""

    center: Array | None = None
    sigma_center: Array | None = None

    def squared(self, point: Point) -> float:
        away, sigma_away = self._away(point)
        return max(float(away @ sigma_away), 0.0)

    def slope(self, point: Point, sigma_step: Array) -> float:
        """Half the derivative of the square in a direction, given Sigma times it."""
        return float(self._away(point)[0] @ sigma_step)

    def _away(self, point: Point) -> tuple[Array, Array]:
        if self.center is None or self.sigma_center is None:
            return point.w, point.sigma_w
        return point.w - self.center, point.sigma_w - self.sigma_center


def to_limit(
    solve: Callable[[float, Point], Point],
    slope: Aim,
    distance: Distance,
    limit: float,
    low: Point,
    high: Point,
    s_high: float = math.inf,
) -> tuple[Point, float]:
    """The minimiser whose squared distance is `limit`, and its s; low (s = 0) is nearer than that, high further.

    Newton's method on the active set, kept in a bracket, lands on the right piece; there a step along it, or the mix
    of a bracket's two ends, is exact.
    """
    s_low, gap, shrinks = 0.0, math.inf, True
    point, s = low, 0.0
    for _ in range(STEPS):
        if math.isfinite(s_high):
            share = _crossing(distance, low, high, limit)
            mixed = mix(low, high, share)
            if mixed.residuals.largest <= SAME_PIECE + max(low.residuals.largest, high.residuals.largest):
                return mixed, (1 - share) * s_low + share * s_high
        way = piece(point, slope)
        step = math.nan if way is None else _newton(distance, way, limit)
        if way is not None and s_low <= s + step <= s_high:
            there = way.at(step)
            if there is not None and abs(distance.squared(there) - limit) <= SAME_DISTANCE * limit:
                return there, s + step
        s += step
        if not (shrinks and s_low < s < s_high):
            s = _chord(distance, slope, low, high)
        if not s_low < s < s_high:  # rounding
            s = 0.5 * (s_low + s_high) if math.isfinite(s_high) else 2.0 * s_low
        point = solve(s, point)
        reached = distance.squared(point)
        shrinks, gap = abs(reached - limit) < 0.5 * gap, abs(reached - limit)
        if gap <= SAME_DISTANCE * limit:
            return point, s
        if reached < limit:
            low, s_low = point, s
        else:
            high, s_high = point, s
    raise SolverError("numerical_error", f"the search for a limit of risk did not settle in {STEPS} steps")


def mix(low: Point, high: Point, share: float) -> Point:
    """The point the given share of the way from low to high."""

    def between(a: Array, b: Array) -> Array:
        return (1 - share) * a + share * b

    x, y, z, z_box = (between(getattr(low, name), getattr(high, name)) for name in ("x", "y", "z", "z_box"))
    trade = None if low.z_trade is None or high.z_trade is None else between(low.z_trade, high.z_trade)
    turnover = (1 - share) * low.turnover_dual + share * high.turnover_dual
    aim = low.aim.times(1 - share).plus(high.aim.times(share))
    return replace(low, x=x, y=y, z=z, z_box=z_box, z_trade=trade, turnover_dual=turnover, aim=aim)


def _newton(distance: Distance, way: Piece, limit: float) -> float:
    """Change of s at which the square is the limit if the active set stays; NaN where that has no answer."""
    half, curvature = distance.slope(way.point, way.sigma_dw), way.speed
    rise = limit - distance.squared(way.point)
    inside = half * half + curvature * rise
    denominator = half + math.sqrt(inside) if inside >= 0 else math.nan
    return rise / denominator if denominator > 0 else math.nan


def _crossing(distance: Distance, low: Point, high: Point, limit: float) -> float:
    """Share of the way from low to high at which the square is the limit: the root of a convex quadratic."""
    sigma_step = high.sigma_w - low.sigma_w
    half, curvature = distance.slope(low, sigma_step), float((high.w - low.w) @ sigma_step)
    rise = max(limit - distance.squared(low), 0.0)
    denominator = half + math.sqrt(max(half * half + curvature * rise, 0.0))
    return min(rise / denominator, 1.0) if denominator > 0 else 1.0


def _chord(distance: Distance, slope: Aim, low: Point, high: Point) -> float:
    """Half the slope of the square against -slope between two points: some minimiser strictly between has it."""
    fall = low.value(slope) - high.value(slope)
    return 0.5 * (distance.squared(high) - distance.squared(low)) / fall if fall else math.nan

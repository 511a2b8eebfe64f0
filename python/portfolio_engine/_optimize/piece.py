"""The path of minimisers of variance / 2 + s cost'x: affine in s as long as the active set stays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from portfolio_engine._labels import Array
from portfolio_engine._optimize.point import Aim, Point
from portfolio_engine.factor_covariance import FactorCovariance

SAME_PIECE = 1e-12  # residual beyond that of a solved point up to which a point of the path counts as a minimiser
SOLVED = 1e-8  # error of a direction relative to what turns it: more means a system too nearly singular to follow


@dataclass(frozen=True, eq=False)
class Piece:
    """How a minimiser moves with s while its active set stays: x + ds dx, with duals moving alike."""

    point: Point
    slope: Aim
    held: npt.NDArray[np.bool_]  # by a bound
    dx: Array
    sigma_dw: Array
    dy: Array
    dz: Array
    dturnover: float

    @property
    def dw(self) -> Array:
        return self.dx[: self.point.program.n]

    @property
    def speed(self) -> float:
        """dw'Sigma dw."""
        return float(self.dw @ self.sigma_dw)

    def at(self, step: float) -> Point | None:
        """The minimiser at s + step, None when the active set does not last that far."""
        point, program = self.point, self.point.program
        x = point.x + step * self.dx
        z = point.z + step * self.dz
        if (x < program.lb).any() or (x > program.ub).any() or (z < 0).any():
            return None
        moved = replace(
            point,
            x=x,
            y=point.y + step * self.dy,
            z=z,
            z_box=np.zeros_like(x),
            z_trade=None,
            aim=point.aim.plus(self.slope.times(step)),
            turnover_dual=point.turnover_dual + step * self.dturnover,
        )
        vars(moved)["sigma_w"] = point.sigma_w + step * self.sigma_dw
        rest = -moved.gradient
        if program.a_names:
            rest -= moved.y @ program.A
        if program.g_names:
            rest -= z @ program.G
        trades = program.trades
        if trades is not None:
            most, side = moved.dearest, np.sign(point.traded)
            z_trade = np.where(side != 0, side * most, np.clip(rest, -most, most))
            rest -= z_trade
            vars(moved)["z_trade"] = z_trade
        moved.z_box[self.held] = rest[self.held]
        scale = min(1.0, float(np.abs(moved.gradient).max()), float(np.abs(moved.aim.linear).max()))
        return moved if moved.residuals.largest <= SAME_PIECE * scale + point.residuals.largest else None


def piece(point: Point, slope: Aim) -> Piece | None:
    """The derivative of a minimiser with variance / 2 in its objective; None where the active set does not fix it."""
    program, x = point.program, point.x
    if point.tracking_dual:  # its limit bends the path
        return None
    held = (x <= program.lb) | (x >= program.ub)
    free = ~held
    active = point.z > 0
    rows, pull = np.vstack([program.A, program.G[active]]), slope.linear
    trades = program.trades
    if trades is not None:
        side = np.sign(x - trades.held)
        free &= (side != 0) | (point.dearest <= 0)
        pull = pull + slope.trading * trades.cost * side
        if point.turnover_dual > 0:
            rows = np.vstack([rows, side])
    solved = _saddle(point, free, rows[:, free], -pull[free])
    if solved is None:
        return None
    dx, dz = np.zeros_like(x), np.zeros_like(point.z)
    dx[free], duals = solved
    p = len(program.b)
    dz[active] = duals[p : p + int(active.sum())]
    last = float(duals[-1]) if trades is not None and point.turnover_dual > 0 else 0.0
    sigma_dw = point.moments.times(dx[: program.n])
    error = duals @ rows[:, free] + pull[free]
    error[: int(free[: program.n].sum())] += sigma_dw[free[: program.n]]
    if np.abs(error).max(initial=0.0) > SOLVED * np.abs(pull).max():
        return None
    return Piece(point, slope, held, dx, sigma_dw, duals[:p], dz, last)


def _saddle(point: Point, free: npt.NDArray[np.bool_], rows: Array, right: Array) -> tuple[Array, Array] | None:
    """x and y of Sigma x + rows'y = right, rows x = 0 among the free variables."""
    sigma, n, m = point.moments.factors, int(free.sum()), len(rows)
    if sigma is not None and free.size == point.program.n and n > 2 * sigma.loadings.shape[1]:
        return _woodbury(sigma, free, rows, right)
    kkt = np.zeros((n + m, n + m))
    kkt[:n, :n] = covariance_among(point, np.flatnonzero(free))
    kkt[:n, n:], kkt[n:, :n] = rows.T, rows
    try:
        solved = np.linalg.solve(kkt, np.concatenate([right, np.zeros(m)]))
    except np.linalg.LinAlgError:
        return None
    return solved[:n], solved[n:]


def covariance_among(point: Point, chosen: npt.NDArray[np.intp]) -> Array:
    """Covariance among some of a point's variables, zero where they are no weights."""
    weights = chosen[chosen < point.program.n]
    out = np.zeros((chosen.size, chosen.size))
    sigma = point.moments.factors
    if sigma is None:
        out[: weights.size, : weights.size] = point.moments.Sigma[np.ix_(weights, weights)]
    elif weights.size:
        out[: weights.size, : weights.size] = np.asarray(sigma.among(weights))
    return out


def _woodbury(
    sigma: FactorCovariance, free: npt.NDArray[np.bool_], rows: Array, right: Array
) -> tuple[Array, Array] | None:
    """The same with factors: systems of the size of factors and rows in place of one of all free assets."""
    part = sigma.among(np.flatnonzero(free))
    D = part.specific_variance
    if D.min(initial=np.inf) <= 0:
        return None
    F = np.eye(part.loadings.shape[1]) if part.factor_covariance is None else part.factor_covariance
    scaled = part.loadings / D[:, None]
    inner = np.eye(len(F)) + F @ (part.loadings.T @ scaled)

    def inverse(columns: Array) -> Array:
        return np.asarray(columns / D[:, None] - scaled @ np.linalg.solve(inner, F @ (scaled.T @ columns)))

    try:
        both = inverse(np.column_stack([right, rows.T]))
        y = np.asarray(np.linalg.solve(rows @ both[:, 1:], rows @ both[:, 0]))
    except np.linalg.LinAlgError:
        return None
    return both[:, 0] - both[:, 1:] @ y, y

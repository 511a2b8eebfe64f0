"""Named linear constraints in the form of solve_qp: a quadratic program without its objective."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine.constraints import Constraints

TURNOVER, TRACKING = "turnover", "tracking_error"
DUAL_TOLERANCE = 1e-9  # a dual beyond this share of the gradient holds its constraint active


@dataclass(frozen=True, eq=False)
class Trades:
    """What trading away from `held` costs, and how much of it there may be: sum |w - held| <= limit."""

    held: Array
    cost: Array
    limit: float = math.inf


@dataclass(frozen=True, eq=False)
class Tracking:
    """sqrt((w - benchmark)'Sigma(w - benchmark)) <= limit; sigma_b is Sigma times the benchmark."""

    benchmark: Array
    sigma_b: Array
    limit: float

    def error(self, w: Array, sigma_w: Array) -> float:
        """Tracking error of (n,) weights, given Sigma times them."""
        return math.sqrt(max(float((w - self.benchmark) @ (sigma_w - self.sigma_b)), 0.0))


@dataclass(frozen=True, eq=False)
class Program:
    """Gx <= h, Ax = b, lb <= x <= ub with a name for each row and bound; x starts with the n weights.

    Trades are part of the objective and a limit without a row, tracking a limit that is no row either.
    `g_sign` says how a row's bound was written: +1 for an upper bound h, -1 for a lower bound -h.
    """

    n: int
    lb: Array
    ub: Array
    lb_names: tuple[str, ...]
    ub_names: tuple[str, ...]
    G: Array
    h: Array
    g_names: tuple[str, ...]
    g_sign: Array
    A: Array
    b: Array
    a_names: tuple[str, ...]
    trades: Trades | None = None
    tracking: Tracking | None = None
    held: Array | None = None  # what the purchases among the variables are measured from

    @property
    def k(self) -> int:
        """Number of variables: n weights and those that turnover adds."""
        return self.lb.size

    def names(self) -> list[str]:
        """Every named constraint in force once, rows before bounds."""
        bounds = [name for name, bound in zip(self.lb_names, self.lb, strict=True) if np.isfinite(bound)]
        bounds += [name for name, bound in zip(self.ub_names, self.ub, strict=True) if np.isfinite(bound)]
        special = [TRACKING] if self.tracking is not None else []
        return list(dict.fromkeys(name for name in (*special, *self.a_names, *self.g_names, *bounds) if name))

    def with_upper(self, name: str, coefficients: Array, bound: float, *, sign: float = 1.0) -> Program:
        """One more row, coefficients'x <= bound."""
        return replace(
            self,
            G=np.vstack([self.G, coefficients]),
            h=np.append(self.h, bound),
            g_names=(*self.g_names, name),
            g_sign=np.append(self.g_sign, sign),
        )

    def with_lower(self, name: str, coefficients: Array, bound: float) -> Program:
        """One more row, coefficients'x >= bound."""
        return self.with_upper(name, -coefficients, -bound, sign=-1.0)

    def with_equalities(self, rows: Array, values: Array, name: str = "") -> Program:
        return replace(
            self, A=np.vstack([self.A, rows]), b=np.append(self.b, values), a_names=(*self.a_names, *[name] * len(rows))
        )

    def with_tracking(self, tracking: Tracking) -> Program:
        return replace(self, tracking=tracking)

    def without(self, name: str) -> Program:
        """The program with one named constraint removed."""
        rows, equalities = (np.array([own != name for own in names], bool) for names in (self.g_names, self.a_names))
        return replace(
            self,
            tracking=None if name == TRACKING else self.tracking,
            lb=np.where([own == name for own in self.lb_names], -np.inf, self.lb),
            ub=np.where([own == name for own in self.ub_names], np.inf, self.ub),
            G=self.G[rows],
            h=self.h[rows],
            g_sign=self.g_sign[rows],
            g_names=tuple(own for own in self.g_names if own != name),
            A=self.A[equalities],
            b=self.b[equalities],
            a_names=tuple(own for own in self.a_names if own != name),
        )

    def weights_only(self, coefficients: Array) -> Array:
        """(k,) coefficients that are zero on the variables beyond the weights."""
        return np.concatenate([coefficients, np.zeros(self.k - self.n)])

    def with_purchases(self, held: Array) -> Program:
        """n more variables p >= max(weight - held, 0); turnover is then 2 sum p - sum (weight - held)."""
        n, eye = self.n, np.eye(self.n)
        wide = [np.hstack([rows, np.zeros((len(rows), n))]) for rows in (self.G, self.A)]
        return replace(
            self,
            held=held,
            lb=np.concatenate([self.lb, np.zeros(n)]),
            ub=np.concatenate([self.ub, np.full(n, np.inf)]),
            lb_names=(*self.lb_names, *[""] * n),
            ub_names=(*self.ub_names, *[""] * n),
            G=np.vstack([wide[0], np.hstack([eye, -eye])]),
            h=np.concatenate([self.h, held]),
            g_names=(*self.g_names, *[""] * n),
            g_sign=np.concatenate([self.g_sign, np.ones(n)]),
            A=wide[1],
        )

    def doubled(self) -> Program:
        """The same with purchases as variables in place of trades: rows with names for everything."""
        trades = self.trades
        assert trades is not None
        wide = replace(self, trades=None).with_purchases(trades.held)
        if not math.isfinite(trades.limit):
            return wide
        return wide.with_upper(TURNOVER, wide.turnover_row(), trades.limit - float(trades.held.sum()))

    def turnover_row(self) -> Array:
        """(k,) c so that turnover = c'x + sum held; only after `with_purchases`."""
        return np.concatenate([-np.ones(self.n), 2.0 * np.ones(self.k - self.n)])

    def face(self, x: Array, z: Array, z_box: Array, gradient: float) -> Program:
        """The feasible points at which every constraint with a positive dual stays active, as it is at x."""
        threshold = DUAL_TOLERANCE * max(gradient, float(np.finfo(float).tiny))
        at_lower, at_upper, tight = z_box < -threshold, z_box > threshold, z > threshold
        loose = replace(
            self,
            lb=np.where(at_upper, self.ub, self.lb),
            ub=np.where(at_lower, self.lb, self.ub),
            G=self.G[~tight],
            h=self.h[~tight],
            g_sign=self.g_sign[~tight],
            g_names=tuple(name for name, on in zip(self.g_names, tight, strict=True) if not on),
        )
        return loose.with_equalities(self.G[tight], self.G[tight] @ x)


def build(constraints: Constraints, names: tuple[str, ...]) -> Program:
    """The hard constraints as a program; turnover is left to the caller."""
    (lb, lb_names), (ub, ub_names) = constraints.bounds(names)
    n = len(names)
    G: list[Array] = []
    h: list[float] = []
    g_names: list[str] = []
    signs: list[float] = []
    A: list[Array] = []
    b: list[float] = []
    a_names: list[str] = []
    for lower_name, upper_name, coefficients, lower, upper in constraints.rows(names):
        if lower == upper:
            A.append(coefficients)
            b.append(lower)
            a_names.append(lower_name if lower_name == upper_name else upper_name)
            continue
        if math.isfinite(upper):
            G.append(coefficients)
            h.append(upper)
            g_names.append(upper_name)
            signs.append(1.0)
        if math.isfinite(lower):
            G.append(-coefficients)
            h.append(-lower)
            g_names.append(lower_name)
            signs.append(-1.0)
    rows = np.array(G).reshape(len(G), n), np.array(h), tuple(g_names), np.array(signs)
    equalities = np.array(A).reshape(len(A), n), np.array(b, dtype=np.float64), tuple(a_names)
    return Program(n, lb, ub, tuple(lb_names), tuple(ub_names), *rows, *equalities)

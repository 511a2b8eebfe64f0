"""What a portfolio must satisfy, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._naming import as_mapping, fraction, unknown, vector

FUNCTION = "Constraints"
EVERY_OTHER = "*"


@dataclass(frozen=True)
class Linear:
    """lower <= sum of coefficient x weight <= upper; equal bounds make an equality. Assets not named count 0."""

    coefficients: Mapping[str, float]
    lower: float = -math.inf
    upper: float = math.inf


@dataclass(frozen=True)
class Constraints:
    """Constraints on the weights; long-only and fully invested unless told otherwise.

    All weights are fractions of the portfolio: 0.30 is 30 %. Hard: budget, bounds, groups, linear, tracking error.
    Soft, relaxed when they cannot be met: turnover (and the targets of `optimize`).

    Attributes:
        min_weight, max_weight: one number for every asset, or {name: number} where "*" stands for the assets not
            named (default 0 and 1); infinities switch a bound off; a negative min_weight allows short positions.
        budget: sum of the weights.
        groups: {group: names of its members}, such as sectors.
        group_min, group_max: one number for every group, or {group: number}: bounds of the sum of its weights.
        turnover: most of sum |weight - current weight|, buys and sells both counted: 2.0 replaces a whole portfolio.
        current_weights: {name: weight} (absent names hold 0), Series, or a sequence in the order of the assets.
        linear: {name: Linear or {"coefficients": ..., "lower": ..., "upper": ...}}.
        tracking_error: most of the annual standard deviation of the return beyond the benchmark's,
            sqrt((w - b)'Sigma(w - b)).
        benchmark_weights: b, in the forms of current_weights; needed with tracking_error.

    Names in results: "budget", "min_weight", "max_weight" (with "[asset]" when given for it), "group_min[name]",
    "group_max[name]", "linear_lower[name]", "linear_upper[name]", "turnover", "tracking_error".

    Raises:
        ValueError: a number that is NaN, a weight beyond 5 (30 asks "did you mean 0.30?"), a bound for an unknown
            group, turnover without current_weights, tracking_error without benchmark_weights; unknown assets when it
            is used.
    """

    min_weight: float | Mapping[str, float] = 0.0
    max_weight: float | Mapping[str, float] = 1.0
    budget: float = 1.0
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    group_min: float | Mapping[str, float] = field(default_factory=dict)
    group_max: float | Mapping[str, float] = field(default_factory=dict)
    turnover: float | None = None
    current_weights: Mapping[str, float] | Sequence[float] | Any | None = None
    linear: Mapping[str, Linear | Mapping[str, Any]] = field(default_factory=dict)
    tracking_error: float | None = None
    benchmark_weights: Mapping[str, float] | Sequence[float] | Any | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(fraction(self.budget, FUNCTION, "budget")):
            raise ValueError(f"[{FUNCTION}] budget: expected a finite number, got {self.budget}")
        for argument in ("min_weight", "max_weight"):
            value = getattr(self, argument)
            items = as_mapping(value)
            for name, number in {"": value}.items() if items is None else items.items():
                fraction(number, FUNCTION, f"{argument}[{name}]" if name else argument)
        self._check_groups()
        object.__setattr__(self, "linear", {str(k): _linear(str(k), row) for k, row in self.linear.items()})
        if self.turnover is not None:
            if not fraction(self.turnover, FUNCTION, "turnover", limit=10.0) >= 0:
                raise ValueError(f"[{FUNCTION}] turnover: expected a number >= 0, got {self.turnover}")
            if self.current_weights is None:
                raise ValueError(f"[{FUNCTION}] current_weights: expected the weights held now with a turnover limit")

        if self.tracking_error is not None:
            if not fraction(self.tracking_error, FUNCTION, "tracking_error") >= 0:
                raise ValueError(f"[{FUNCTION}] tracking_error: expected a number >= 0, got {self.tracking_error}")
            if self.benchmark_weights is None:
                raise ValueError(f"[{FUNCTION}] benchmark_weights: expected them with a tracking_error limit")

    def _check_groups(self) -> None:
        groups = {}
        for name, members in self.groups.items():
            if isinstance(members, str) or not list(members):
                raise ValueError(f"[{FUNCTION}] groups[{name}]: expected a list of asset names, got {members!r}")
            groups[str(name)] = tuple(str(member) for member in members)
        object.__setattr__(self, "groups", groups)
        for argument in ("group_min", "group_max"):
            value = getattr(self, argument)
            items = as_mapping(value)
            if items is None:
                items = dict.fromkeys(groups, value)
                if not groups:
                    raise ValueError(f"[{FUNCTION}] {argument}: expected groups to apply it to, got none")
            for name, number in items.items():
                if name not in groups:
                    raise unknown(FUNCTION, argument, "group", name, groups)
                items[name] = fraction(number, FUNCTION, f"{argument}[{name}]")
            object.__setattr__(self, argument, items)

    def bounds(self, names: Sequence[str]) -> tuple[tuple[Array, list[str]], tuple[Array, list[str]]]:
        """((n,) lower, name of each bound), ((n,) upper, names)."""
        return (
            _bounds("min_weight", self.min_weight, names, 0.0),
            _bounds("max_weight", self.max_weight, names, 1.0),
        )

    def rows(self, names: Sequence[str]) -> list[tuple[str, str, Array, float, float]]:
        """(name of the lower bound, name of the upper bound, (n,) coefficients, lower, upper) of each row."""
        rows = [("budget", "budget", np.ones(len(names)), self.budget, self.budget)]
        minima, maxima = as_mapping(self.group_min) or {}, as_mapping(self.group_max) or {}
        for group, members in self.groups.items():
            coefficients = vector(dict.fromkeys(members, 1.0), names, FUNCTION, f"groups[{group}]")
            lower, upper = minima.get(group, -math.inf), maxima.get(group, math.inf)
            rows.append((f"group_min[{group}]", f"group_max[{group}]", coefficients, lower, upper))
        for name, row in self.linear.items():
            assert isinstance(row, Linear)
            argument = f"linear[{name}].coefficients"
            coefficients = vector(row.coefficients, names, FUNCTION, argument, limit=math.inf)
            rows.append((f"linear_lower[{name}]", f"linear_upper[{name}]", coefficients, row.lower, row.upper))
        return rows

    def held(self, names: Sequence[str]) -> Array | None:
        """(n,) current weights, None when they were not given."""
        if self.current_weights is None:
            return None
        held = vector(self.current_weights, names, FUNCTION, "current_weights")
        if not np.isfinite(held).all():
            raise ValueError(f"[{FUNCTION}] current_weights: expected finite numbers")
        return held


LONG_ONLY = Constraints()  # fully invested, nothing sold short


def _linear(name: str, row: Linear | Mapping[str, Any]) -> Linear:
    if not isinstance(row, Linear):
        known = ("coefficients", "lower", "upper")
        for key in row:
            if key not in known:
                raise unknown(FUNCTION, f"linear[{name}]", "key", key, known)
        if "coefficients" not in row:
            raise ValueError(f'[{FUNCTION}] linear[{name}]: expected the key "coefficients", got {sorted(row)}')
        lower, upper = row.get("lower"), row.get("upper")
        row = Linear(row["coefficients"], -math.inf if lower is None else lower, math.inf if upper is None else upper)
    coefficients = as_mapping(row.coefficients)
    if not coefficients or not all(math.isfinite(value) for value in coefficients.values()):
        raise ValueError(f"[{FUNCTION}] linear[{name}].coefficients: expected {{asset: finite number}}")
    if math.isnan(row.lower) or math.isnan(row.upper) or not (math.isfinite(row.lower) or math.isfinite(row.upper)):
        raise ValueError(f"[{FUNCTION}] linear[{name}]: expected a finite lower or upper, got {row.lower}, {row.upper}")
    return Linear(coefficients, float(row.lower), float(row.upper))


def _bounds(argument: str, value: Any, names: Sequence[str], default: float) -> tuple[Array, list[str]]:
    items = as_mapping(value)
    if items is None:
        return np.full(len(names), float(value)), [argument] * len(names)
    rest = items.pop(EVERY_OTHER, default)
    numbers = vector(items, names, FUNCTION, argument, default=float(rest))
    return numbers, [f"{argument}[{name}]" if name in items else argument for name in names]

"""Constraints of a whole universe, restricted to the assets that are there on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._naming import as_mapping, vector
from portfolio_engine.constraints import EVERY_OTHER, Constraints, Linear


def check_names(constraints: Constraints, names: list[str]) -> None:
    """Raises the optimiser's error for a name that no asset of the universe has."""
    constraints.bounds(names)
    constraints.rows(names)


def restrict(constraints: Constraints, names: list[str], all_names: list[str], current: Array) -> Constraints:
    """`constraints` without the assets that are not in `names`, turnover taken against `current` ((all assets,)).

    A group or row none of whose assets is left goes with them. What selling the others takes counts as turnover; an
    account that holds nothing yet is free to make its first purchase.
    """
    kept = set(names)
    groups = {group: [m for m in members if m in kept] for group, members in constraints.groups.items()}
    groups = {group: members for group, members in groups.items() if members}
    linear = {}
    for name, row in constraints.linear.items():
        assert isinstance(row, Linear)
        if coefficients := {asset: value for asset, value in row.coefficients.items() if asset in kept}:
            linear[name] = Linear(coefficients, row.lower, row.upper)
    turnover = constraints.turnover
    if turnover is not None and not current.any():
        turnover = None
    elif turnover is not None:
        leaving = np.array([name not in kept for name in all_names])
        turnover = max(0.0, turnover - float(np.abs(current[leaving]).sum()))
    benchmark = _benchmark(constraints, kept, all_names)
    return replace(
        constraints,
        tracking_error=None if benchmark is None else constraints.tracking_error,
        benchmark_weights=benchmark,
        min_weight=_kept(constraints.min_weight, kept),
        max_weight=_kept(constraints.max_weight, kept),
        groups=groups,
        group_min=_kept(constraints.group_min, set(groups)),
        group_max=_kept(constraints.group_max, set(groups)),
        linear=linear,
        turnover=turnover,
        current_weights={name: float(w) for name, w in zip(all_names, current, strict=True) if name in kept},
    )


def _benchmark(constraints: Constraints, kept: set[str], all_names: list[str]) -> dict[str, float] | None:
    """The benchmark's weights in the assets that are there, scaled to their old sum; None when nothing is left."""
    if constraints.benchmark_weights is None:
        return None
    weights = vector(constraints.benchmark_weights, all_names, "Constraints", "benchmark_weights")
    b = dict(zip(all_names, weights.tolist(), strict=True))
    here = {name: weight for name, weight in b.items() if name in kept}
    total = sum(here.values())
    return {name: weight * sum(b.values()) / total for name, weight in here.items()} if total else None


def _kept(value: float | Mapping[str, float] | Any, names: set[str]) -> Any:
    items = as_mapping(value)
    if items is None:
        return value
    return {name: number for name, number in items.items() if name in names or name == EVERY_OTHER}

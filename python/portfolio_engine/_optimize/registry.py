"""Methods by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portfolio_engine._optimize.problem import Answer, Problem
from portfolio_engine.moments import Moments


def trade_off(problem: Problem) -> str:
    """The objective that the targets make of a trade of return against variance."""
    if problem.target_return is not None:
        return "variance"
    return "utility" if problem.max_volatility is None else "expected_return"


@dataclass(frozen=True)
class Method:
    """`solve` answers a feasible problem; `prepare` may replace the moments; `options` are its extra arguments.

    With `budget_only` nothing but the budget reaches it, with `bounds` the bounds of the weights too; everything else
    sent is reported as ignored. With `scenarios`
    it needs the table of returns itself, and every limit must be linear.
    """

    name: str
    solve: Callable[[Problem], Answer]
    budget_only: bool = False
    bounds: bool = False
    scenarios: bool = False
    options: frozenset[str] = frozenset()
    prepare: Callable[..., Moments] | None = None
    objective: Callable[[Problem], str] = trade_off


_METHODS: dict[str, Method] = {}


def method(name: str, **properties: Any) -> Callable[[Callable[[Problem], Answer]], Callable[[Problem], Answer]]:
    """Register the decorated function as the optimisation method `name`."""

    def register(solve: Callable[[Problem], Answer]) -> Callable[[Problem], Answer]:
        _METHODS[name] = Method(name, solve, **properties)
        return solve

    return register


def find(name: str) -> Method:
    """The method called `name`; a ValueError lists all of them."""
    if name not in _METHODS:
        raise ValueError(f"[optimize] method: expected one of {', '.join(_METHODS)}, got {name!r}")
    return _METHODS[name]


def needs_scenarios(name: str) -> bool:
    """Whether the method called `name`, if there is one, needs the table of returns itself."""
    return name in _METHODS and _METHODS[name].scenarios


def check_options(chosen: Method, options: Mapping[str, Any]) -> None:
    """ValueError for an option that belongs to another method."""
    for name in options:
        if name not in chosen.options:
            owners = [other.name for other in _METHODS.values() if name in other.options]
            raise ValueError(
                f"[optimize] {name}: expected only with {' or '.join(owners)}, got it with method {chosen.name!r}"
            )

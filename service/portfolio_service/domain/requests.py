"""What clients ask of the optimiser, in the documented names, and the library's names for the same things."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import portfolio_engine as pe
from portfolio_service.domain.errors import FieldError, Unacceptable
from portfolio_service.domain.models import OptimizationMethod

SECTOR = "sector:"  # groups that max_sector_weight makes
_LIBRARY_NAMES = re.compile(
    r"\b(?P<name>min_weight|max_weight|group_min|group_max|linear_lower|linear_upper|turnover)\b(\[(?P<of>[^\]]*)\])?"
)


@dataclass(frozen=True)
class OptimizeRequest:
    """POST optimize; None means the default. `constraints` has the documented keys:

    max_position_weight, min_position_weight, max_weights and min_weights {symbol: weight}, max_sector_weight,
    groups {name: {symbols, min, max}}, linear {name: {coefficients, lower, upper}}, max_turnover.
    """

    method: OptimizationMethod | None = None
    target_return: float | None = None
    max_volatility: float | None = None
    constraints: Mapping[str, Any] = field(default_factory=dict)
    risk_aversion: float | None = None
    risk_free_rate: float | None = None
    lookback_days: int | None = None
    symbols: Sequence[str] | None = None
    views: Sequence[Mapping[str, Any]] | None = None
    risk_budgets: Mapping[str, float] | None = None
    strict: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict)  # as it was sent: stored as the portfolio's policy


@dataclass(frozen=True)
class FrontierRequest:
    """POST /efficient-frontier: of some symbols or of a portfolio's."""

    symbols: Sequence[str] | None = None
    portfolio_id: str | None = None
    points: int = 50
    constraints: Mapping[str, Any] = field(default_factory=dict)
    lookback_days: int | None = None
    risk_free_rate: float | None = None


def to_constraints(
    asked: Mapping[str, Any],
    symbols: Sequence[str],
    sector: Callable[[str], str | None],
    current_weights: Mapping[str, float],
) -> pe.Constraints:
    """The library's constraints for the documented keys; ValueError with the library's words where they are wrong."""
    groups, group_min, group_max = _groups(asked, symbols, sector)
    turnover = asked.get("max_turnover")
    return pe.Constraints(
        min_weight=_bound(asked, "min_position_weight", "min_weights", 0.0),
        max_weight=_bound(asked, "max_position_weight", "max_weights", 1.0),
        groups=groups,
        group_min=group_min,
        group_max=group_max,
        turnover=turnover,
        current_weights={s: current_weights.get(s, 0.0) for s in symbols} if turnover is not None else None,
        linear=dict(asked.get("linear") or {}),
    )


def check_names(request: OptimizeRequest | FrontierRequest, symbols: Sequence[str]) -> None:
    """Every symbol that the request names beside `symbols` must be one of them; the error lists those that are not."""
    asked = request.constraints
    named = [(f"constraints.{key}", name) for key in ("max_weights", "min_weights") for name in asked.get(key) or {}]
    for group, body in (asked.get("groups") or {}).items():
        named += [(f"constraints.groups.{group}.symbols", name) for name in body["symbols"]]
    for row, body in (asked.get("linear") or {}).items():
        named += [(f"constraints.linear.{row}.coefficients", name) for name in body["coefficients"]]
    if isinstance(request, OptimizeRequest):
        for k, view in enumerate(request.views or ()):
            named += [(f"views.{k}", name) for name in [*(view.get("assets") or ()), *(view.get("weights") or ())]]
        named += [("risk_budgets", name) for name in request.risk_budgets or {}]
    wrong = [FieldError(where, f"{name!r} is not optimised here") for where, name in named if name not in symbols]
    if wrong:
        listing = ", ".join(dict.fromkeys(name for _, name in named if name not in symbols))
        raise Unacceptable(
            "symbol_not_optimised", f"{wrong[0].field} names {listing}; expected some of {', '.join(symbols)}", wrong
        )


def field_of(name: str) -> str:
    """Where in the request a constraint of the library's name stands."""
    shown = documented(name)
    return f"constraints.{shown}" if shown != name else shown


def documented(text: str) -> str:
    """`text` with the library's constraint names replaced by those of the API."""
    return _LIBRARY_NAMES.sub(_documented_name, text)


def refusal(error: ValueError) -> Unacceptable:
    """A wrong argument in the library's words without its function name; any other ValueError is a numerical error."""
    message = documented(str(error))
    match = re.match(r"\[\w+\] ([\w.\[\]]+): (.*)", message, re.DOTALL)
    if match is None:
        return Unacceptable("numerical_error", f"no answer: {message}")
    return Unacceptable("invalid_argument", f"{match[1]}: {match[2]}", [FieldError(match[1], match[2])])


def _documented_name(match: re.Match[str]) -> str:
    name, of = match["name"], match["of"]
    if name in ("min_weight", "max_weight"):
        side = name[:3]
        return f"{side}_weights[{of}]" if of else f"{side}_position_weight"
    if name == "turnover":
        return "max_turnover"
    kind, side = name.split("_")
    if of is None:
        return "groups" if kind == "group" else "linear"
    if of.startswith(SECTOR):
        return f"max_sector_weight[{of.removeprefix(SECTOR)}]"
    return f"groups[{of}].{side}" if kind == "group" else f"linear[{of}].{side}"


def _bound(asked: Mapping[str, Any], every: str, single: str, default: float) -> float | dict[str, float]:
    rest = asked.get(every)
    general = default if rest is None else float(rest)
    return {**asked[single], "*": general} if asked.get(single) else general


def _groups(
    asked: Mapping[str, Any], symbols: Sequence[str], sector: Callable[[str], str | None]
) -> tuple[dict[str, list[str]], dict[str, float], dict[str, float]]:
    groups: dict[str, list[str]] = {}
    minima: dict[str, float] = {}
    maxima: dict[str, float] = {}
    if (limit := asked.get("max_sector_weight")) is not None:
        for symbol in symbols:
            if (name := sector(symbol)) is not None:
                groups.setdefault(SECTOR + name, []).append(symbol)
        if not groups:
            raise Unacceptable(
                "sectors_unknown", "constraints.max_sector_weight: the market data source knows none of the sectors"
            )
        maxima.update(dict.fromkeys(groups, float(limit)))
    for name, group in (asked.get("groups") or {}).items():
        groups[name] = list(group["symbols"])
        if group.get("min") is not None:
            minima[name] = float(group["min"])
        if group.get("max") is not None:
            maxima[name] = float(group["max"])
    return groups, minima, maxima

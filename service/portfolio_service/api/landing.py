"""What the landing page shows of one portfolio: its charts as geometry, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from portfolio_service.api import charts
from portfolio_service.api.deps import Services
from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.models import Portfolio, Valuation
from portfolio_service.domain.requests import FrontierRequest
from portfolio_service.domain.standing import Standing, standings
from portfolio_service.domain.value_history import ValuePoint, value_history

DAYS = 365
SLICES = 7
SEEN = 0.0005  # a smaller share is no part of a bar
POINTS = 30
VALUE_BOTTOM, DRAWDOWN_TOP, DRAWDOWN_BOTTOM = 180.0, 200.0, 262.0


@dataclass(frozen=True)
class Slice:
    """A part of the allocation's bar: shares from `start`; `kind` is its CSS class."""

    name: str
    kind: str
    start: float
    weight: float


@dataclass(frozen=True)
class HistoryChart:
    """Value above, drawdown below, on one time axis."""

    label: str
    note: str
    x: charts.Axis
    value_axis: charts.Axis
    value_line: str
    value_area: str
    drawdown_axis: charts.Axis
    drawdown_line: str
    drawdown_area: str
    dates: Sequence[charts.Tick]


@dataclass(frozen=True)
class Dot:
    """A named portfolio in the plane of risk and return; `kind` is its CSS class."""

    name: str
    kind: str
    x: float
    y: float
    text_x: float
    text_y: float
    anchor: str
    title: str


@dataclass(frozen=True)
class FrontierChart:
    """The frontier's curve and some portfolios beside it."""

    label: str
    note: str
    x: charts.Axis
    y: charts.Axis
    curve: str
    dots: Sequence[Dot]


def allocation(valuation: Valuation) -> list[Slice]:
    """The largest positions one by one, then the others together, cash, and what no order has used yet."""
    weights = {symbol: position.weight for symbol, position in valuation.positions.items()}
    ordered = sorted(weights, key=lambda symbol: -weights[symbol])
    parts = [(symbol, f"a{number}", weights[symbol]) for number, symbol in enumerate(ordered[:SLICES])]
    if rest := ordered[SLICES:]:
        parts.append((f"{len(rest)} others", "others", sum(weights[symbol] for symbol in rest)))
    total = float(valuation.total_value)
    for name, amount in (("Cash", valuation.cash_balance), ("Unallocated", valuation.unallocated_capital)):
        if total and float(amount) / total > SEEN:
            parts.append((name, name.lower(), float(amount) / total))
    starts = accumulate((weight for _, _, weight in parts), initial=0.0)
    return [Slice(name, kind, start, weight) for (name, kind, weight), start in zip(parts, starts, strict=False)]


async def history_chart(services: Services, portfolio: Portfolio) -> tuple[HistoryChart | None, str]:
    """The chart, or None and why."""
    try:
        points = await value_history(portfolio, services.market, services.repository, services.clock, DAYS)
    except DomainError as error:
        return None, error.detail
    if len(points) < 2:
        return None, "Not enough common history of what is held."
    return _history(points), ""


def _history(points: Sequence[ValuePoint]) -> HistoryChart:
    values = np.array([point.value for point in points])
    drawdown = values / np.maximum.accumulate(values) - 1
    shown = charts.thinned(len(points))
    x = charts.horizontal(0, len(points) - 1)
    value_axis = charts.vertical(float(values.min()), float(values.max()), bottom=VALUE_BOTTOM)
    drawdown_axis = charts.vertical(min(float(drawdown.min()), -0.01), 0.0, DRAWDOWN_TOP, DRAWDOWN_BOTTOM)
    xs = [x.at(i) for i in shown]
    ys = [value_axis.at(float(values[i])) for i in shown]
    downs = [drawdown_axis.at(float(drawdown[i])) for i in shown]
    realised = sum(point.realised for point in points)
    return HistoryChart(
        label=f"Value and drawdown, {points[0].date:%Y-%m-%d} to {points[-1].date:%Y-%m-%d}",
        note=_basis(realised, len(points)),
        x=x,
        value_axis=value_axis,
        value_line=charts.line(xs, ys),
        value_area=charts.area(xs, ys, VALUE_BOTTOM),
        drawdown_axis=drawdown_axis,
        drawdown_line=charts.line(xs, downs),
        drawdown_area=charts.area(xs, downs, drawdown_axis.at(0.0)),
        dates=[charts.Tick(x.at(i), f"{points[i].date:%b %Y}") for i in (0, len(points) // 2, len(points) - 1)],
    )


def _basis(realised: int, days: int) -> str:
    if realised == 0:
        return "Today's holdings looked at over the last year: the portfolio has no record of its own yet."
    if realised == days:
        return "The portfolio's own daily record."
    return f"The last {realised} days are the portfolio's own record; before it, today's holdings looked at back then."


async def frontier_chart(
    services: Services, portfolio: Portfolio, weights: Mapping[str, float]
) -> tuple[FrontierChart | None, str]:
    """The chart, or None and why."""
    if len(weights) < 2:
        return None, "A frontier needs at least two holdings."
    request = FrontierRequest(portfolio_id=portfolio.portfolio_id, points=POINTS)
    days, workers = services.settings.estimation_days, services.optimisation.workers
    try:
        found = await services.optimisation.frontier(request)
        symbols = found["estimates"]["symbols"]
        shown = _shown(portfolio, weights, symbols)
        places = await standings(services.market, workers, symbols, days, list(shown.values()))
    except DomainError as error:
        return None, error.detail
    return _frontier(found, dict(zip(shown, places, strict=True))), ""


def _shown(
    portfolio: Portfolio, weights: Mapping[str, float], symbols: Sequence[str]
) -> dict[str, Mapping[str, float]]:
    """What to mark beside the curve: the target, where it is of these symbols, and what is held now."""
    target = {s: w for s, w in portfolio.target.weights.items() if w > 0} if portfolio.target else {}
    return {"target": target, "now": weights} if target and set(target) <= set(symbols) else {"now": weights}


def _frontier(found: Mapping[str, Any], places: Mapping[str, Standing]) -> FrontierChart:
    def point(one: Mapping[str, Any]) -> tuple[float, float]:
        return float(one["expected_risk"]), float(one["expected_return"])

    marks = {"least risk": ("", point(found["min_variance"])), "best Sharpe": ("", point(found["max_sharpe"]))}
    marks |= {name: (name, (place.expected_risk, place.expected_return)) for name, place in places.items()}
    curve, estimates = [point(one) for one in found["points"]], found["estimates"]
    every = curve + [where for _, where in marks.values()]
    x = charts.horizontal(min(risk for risk, _ in every), max(risk for risk, _ in every))
    y = charts.vertical(min(mean for _, mean in every), max(mean for _, mean in every))
    return FrontierChart(
        label="Efficient frontier of what is held",
        note=f"Long-only, estimated on {estimates['n_obs']} days to {estimates['last_date']} ({estimates['source']}); "
        "now counts cash at no return.",
        x=x,
        y=y,
        curve=charts.line([x.at(risk) for risk, _ in curve], [y.at(mean) for _, mean in curve]),
        dots=_dots(marks, x, y),
    )


def _dots(marks: Mapping[str, tuple[str, tuple[float, float]]], x: charts.Axis, y: charts.Axis) -> list[Dot]:
    """Dots whose names avoid each other: best Sharpe is named on its left, the others on their right, where room is."""
    dots: list[Dot] = []
    for name, (kind, (risk, mean)) in marks.items():
        at, text_y = x.at(risk), y.at(mean) + 5
        left = at > 0.7 * charts.WIDTH or (name == "best Sharpe" and at > 0.4 * charts.WIDTH)
        anchor, shift = ("end", -11) if left else ("start", 11)
        while any(dot.anchor == anchor and abs(dot.text_y - text_y) < 22 and abs(dot.x - at) < 130 for dot in dots):
            text_y += 22
        title = f"{name}: return {mean:.1%}, volatility {risk:.1%}"
        dots.append(Dot(name, kind, at, y.at(mean), at + shift, text_y, anchor, title))
    return dots

"""Pictures with matplotlib, which is imported only here and only when a picture is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from portfolio_engine._labels import Array

if TYPE_CHECKING:
    from portfolio_engine.backtest import Backtest
    from portfolio_engine.frontier import Frontier
    from portfolio_engine.simulate import Simulation

# Paul Tol's muted scheme (Technical Note SRON/EPS/TN/09-002, 2021): told apart by colour-blind readers too
COLOURS = ("#332288", "#DDCC77", "#44AA99", "#88CCEE", "#882255", "#CC6677", "#117733", "#999933", "#AA4499", "#BBBBBB")
INK, QUIET, LOSS = "#22313F", "#8A96A3", "#C0392B"
STYLE = {
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": "#E6EAEE",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'portfolio-engine[cli]'") from None
    return matplotlib


def new_figure(width: float, height: float) -> Any:
    """An empty Figure of width x height inches that no global state (pyplot) knows about."""
    _matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=144, layout="constrained")


def save(figure: Any, path: str | Path | None) -> Any:
    """Writes the figure when a path is given (the ending names the format) and returns it."""
    if path is not None:
        with _matplotlib().rc_context(STYLE):
            figure.savefig(path)
    return figure


def styled() -> Any:
    """Context in which axes must be made to have the project's style."""
    return _matplotlib().rc_context(STYLE)


def percent(axis: Any, decimals: int = 0) -> None:
    """Labels of a share axis as percentages."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, decimals=decimals))


def drawdowns(values: Any) -> Array:
    """Loss from the running maximum, zero or negative."""
    levels = np.asarray(values, dtype=np.float64)
    return np.asarray(levels / np.maximum.accumulate(levels) - 1.0)


def draw_value(axis: Any, dates: Any, values: Any, label: str, benchmark: Any = None) -> None:
    """Value over time, with the benchmark's beside it when there is one."""
    axis.plot(dates, values, color=COLOURS[0], linewidth=1.8, label=label)
    if benchmark is not None:
        axis.plot(dates, benchmark, color=QUIET, linewidth=1.3, label="benchmark")
        axis.legend(loc="upper left")
    axis.set_title("Value")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.margins(x=0)


def draw_drawdown(axis: Any, dates: Any, values: Any) -> None:
    """Loss from the last peak over time."""
    losses = drawdowns(values)
    axis.fill_between(dates, losses, 0.0, color=LOSS, alpha=0.25, linewidth=0)
    axis.plot(dates, losses, color=LOSS, linewidth=1.0)
    axis.set_title(f"Drawdown (worst {losses.min():.1%})")
    percent(axis.yaxis)
    axis.margins(x=0)


def draw_weights_over_time(
    axis: Any, dates: Any, weights: Any, names: list[str], most: int = 9, colours: Mapping[str, str] | None = None
) -> None:
    """Weights as stacked areas: the largest by name, the others together, cash left white."""
    table = np.asarray(weights, dtype=np.float64)
    order = np.argsort(-np.abs(table).mean(axis=0), kind="stable")
    shown = order[: most + 1] if len(order) == most + 1 else order[:most]
    stacks, labels = [table[:, i] for i in shown], [names[i] for i in shown]
    if len(order) > len(shown):
        stacks.append(table[:, order[most:]].sum(axis=1))
        labels.append(f"{len(order) - most} others")
    paint = [(colours or {}).get(label, colour) for label, colour in zip(labels, COLOURS, strict=False)]
    if table.min() < -1e-9:  # areas cannot show shorts
        for values, label, colour in zip(stacks, labels, paint, strict=True):
            axis.plot(dates, values, label=label, color=colour, linewidth=1.0)
    else:
        axis.stackplot(dates, stacks, labels=labels, colors=paint, linewidth=0)
        axis.set_ylim(0.0, max(1.0, float(table.sum(axis=1).max())))
    axis.set_title("Weights")
    percent(axis.yaxis)
    axis.margins(x=0)
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)


def _is_light(colour: str) -> bool:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue > 150


def draw_weights(axis: Any, weights: Mapping[str, Mapping[str, float]]) -> None:
    """One horizontal bar per portfolio, split by asset; shares of 7 % and more are labelled."""
    names = list(dict.fromkeys(name for row in weights.values() for name in row))
    rows = list(weights)
    positive, negative = np.zeros(len(rows)), np.zeros(len(rows))
    for i, name in enumerate(names):
        share = np.array([float(weights[row].get(name, 0.0)) for row in rows])
        left = np.where(share >= 0, positive, negative)
        colour = COLOURS[i % len(COLOURS)]
        axis.barh(rows, share, left=left, color=colour, label=name, edgecolor="white", linewidth=0.6)
        ink = INK if _is_light(colour) else "white"
        for at, value, start in zip(rows, share, left, strict=True):
            if abs(value) >= 0.07:
                axis.text(start + value / 2, at, f"{value:.0%}", ha="center", va="center", fontsize=7.5, color=ink)
        positive, negative = positive + np.maximum(share, 0), negative + np.minimum(share, 0)
    axis.invert_yaxis()
    axis.grid(visible=False)
    axis.set_title("Weights by method")
    percent(axis.xaxis)
    axis.set_xlim(min(0.0, float(negative.min())), max(1.0, float(positive.max())))
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)


def plot_weights(weights: Mapping[str, Mapping[str, float]], path: str | Path | None = None) -> Any:
    """Bars of several portfolios' weights, {portfolio: {asset: weight}}, as a Figure."""
    with styled():
        figure = new_figure(8.5, 1.2 + 0.45 * len(weights))
        draw_weights(figure.subplots(), weights)
    return save(figure, path)


def plot_drawdown(dates: Any, values: Any, path: str | Path | None = None) -> Any:
    """Value and drawdown of a series of values, as a Figure."""
    with styled():
        figure = new_figure(8.5, 4.6)
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        draw_value(top, dates, values, "portfolio")
        draw_drawdown(bottom, dates, values)
    return save(figure, path)


def plot_simulation(simulation: Simulation, initial_value: float = 1.0, path: str | Path | None = None) -> Any:
    """Histogram of simulated values with their median and tail, as a Figure; needs keep_values=True."""
    if simulation.values is None:
        raise ValueError("[plot_simulation] simulation: expected one made with keep_values=True, got no values")
    values = np.asarray(simulation.values)
    edge = initial_value + simulation.value_at_risk
    low, high = np.quantile(values, [0.001, 0.999])
    step = (high - low) / 90 or 1.0
    # bins that begin at the VaR, so that the tail is exactly what is red
    edges = edge + step * np.arange(np.floor((low - edge) / step), np.ceil((high - edge) / step) + 1)
    counts, _ = np.histogram(values, bins=edges)
    with styled():
        figure = new_figure(8.5, 4.4)
        axis = figure.subplots()
        colours = [LOSS if left < edge - step / 2 else COLOURS[0] for left in edges[:-1]]
        axis.bar(edges[:-1], counts / len(values), step, align="edge", color=colours, alpha=0.8)
        marks = {
            "start": (initial_value, QUIET, "--"),
            "median": (float(np.median(values)), INK, "-"),
            "VaR": (edge, LOSS, "-"),
            "CVaR": (initial_value + simulation.conditional_value_at_risk, LOSS, "--"),
        }
        for label, (at, colour, line) in marks.items():
            axis.axvline(at, color=colour, linewidth=1.2, linestyle=line, label=f"{label} {at:,.0f}")
        axis.legend(loc="upper right")
        axis.set_title(f"Value after {simulation.horizon} steps, {simulation.scenarios:,} scenarios")
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        percent(axis.yaxis, 1)
        axis.margins(x=0)
    return save(figure, path)


def plot_backtest(backtest: Backtest, path: str | Path | None = None) -> Any:
    """Value with benchmark, drawdown and weights of a backtest, as a Figure."""
    names = getattr(backtest.weights, "columns", range(np.shape(backtest.weights)[1]))
    benchmark = backtest.benchmark_returns
    if benchmark is not None:
        benchmark = backtest.initial_value * np.cumprod(1.0 + np.asarray(benchmark))
    with styled():
        figure = new_figure(8.5, 7.2)
        top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(2.2, 1, 1.5))
        draw_value(top, backtest.dates, np.asarray(backtest.values), backtest.method, benchmark)
        draw_drawdown(middle, backtest.dates, backtest.values)
        draw_weights_over_time(bottom, backtest.dates, backtest.weights, [str(name) for name in names])
    return save(figure, path)


def draw_frontier(axis: Any, frontier: Frontier) -> None:
    """Risk against return: curve, corners, assets, the two named portfolios, the line from the risk-free rate."""
    moments = frontier.moments
    volatilities, means = np.sqrt(np.diag(moments.Sigma)), moments.mu
    axis.plot(frontier.expected_risk, frontier.expected_return, color=COLOURS[0], linewidth=2.0, label="frontier")
    corners = frontier.corners
    axis.scatter(corners.expected_risk, corners.expected_return, color=COLOURS[0], s=12, zorder=3, label="corners")
    axis.scatter(volatilities, means, color=QUIET, s=18, zorder=3, label="assets")
    if len(means) <= 30:
        for name, x, y in zip(frontier.names, volatilities, means, strict=True):
            axis.annotate(name, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=7.5, color=INK)
    best, calm = frontier.max_sharpe, frontier.min_variance
    axis.scatter(
        [calm.expected_risk], [calm.expected_return], color=COLOURS[2], s=55, zorder=4, label="minimum variance"
    )
    if best.status == "optimal":
        label = f"maximum Sharpe ({best.sharpe_ratio:.2f})"
        axis.scatter(
            [best.expected_risk], [best.expected_return], color=COLOURS[5], marker="*", s=130, zorder=5, label=label
        )
        reach = float(max(frontier.expected_risk.max(), best.expected_risk))
        line = frontier.risk_free_rate + best.sharpe_ratio * np.array([0.0, reach])
        axis.plot([0.0, reach], line, color=QUIET, linewidth=1.0, linestyle="--")
    axis.set_title("Efficient frontier")
    axis.set_xlabel("Volatility a year")
    axis.set_ylabel("Expected return a year")
    percent(axis.xaxis)
    percent(axis.yaxis)
    axis.margins(x=0.08)
    axis.set_xlim(left=0.0)
    axis.legend(loc="best", fontsize=8)


def plot_frontier(frontier: Frontier, path: str | Path | None = None, ax: Any = None) -> Any:
    """The frontier on the given axes or in a Figure of its own."""
    if ax is not None:
        draw_frontier(ax, frontier)
        return save(ax.figure, path)
    with styled():
        figure = new_figure(7.5, 5.0)
        draw_frontier(figure.subplots(), frontier)
    return save(figure, path)

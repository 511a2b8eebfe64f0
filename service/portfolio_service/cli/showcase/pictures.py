"""The demo's pictures, and the one that sums it up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from portfolio_engine import Constraints, Moments, efficient_frontier, plots
from portfolio_service.cli.showcase.workflow import CAP, Story

if TYPE_CHECKING:
    from portfolio_engine.backtest import Backtest
    from portfolio_engine.frontier import Frontier

SHORT = {
    "mean_variance": "mean-variance", "min_variance": "min variance", "max_sharpe": "max Sharpe",
    "risk_parity": "risk parity", "black_litterman": "Black-Litterman", "equal_weight": "equal weight",
    "inverse_volatility": "inverse volatility",
}  # fmt: skip


def frontier_of(story: Story) -> Frontier:
    """The library's frontier on the estimates that the service returned."""
    estimates = story.optimized["max_sharpe"]["estimates"]
    names = list(estimates["expected_returns"])
    mean = np.array(list(estimates["expected_returns"].values()))
    moments = Moments(mean, np.array(estimates["covariance"]), names=tuple(names))
    rate = float(story.optimized["max_sharpe"]["risk_free_rate"])
    return efficient_frontier(moments, 60, Constraints(max_weight=CAP), risk_free_rate=rate)


def draw(folder: Path, story: Story, tests: dict[str, Backtest]) -> list[Path]:
    """frontier.png, weights.png, backtest.png and overview.png; returns the paths."""
    paths = [folder / f"{name}.png" for name in ("frontier", "weights", "backtest", "overview")]
    frontier = frontier_of(story)
    weights = {SHORT[method]: answer["target_weights"] for method, answer in story.optimized.items()}
    frontier.plot(paths[0])
    plots.plot_weights(weights, paths[1])
    tests["max_sharpe"].plot(paths[2])
    plots.save(_overview(story, frontier, weights, tests), paths[3])
    return paths


def _overview(
    story: Story, frontier: Frontier, weights: dict[str, dict[str, float]], tests: dict[str, Backtest]
) -> Any:
    """Frontier, weights, values and weights over time in one picture; an asset keeps its colour."""
    colours = dict(zip(story.symbols, plots.COLOURS, strict=False))
    shown = tests["min_variance"]
    with plots.styled():
        figure = plots.new_figure(13.0, 8.8)
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12, wspace=0.02, hspace=0.03)
        (top_left, top_right), (bottom_left, bottom_right) = figure.subplots(2, 2)
        plots.draw_frontier(top_left, frontier)
        _methods(top_left, story)
        plots.draw_weights(top_right, weights)
        _values(bottom_left, tests)
        plots.draw_weights_over_time(bottom_right, shown.dates, shown.weights, list(shown.weights.columns), 9, colours)
        bottom_right.get_legend().remove()
        bottom_right.set_title("Minimum variance through the walk-forward test")
        title = f"Portfolio Engine: {len(story.symbols)} symbols of the simulated market, at most {CAP:.0%} each"
        figure.suptitle(title, x=0.012, ha="left", fontsize=13.5, fontweight="bold", color=plots.INK)
    return figure


def _methods(axis: Any, story: Story) -> None:
    """Other methods' portfolios beside the frontier."""
    shown = [story.optimized[method] for method in ("mean_variance", "risk_parity", "equal_weight")]
    x, y = [answer["expected_risk"] for answer in shown], [answer["expected_return"] for answer in shown]
    axis.scatter(x, y, marker="D", s=26, color=plots.COLOURS[1], edgecolor=plots.INK, linewidth=0.6, zorder=4,
                 label="other methods")  # fmt: skip
    axis.legend(loc="center right", bbox_to_anchor=(1.0, 0.38), fontsize=8)
    axis.margins(x=0.1)
    axis.set_xlim(left=0.0)


def _values(axis: Any, tests: dict[str, Backtest]) -> None:
    """Value of each tested method on a logarithmic scale."""
    from matplotlib.ticker import NullFormatter

    for (name, test), colour in zip(tests.items(), (plots.COLOURS[i] for i in (0, 2, 5, 1)), strict=True):
        label = f"{SHORT[name]}: Sharpe {test.performance.sharpe_ratio:.2f}"
        axis.plot(test.dates, test.values, color=colour, linewidth=1.4, label=label)
    axis.set_yscale("log")
    axis.set_title("Walk-forward test, monthly, after costs, from 100,000")
    axis.set_yticks([level for level in (50e3, 75e3, 100e3, 150e3, 200e3, 300e3, 400e3, 600e3, 800e3)])
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    lows, highs = zip(*((test.values.min(), test.values.max()) for test in tests.values()), strict=True)
    axis.set_ylim(0.93 * min(lows), 1.5 * max(highs))
    axis.margins(x=0)
    axis.legend(loc="upper left", fontsize=8)

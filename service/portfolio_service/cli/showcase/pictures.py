"""The demo's pictures, and the one that sums it up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from portfolio_engine import Constraints, Moments, efficient_frontier
from portfolio_engine import _plots as plots
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
    covariance = estimates["covariance"]
    table = [[covariance[a][b] for b in names] for a in names]
    moments = Moments(np.array([estimates["expected_returns"][n] for n in names]), np.array(table), names=tuple(names))
    rate = float(story.optimized["max_sharpe"].get("risk_free_rate", 0.02))
    return efficient_frontier(moments, 60, Constraints(max_weight=CAP), risk_free_rate=rate)


def draw(folder: Path, story: Story, tests: dict[str, Backtest]) -> list[Path]:
    """frontier.png, weights.png, backtest.png and overview.png; returns the paths."""
    paths = [folder / f"{name}.png" for name in ("frontier", "weights", "backtest", "overview")]
    frontier = frontier_of(story)
    weights = {SHORT[method]: answer["target_weights"] for method, answer in story.optimized.items()}
    frontier.plot(paths[0])
    plots.plot_weights(weights, paths[1])
    tests["max_sharpe"].plot(paths[2])
    with plots.styled():
        figure = plots.new_figure(13.0, 8.6)
        (top_left, top_right), (bottom_left, bottom_right) = figure.subplots(2, 2)
        plots.draw_frontier(top_left, frontier)
        plots.draw_weights(top_right, weights)
        _values(bottom_left, tests)
        best = tests["max_sharpe"]
        plots.draw_weights_over_time(bottom_right, best.dates, best.weights, list(best.weights.columns))
        bottom_right.set_title("Weights of max Sharpe through the walk-forward test")
        figure.suptitle("Portfolio Engine on the simulated market", x=0.01, ha="left", fontsize=14, fontweight="bold")
    plots.save(figure, paths[3])
    return paths


def _values(axis: Any, tests: dict[str, Backtest]) -> None:
    """Value of each tested method on a logarithmic scale."""
    for (name, test), colour in zip(tests.items(), plots.COLOURS, strict=False):
        label = f"{SHORT[name]}: Sharpe {test.performance.sharpe_ratio:.2f}"
        axis.plot(test.dates, test.values, color=colour, linewidth=1.4, label=label)
    first = next(iter(tests.values()))
    if first.benchmark_returns is not None:
        market = first.initial_value * np.cumprod(1.0 + first.benchmark_returns)
        axis.plot(first.dates, market, color=plots.QUIET, linewidth=1.2, linestyle="--", label="SPY (simulated)")
    axis.set_title("Walk-forward test after costs, from 100,000")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.margins(x=0)
    axis.legend(loc="upper left", fontsize=8)

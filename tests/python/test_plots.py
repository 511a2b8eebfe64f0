"""Pictures: they show the numbers they were given, and need matplotlib only when asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import plots
from portfolio_engine.backtest import Backtest, backtest
from portfolio_engine.simulate import simulate

NAMES = [f"N{i:02d}" for i in range(14)]


@pytest.fixture(scope="module")
def tested() -> Backtest:
    rng = np.random.default_rng(2)
    days = pd.bdate_range("2021-01-01", periods=200)
    steps = rng.standard_normal((200, 14)) * 0.01 + 0.0004
    prices = pd.DataFrame(100 * np.exp(steps.cumsum(axis=0)), index=days, columns=NAMES)
    return backtest(prices, "equal_weight", "monthly", 10, lookback=60, benchmark=NAMES[-1])


def test_backtest_has_value_drawdown_and_weights(tested: Backtest, tmp_path: Path) -> None:
    figure = tested.plot(tmp_path / "b.png")
    value, losses, weights = figure.axes
    np.testing.assert_allclose(value.lines[0].get_ydata(), tested.values)
    expected = tested.initial_value * np.cumprod(1 + tested.benchmark_returns)
    np.testing.assert_allclose(value.lines[1].get_ydata(), expected)
    np.testing.assert_allclose(losses.lines[0].get_ydata(), tested.values / tested.values.cummax() - 1)
    assert "worst" in losses.get_title(loc="left")
    labels = [text.get_text() for text in weights.get_legend().get_texts()]
    assert len(labels) == 10
    assert labels[-1] == "4 others"
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_shorts_are_lines_not_areas(tested: Backtest) -> None:
    with plots.styled():
        axis = plots.new_figure(4, 3).subplots()
        plots.draw_weights_over_time(axis, [0, 1, 2], [[1.2, -0.2], [1.3, -0.3], [1.1, -0.1]], ["long", "short"])
    assert len(axis.lines) == 2
    np.testing.assert_allclose(axis.lines[1].get_ydata(), [-0.2, -0.3, -0.1])


def test_weights_bars_start_where_the_last_one_ends() -> None:
    figure = plots.plot_weights({"one": {"A": 0.5, "B": 0.3, "C": 0.2}, "two": {"A": 1.2, "B": -0.2}})
    (axis,) = figure.axes
    bars = [(round(bar.get_x(), 9), round(bar.get_width(), 9)) for bar in axis.patches]
    assert bars == [(0, 0.5), (0, 1.2), (0.5, 0.3), (0, -0.2), (0.8, 0.2), (1.2, 0.0)]
    shown = {text.get_text() for text in axis.texts}
    assert shown == {"50%", "30%", "20%", "120%", "-20%"}


def test_drawdowns_are_losses_from_the_running_maximum() -> None:
    np.testing.assert_allclose(plots.drawdowns([100, 120, 90, 60, 120, 130]), [0, 0, -0.25, -0.5, 0, 0])
    figure = plots.plot_drawdown([0, 1, 2], [1.0, 0.5, 0.75])
    assert len(figure.axes) == 2


def test_simulation_colours_exactly_the_tail() -> None:
    answer = simulate(
        [0.0004, 0.0002], np.diag([1e-4, 4e-5]), [0.6, 0.4], horizon=20, scenarios=20_000, keep_values=True
    )
    figure = plots.plot_simulation(answer, 1.0)
    (axis,) = figure.axes
    red = [bar for bar in axis.patches if bar.get_facecolor()[:3] == pytest.approx((0.7529, 0.2235, 0.1686), abs=1e-3)]
    assert red[-1].get_x() + red[-1].get_width() == pytest.approx(1 + answer.value_at_risk)
    assert sum(bar.get_height() for bar in red) == pytest.approx(0.05, abs=0.002)
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert [label.split()[0] for label in labels] == ["start", "median", "VaR", "CVaR"]
    bare = simulate([0.0], [[1e-4]], [1.0], scenarios=100)
    with pytest.raises(ValueError, match="keep_values=True"):
        plots.plot_simulation(bare)


def test_the_ending_names_the_format(tested: Backtest, tmp_path: Path) -> None:
    tested.plot(tmp_path / "b.svg")
    assert "<svg" in (tmp_path / "b.svg").read_text()
    tested.plot(tmp_path / "b.pdf")
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF")


def test_matplotlib_is_imported_only_for_a_picture() -> None:
    code = (
        "import sys, portfolio_engine; loaded = 'matplotlib' in sys.modules; sys.modules['matplotlib'] = None\n"
        "from portfolio_engine.plots import plot_weights\n"
        "try:\n    plot_weights({'a': {'b': 1.0}})\n"
        "except ImportError as error:\n    print(loaded, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False plots need matplotlib: pip install 'portfolio-engine[cli]'"

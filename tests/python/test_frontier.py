"""The efficient frontier: its ends, convexity, agreement with optimize, errors and the picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import (
    Constraints,
    Frontier,
    InfeasibleError,
    Linear,
    Moments,
    SolverError,
    available_devices,
    efficient_frontier,
    optimize,
)
from tests.python.portfolios import factor_moments, nasty_moments

TEN = factor_moments(5, 10)
NAMES = tuple(str(k) for k in range(10))
TIGHT = Constraints(
    min_weight=0.01,
    max_weight=0.3,
    groups={"a": NAMES[:3]},
    group_min={"a": 0.2},
    linear={"tilt": Linear({"3": 1.0, "4": -1.0}, lower=0.02)},
    turnover=0.9,
    current_weights=[0.1] * 10,
)


def check(frontier: Frontier, moments: Moments) -> None:
    """What every frontier satisfies."""
    w = np.asarray(frontier.weights)
    np.testing.assert_allclose(w.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(frontier.expected_return, w @ moments.mu, rtol=1e-12, atol=1e-15)
    variances = np.einsum("ij,jk,ik->i", w, moments.Sigma, w)
    np.testing.assert_allclose(frontier.expected_risk, np.sqrt(np.maximum(variances, 0)), rtol=1e-9, atol=1e-12)
    scale = 1e-9 * (1 + np.abs(moments.mu).max())
    assert np.diff(frontier.expected_return).min() >= -scale
    assert np.diff(frontier.expected_risk).min() >= -1e-9 * (1 + frontier.expected_risk.max())
    assert frontier.max_residual <= 1e-8


@pytest.mark.parametrize(
    "constraints", [Constraints(), Constraints(max_weight=0.25), Constraints(min_weight=-0.2), TIGHT]
)
def test_every_point_is_the_least_risk_for_its_return(constraints: Constraints) -> None:
    frontier = efficient_frontier(TEN, 25, constraints, risk_free_rate=0.01)
    check(frontier, TEN)
    assert len(frontier) == 25
    for k in range(0, 25, 4):
        target = frontier.expected_return[k] - (1e-10 if k == 24 else 0.0)
        single = optimize(TEN, constraints=constraints, target_return=target)
        assert frontier.expected_risk[k] == pytest.approx(single.expected_risk, rel=1e-6)
        np.testing.assert_allclose(np.asarray(frontier.weights)[k], single.weights, atol=1e-6)


def test_the_ends_and_the_spacing() -> None:
    frontier = efficient_frontier(TEN, 30)
    assert frontier.expected_risk[0] == pytest.approx(frontier.min_variance.expected_risk, rel=1e-9)
    assert frontier.expected_return[-1] == pytest.approx(TEN.mu.max(), rel=1e-12)
    np.testing.assert_allclose(np.diff(frontier.expected_return, 2), 0.0, atol=1e-9)
    np.testing.assert_allclose(np.asarray(frontier.weights)[0], frontier.min_variance.weights, atol=1e-7)


def test_variance_is_convex_in_return() -> None:
    frontier = efficient_frontier(TEN, 60, TIGHT)
    assert np.diff(frontier.expected_risk**2, 2).min() >= -1e-10


def test_the_named_portfolios_lie_on_it() -> None:
    frontier = efficient_frontier(TEN, 200, risk_free_rate=0.02)
    assert frontier.max_sharpe.method == "max_sharpe"
    assert frontier.max_sharpe.sharpe_ratio >= frontier.sharpe_ratio.max()
    assert frontier.max_sharpe.sharpe_ratio == pytest.approx(frontier.sharpe_ratio.max(), rel=1e-4)
    excess = frontier.expected_return - 0.02
    np.testing.assert_allclose(frontier.sharpe_ratio, excess / frontier.expected_risk, rtol=1e-12)


@pytest.mark.parametrize("name", nasty_moments())
def test_nasty_moments(name: str) -> None:
    moments = nasty_moments()[name]
    frontier = efficient_frontier(moments, 12)
    check(frontier, moments)
    assert frontier.expected_return[-1] == pytest.approx(moments.mu.max(), rel=1e-9)


def test_labels_are_carried() -> None:
    returns = pd.DataFrame(np.random.default_rng(0).normal(0.001, 0.01, (90, 3)), columns=["AAA", "BBB", "CCC"])
    frontier = efficient_frontier(returns, 5)
    assert list(frontier.weights.columns) == ["AAA", "BBB", "CCC"]
    assert frontier.weights.shape == (5, 3)
    assert frontier.names == ("AAA", "BBB", "CCC")
    assert isinstance(efficient_frontier(returns.to_numpy(), 5).weights, np.ndarray)


@pytest.mark.parametrize("points", [1, 0, 2.5, True, "3"])
def test_bad_points(points: object) -> None:
    with pytest.raises(ValueError, match=r"\[efficient_frontier\] points: expected a whole number of at least 2"):
        efficient_frontier(TEN, points)


def test_errors() -> None:
    with pytest.raises(InfeasibleError) as caught:
        efficient_frontier(TEN, 10, Constraints(max_weight=0.05))
    assert caught.value.conflict == ("budget", "max_weight")
    with pytest.raises(InfeasibleError) as caught:
        efficient_frontier(TEN, 10, Constraints(max_weight={"0": 0.1}, turnover=0.1, current_weights={"0": 1.0}))
    assert "turnover" in caught.value.conflict
    if available_devices()[1].available:
        there = efficient_frontier(TEN, 10, device="metal")
        assert (there.device, there.device_reason) == ("cpu", "the critical line is followed on the CPU")
    else:
        with pytest.raises(ValueError, match=r"\[efficient_frontier\] device: 'metal' is not available"):
            efficient_frontier(TEN, 10, device="metal")
    with pytest.raises(SolverError, match="finite min and max weight"):
        efficient_frontier(TEN, 10, Constraints(min_weight=-np.inf, max_weight=np.inf))


def test_the_picture(tmp_path: Path) -> None:
    frontier = efficient_frontier(TEN, 20, risk_free_rate=0.01)
    path = tmp_path / "frontier.png"
    figure = frontier.plot(path)
    assert path.stat().st_size > 10_000
    axis = figure.axes[0]
    np.testing.assert_array_equal(axis.lines[0].get_xdata(), frontier.expected_risk)
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), frontier.expected_return)
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert "minimum variance" in labels
    assert f"maximum Sharpe ({frontier.max_sharpe.sharpe_ratio:.2f})" in labels
    from matplotlib.figure import Figure

    own = Figure().subplots()
    assert frontier.plot(ax=own) is own.figure
    assert own.get_title(loc="left") or own.get_title()


def test_the_picture_without_matplotlib_says_how_to_get_it() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import numpy as np; from portfolio_engine import Moments, efficient_frontier\n"
        "efficient_frontier(Moments(np.array([0.1, 0.2]), np.diag([0.04, 0.09])), 5).plot()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "pip install 'portfolio-engine[cli]'" in run.stderr.splitlines()[-1]

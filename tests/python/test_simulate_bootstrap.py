"""Scenarios from history: all of them counted, and the blocks of Politis and Romano 1994."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from portfolio_engine import CancelToken, kernels, simulate_bootstrap

RETURNS = np.array([[0.1, -0.05], [-0.2, 0.03], [0.04, 0.06]])
WEIGHTS = np.array([0.5, 0.3])


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = kernels.num_threads()
    yield kernels.set_num_threads
    kernels.set_num_threads(before)


def follow(before: int, after: int, jump: float) -> float:
    """Probability of one row behind another."""
    return jump / 3 + (1 - jump) * (after == (before + 1) % 3)


def held(path: Any) -> float:
    """Value of WEIGHTS and cash after the rows of a path."""
    return float(1 + (np.prod(1 + RETURNS[list(path)], axis=0) - 1) @ WEIGHTS)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("block_length", [1.0, 2.0, 5.0])
def test_every_path_has_its_probability(block_length: float, precision: Any) -> None:
    """27 paths of three steps: a row follows another with probability 1/(3 L), the next one with 1 - 1/L more."""
    count = 200_000
    got = simulate_bootstrap(
        RETURNS, WEIGHTS, block_length=block_length, horizon=3, scenarios=count, seed=4, keep_values=True,
        precision=precision,
    )  # fmt: skip
    paths = list(product(range(3), repeat=3))
    chance = np.array([np.prod([1 / 3, *(follow(a, b, 1 / block_length) for a, b in pairwise(p))]) for p in paths])
    ends: dict[tuple[int, ...], float] = {}  # paths of the same rows end at the same value
    for path, probability in zip(paths, chance, strict=True):
        ends[tuple(sorted(path))] = ends.get(tuple(sorted(path)), 0.0) + probability
    value = np.array([held(path) for path in ends])
    away = np.abs(got.values[:, None] - value)
    assert away.min(axis=1).max() < (1e-7 if precision == "float32" else 1e-15)
    frequency = np.bincount(away.argmin(axis=1), minlength=len(ends))
    assert scipy.stats.chisquare(frequency, count * np.array(list(ends.values()))).pvalue > 1e-3
    assert abs(got.mean - (value @ list(ends.values()) - 1)) < 4.5 * got.mean_se


def test_statistics_are_exact_with_many_ties() -> None:
    """Three values, each a third of half a million: what is kept of the sample is not what is told apart."""
    got = simulate_bootstrap(RETURNS, WEIGHTS, scenarios=500_000, keep_values=True, keep_returns=True, confidence=0.6)
    v = np.sort(got.values)
    assert len(np.unique(v)) == 3
    for level, value in got.quantiles.items():
        assert value == np.quantile(v, level)
    assert got.value_at_risk == pytest.approx(np.quantile(v, 0.4) - 1, abs=1e-15)
    assert got.conditional_value_at_risk == pytest.approx(v[:200_000].mean() - 1, abs=1e-12)
    np.testing.assert_allclose(got.values, 1 + got.returns @ WEIGHTS, rtol=1e-15)
    assert {tuple(row) for row in got.returns} == {tuple(row) for row in RETURNS}
    share = (got.returns[:, 0] == 0.1).mean()
    assert abs(share - 1 / 3) < 4.5 * np.sqrt(2 / 9 / 500_000)


def test_long_blocks_keep_the_order_of_history() -> None:
    """With blocks far longer than the horizon a path is a stretch of history, which may pass its end."""
    history = np.linspace(-0.01, 0.02, 50)[:, None]
    got = simulate_bootstrap(
        history, [1.0], block_length=1e9, horizon=5, scenarios=2000, rebalanced=True, keep_values=True
    )
    stretches = [np.prod(1 + history[(start + np.arange(5)) % 50]) for start in range(50)]
    assert np.abs(got.values[:, None] - np.array(stretches)).min(axis=1).max() < 1e-14
    assert len(np.unique(np.round(got.values, 12))) > 40


def test_threads_precision_and_labels(threads: Callable[[int], None]) -> None:
    frame = pd.DataFrame(np.random.default_rng(1).normal(0, 0.01, (300, 4)), columns=list("abcd"))
    weights = pd.Series({"d": 0.1, "c": 0.2, "b": 0.3, "a": 0.4})
    runs = []
    for count in (1, 3):
        threads(count)
        runs.append(
            simulate_bootstrap(
                frame, weights, block_length=10, horizon=20, scenarios=20_001, keep_values=True, keep_returns=True
            )
        )
    one, three = runs
    assert one.values is not None
    assert three.values is not None
    assert one.values.tobytes() == three.values.tobytes()
    assert one.conditional_value_at_risk == three.conditional_value_at_risk
    assert list(one.returns.columns) == list("abcd")
    assert (one.distribution, one.device, one.horizon) == ("bootstrap", "cpu", 20)
    plain = simulate_bootstrap(frame.to_numpy(), [0.4, 0.3, 0.2, 0.1], block_length=10, horizon=20, scenarios=20_001)
    assert plain.mean == one.mean
    single = simulate_bootstrap(frame, weights, block_length=10, horizon=20, scenarios=20_001, precision="float32")
    assert single.value_at_risk == pytest.approx(one.value_at_risk, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"returns": RETURNS[:1]}, r"returns: expected 2 to 2\^31 - 1 observations .*, got shape \(1, 2\)"),
        ({"returns": np.array([[0.1, np.nan], [0, 0]])}, "returns: expected finite numbers"),
        ({"weights": [1.0]}, "weights: expected one for each of the 2 assets, got 1"),
        ({"block_length": 0.5}, "block_length: expected a mean length of at least 1, got 0.5"),
        ({"block_length": float("nan")}, "block_length"),
        ({"scenarios": 1}, "scenarios: expected at least 2, got 1"),
        ({"horizon": 0}, "horizon"),
        ({"quantiles": [1.5]}, "quantiles: expected levels between 0 and 1, got 1.5"),
        ({"precision": "float16"}, "precision"),
    ],
)  # fmt: skip
def test_errors(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"returns": RETURNS, "weights": WEIGHTS, "scenarios": 10} | change
    with pytest.raises(ValueError, match=r"\[simulate_bootstrap\] " + message):
        simulate_bootstrap(**given)


def test_a_cancelled_simulation_ends() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Exception, match=r"\[simulate") as error:
        simulate_bootstrap(RETURNS, WEIGHTS, scenarios=10**9, cancel=token)
    assert type(error.value).__name__ == "CancelledError"
    with pytest.raises(TimeoutError, match="time_limit"):
        simulate_bootstrap(RETURNS, WEIGHTS, scenarios=10**9, time_limit=0.05)

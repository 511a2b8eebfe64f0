"""OR-Library's frontiers (Chang, Meade, Beasley and Sharaiha 2000): 2,000 printed points each, ten decimals.

port1 is transcribed and runs everywhere; the larger ones are read from the data folder.
"""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from portfolio_engine import Moments, efficient_frontier, optimize
from tests.data import market_data, needs_market_data
from tests.published import orlib_port1

PROBLEMS = {1: 31, 2: 85, 4: 98}
PRINTED = 5e-7  # relative rounding of the printed variances


def numbers(name: str) -> np.ndarray:
    with gzip.open(market_data(f"published/orlib/{name}.txt.gz"), "rt") as file:
        return np.array(file.read().split(), dtype=float)


def problem(k: int) -> Moments:
    values = numbers(f"port{k}")
    n = int(values[0])
    assert n == PROBLEMS[k]
    mean, deviation = values[1 : 1 + 2 * n].reshape(n, 2).T
    triples = values[1 + 2 * n :].reshape(-1, 3)
    correlation = np.zeros((n, n))
    rows, columns = triples[:, 0].astype(int) - 1, triples[:, 1].astype(int) - 1
    correlation[rows, columns] = correlation[columns, rows] = triples[:, 2]
    return Moments(mean, correlation * np.outer(deviation, deviation))


def transcribed() -> Moments:
    mean, deviation, upper = (
        np.array(text.split(), dtype=float)
        for text in (orlib_port1.MEANS, orlib_port1.DEVIATIONS, orlib_port1.CORRELATIONS)
    )
    correlation = np.eye(mean.size)
    correlation[np.triu_indices(mean.size, 1)] = upper
    correlation += np.triu(correlation, 1).T
    return Moments(mean, correlation * np.outer(deviation, deviation))


def test_port1_as_transcribed() -> None:
    moments = transcribed()
    for target, variance in orlib_port1.FRONTIER:
        allocation = optimize(moments, target_return=min(target, moments.mu.max()))
        assert allocation.status == "optimal"
        assert allocation.expected_risk**2 == pytest.approx(variance, rel=PRINTED)


@pytest.mark.market_data
@needs_market_data
def test_variances_at_the_printed_returns() -> None:
    for k in PROBLEMS:
        moments, points = problem(k), numbers(f"portef{k}").reshape(-1, 2)
        assert len(points) == 2000
        for target, variance in points[np.linspace(0, 1999, 100).astype(int)]:
            # the highest printed return may exceed the highest mean by its rounding
            allocation = optimize(moments, target_return=min(target, moments.mu.max()))
            assert allocation.status == "optimal"
            assert allocation.expected_risk**2 == pytest.approx(variance, rel=PRINTED)


def check_every_point(moments: Moments, returns: np.ndarray, variances: np.ndarray) -> None:
    """All printed points from the corners of one run; least variance is flat, so its printed return is rough."""
    frontier = efficient_frontier(moments, 2)
    ends = frontier.corners.expected_return[[0, -1]]
    assert returns.max() == pytest.approx(ends[1], abs=5e-11)
    assert returns.min() == pytest.approx(ends[0], abs=1e-7)
    for target, variance in zip(returns.clip(*ends), variances, strict=True):
        assert frontier.at_return(target).expected_risk ** 2 == pytest.approx(variance, rel=PRINTED)


def test_port1_from_the_corners_of_one_run() -> None:
    returns, variances = np.array(orlib_port1.FRONTIER).T
    check_every_point(transcribed(), returns, variances)


@pytest.mark.market_data
@needs_market_data
def test_all_2000_points_from_the_corners_of_one_run() -> None:
    for k in PROBLEMS:
        returns, variances = numbers(f"portef{k}").reshape(-1, 2).T
        assert returns.size == 2000
        check_every_point(problem(k), returns, variances)

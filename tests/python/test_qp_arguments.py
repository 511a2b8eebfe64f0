"""Bad arguments of solve_qp and solve_qp_batch name the function, the argument, what was expected and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from portfolio_engine import kernels
from portfolio_engine.qp import solve_qp, solve_qp_batch

GOOD: dict[str, Any] = {
    "P": np.eye(2),
    "q": np.zeros(2),
    "G": np.ones((1, 2)),
    "h": np.ones(1),
    "A": np.ones((1, 2)),
    "b": np.ones(1),
    "lb": np.zeros(2),
    "ub": np.ones(2),
}

BAD = [
    ({"q": None}, "q: expected a vector"),
    ({"q": []}, "q: expected a vector with at least 1 entry"),
    ({"q": [0.0, np.nan]}, r"q: expected finite numbers, got nan at \[1\]"),
    ({"q": [0.0, np.inf]}, "q: expected finite numbers"),
    ({"q": "ab"}, "q: expected numbers, got str"),
    ({"q": [[0.0, 0.0]]}, "q: expected a vector, got shape"),
    ({"P": np.eye(3)}, r"P: expected shape \(2, 2\)"),
    ({"P": np.ones((2, 3))}, "P: expected a square matrix"),
    ({"P": np.ones(2)}, "P: expected a matrix"),
    ({"P": [[1.0, 0.1], [0.0, 1.0]]}, "P: expected a symmetric matrix"),
    ({"P": [[1.0, np.nan], [np.nan, 1.0]]}, "P: expected finite numbers"),
    ({"P": [[1.0, 2.0], [2.0, 1.0]]}, "P: expected a positive semidefinite matrix, got eigenvalues from -1 to 3"),
    ({"P": np.diag([1.0, -1e-6])}, "P: expected a positive semidefinite matrix"),
    ({"P": np.diag([1e6, -1e-3])}, "P: expected a positive semidefinite matrix"),
    ({"P": [[0.0, 1.0], [1.0, 5.0]]}, "P: expected a positive semidefinite matrix"),
    ({"G": np.ones((1, 3))}, "G: expected 2 columns"),
    ({"G": [[np.inf, 0.0]]}, "G: expected finite numbers"),
    ({"G": None}, "G: expected a matrix because h is given"),
    ({"h": None}, "h: expected a vector because G is given"),
    ({"h": [1.0, 2.0]}, "h: expected one entry for each of the 1 rows of G, got 2"),
    ({"h": [np.nan]}, r"h: expected numbers or \+infinity, got nan at \[0\]"),
    ({"h": [-np.inf]}, r"h: expected numbers or \+infinity, got -inf"),
    ({"A": None}, "A: expected a matrix because b is given"),
    ({"b": None}, "b: expected a vector because A is given"),
    ({"b": [np.inf]}, "b: expected finite numbers"),
    ({"b": [1.0, 1.0]}, "b: expected one entry for each of the 1 rows of A, got 2"),
    ({"lb": [0.0]}, "lb: expected 2 entries"),
    ({"lb": [0.0, np.nan]}, "lb: expected numbers or -infinity, got nan"),
    ({"lb": [0.0, np.inf]}, "lb: expected numbers or -infinity, got inf"),
    ({"ub": [0.0, -np.inf]}, r"ub: expected numbers or \+infinity, got -inf"),
    ({"ub": [0.0, 0.0, 0.0]}, "ub: expected 2 entries as in q, got 3"),
    ({"tolerance": 0.0}, "tolerance: expected a number above 0"),
    ({"tolerance": np.nan}, "tolerance: expected a number above 0"),
    ({"tolerance": 1.0}, "tolerance: expected a number above 0 and at most 0.01, got 1"),
    ({"max_iterations": 0}, "max_iterations: expected at least 1, got 0"),
    ({"device": "gpu"}, 'device: expected "auto", "cpu" or "metal", got "gpu"'),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message.split(",")[0] for _, message in BAD])
def test_bad_arguments(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"\[solve_qp\] " + message):
        solve_qp(**{**GOOD, **change})


@pytest.mark.parametrize("n", [1, 2, 3, 8, 9, 50, 95, 96, 97, 130])
def test_what_is_no_covariance_is_refused_wherever_it_is_wrong(n: int) -> None:
    """Small matrices are proved in one pass, larger ones step by step: the same are refused, with the same words."""
    rng = np.random.default_rng(n)
    root = rng.standard_normal((n, max(1, n // 2)))
    good = root @ root.T  # singular from n = 2 on

    def solved(P: Any) -> bool:
        return solve_qp(P, np.zeros(n), A=np.ones((1, n)), b=[1.0], lb=np.zeros(n)).is_optimal

    assert solved(good)
    for _ in range(20):
        i, j = rng.integers(0, n, 2)
        for bad in (np.nan, np.inf, -np.inf):
            P = good.copy()
            P[i, j] = bad
            with pytest.raises(ValueError, match=r"\[solve_qp\] P: expected finite numbers"):
                solved(P)
        direction = rng.standard_normal(n)
        values, vectors = np.linalg.eigh(good)
        direction = vectors[:, 0] if n > 1 else np.ones(1)
        off = 1e-6 * values[-1] + max(values[0], 0.0)
        with pytest.raises(ValueError, match=r"\[solve_qp\] P: expected a positive semidefinite matrix"):
            solved(good - off * np.outer(direction, direction))
        if i != j:
            P = good.copy()
            P[i, j] += 1e-6 * np.abs(good).max()
            with pytest.raises(ValueError, match=r"\[solve_qp\] P: expected a symmetric matrix"):
                solved(P)


def test_a_named_device_that_is_absent_is_an_error() -> None:
    if dict((name, ok) for name, ok, _ in kernels.available_devices())["metal"]:
        assert solve_qp(**GOOD, device="metal").is_optimal
    else:
        with pytest.raises(ValueError, match=r'\[solve_qp\] device: .*"metal"'):
            solve_qp(**GOOD, device="metal")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "arguments: expected at least one with a leading batch axis, got none"),
        ({"q": np.zeros((3, 2)), "b": np.ones((4, 1))}, r"b: expected a batch of 3 as in q, got shape \(4, 1\)"),
        ({"q": np.zeros((3, 2)), "P": np.ones(2)}, "P: expected 2 axes, or one more for a batch"),
        ({"q": np.zeros((1, 3, 2))}, "q: expected 1 axes, or one more for a batch"),
        ({"q": np.zeros((3, 2)), "G": np.ones((3, 1, 5))}, "G: expected 2 columns"),
        ({"q": [[0.0, 0.0], [0.0]]}, "q: expected numbers"),
        ({"q": np.full((2, 2), np.nan)}, "q: expected finite numbers"),
        ({"q": np.zeros((2, 2)), "P": -np.eye(2)}, "P: expected a positive semidefinite matrix"),
    ],
)
def test_bad_batches(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"\[solve_qp_batch\] " + message):
        solve_qp_batch(**{**GOOD, **change})


def test_batch_of_nothing_is_empty() -> None:
    assert list(solve_qp_batch(**{**GOOD, "q": np.zeros((0, 2))})) == []

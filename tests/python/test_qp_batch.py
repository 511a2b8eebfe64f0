"""On the CPU a batch is the loop, bit for bit; on every device the number of threads changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from portfolio_engine import kernels
from portfolio_engine.qp import QPSolution, solve_qp, solve_qp_batch

COUNT, N = 12, 20


@pytest.fixture
def problems() -> dict[str, Any]:
    """Covariances and gradients differ, the budget is shared; problem 4 is infeasible by its bounds."""
    rng = np.random.default_rng(2)
    X = 0.01 * rng.normal(size=(COUNT, 50, N))
    ub = np.full((COUNT, N), 0.3)
    ub[4] = 0.01
    return {
        "P": np.einsum("kti,ktj->kij", X, X) / 50,
        "q": -1e-3 * rng.normal(size=(COUNT, N)),
        "A": np.ones((1, N)),
        "b": np.ones(1),
        "lb": np.zeros(N),
        "ub": ub,
    }


@pytest.fixture
def threads() -> Iterator[Any]:
    before = kernels.num_threads()
    yield kernels.set_num_threads
    kernels.set_num_threads(before)


def same(one: QPSolution, other: QPSolution) -> None:
    for name in ("x", "y", "z", "z_box"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.status, one.objective, one.iterations) == (other.status, other.objective, other.iterations)


def alone(problems: dict[str, Any], k: int) -> dict[str, Any]:
    shared = {"A": 2, "b": 1, "lb": 1}
    return {name: value if name in shared else value[k] for name, value in problems.items()}


def test_batch_equals_loop(problems: dict[str, Any]) -> None:
    batch = solve_qp_batch(**problems, device="cpu")
    assert [s.status for s in batch] == ["optimal"] * 4 + ["primal_infeasible"] + ["optimal"] * 7
    for k in range(COUNT):
        same(batch[k], solve_qp(**alone(problems, k), device="cpu"))


def test_threads_change_nothing(problems: dict[str, Any], threads: Any) -> None:
    results = []
    for count in (1, 2, 5):
        threads(count)
        results.append(solve_qp_batch(**problems))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            same(one, two)


def test_same_problem_same_bits(problems: dict[str, Any]) -> None:
    same(solve_qp(**alone(problems, 0)), solve_qp(**alone(problems, 0)))


def test_other_memory_orders_give_the_same(problems: dict[str, Any]) -> None:
    plain = alone(problems, 1)
    other = {**plain, "P": np.asfortranarray(plain["P"]), "ub": np.repeat(plain["ub"], 2)[::2]}
    same(solve_qp(**plain), solve_qp(**other))


def test_everything_batched(problems: dict[str, Any]) -> None:
    stacked = {
        **problems,
        "A": np.ones((COUNT, 1, N)),
        "b": np.ones((COUNT, 1)),
        "lb": np.zeros((COUNT, N)),
        "G": np.ones((COUNT, 1, N)),
        "h": np.full((COUNT, 1), 2.0),
    }
    for one, two in zip(solve_qp_batch(**problems), solve_qp_batch(**stacked), strict=True):
        np.testing.assert_allclose(one.x, two.x, atol=1e-9)

"""solve_qp that ends early, takes the caller's word for P, or is given what only one method knows."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from portfolio_engine import CancelToken
from portfolio_engine.qp import solve_qp, solve_qp_batch
from tests.python.test_qp_active_set import market, portfolio


@pytest.mark.parametrize("method", ["active_set", "interior_point"])
def test_no_time_at_all_still_gives_a_point_within_the_bounds(method: str) -> None:
    problem = portfolio(60, 1)
    s = solve_qp(**problem, method=method, time_limit=0.0)
    assert s.status == "time_limit"
    assert (s.x >= 0).all()
    assert (s.x <= problem["ub"]).all()
    assert np.isfinite(s.primal_residual)
    token = CancelToken()
    token.cancel()
    assert solve_qp(**problem, method=method, cancel=token).status == "cancelled"
    assert solve_qp(**problem, method=method, time_limit=60.0).status == "optimal"


def test_ten_milliseconds_for_five_hundred_names() -> None:
    problem = portfolio(500, 2, kind="target")
    began = time.perf_counter()
    s = solve_qp(**problem, method="interior_point", time_limit=0.01, check_matrix=False)
    took = time.perf_counter() - began
    assert s.status in ("time_limit", "optimal")
    full = solve_qp(**problem, method="interior_point", check_matrix=False)
    assert took < max(0.5 * full.seconds, 0.2)


def test_another_thread_cancels_a_batch() -> None:
    P, mu = market(300, 3)
    token = CancelToken()
    threading.Timer(0.05, token.cancel).start()
    solved = solve_qp_batch(
        P, -mu * np.linspace(0, 1, 400)[:, None], A=np.ones((1, 300)), b=[1.0], lb=np.zeros(300),
        method="interior_point", cancel=token, check_matrix=False,
    )  # fmt: skip
    assert solved[-1].status == "cancelled"
    assert {s.status for s in solved} <= {"optimal", "cancelled"}


def test_an_unchecked_matrix_is_the_callers_word() -> None:
    problem = portfolio(30, 4)
    np.testing.assert_array_equal(solve_qp(**problem, check_matrix=False).x, solve_qp(**problem).x)
    indefinite = {**problem, "P": problem["P"] - 1.0 * np.eye(30)}
    with pytest.raises(ValueError, match="P: expected a positive semidefinite matrix"):
        solve_qp(**indefinite)
    assert solve_qp(**indefinite, check_matrix=False).status in ("optimal", "numerical_error", "max_iterations")


def test_the_result_names_the_method() -> None:
    problem = portfolio(20, 5)
    assert solve_qp(**problem).method == "active_set"
    assert solve_qp(**problem, method="interior_point").method == "interior_point"
    crossed = solve_qp(np.eye(2), np.zeros(2), lb=[1.0, 0.0], ub=[0.0, 1.0], method="active_set")
    assert (crossed.status, crossed.method) == ("primal_infeasible", "interior_point")

"""The comparison judges before it praises: an inaccurate or missing answer never counts as the best peer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import portfolio_engine as pe
from bench import speed
from bench.peers import page, timing, verdict
from bench.peers.qp_problem import box, sectors, turnover

MACHINE = {"gemm64": 1e10, "gemm32": 2e10, "bandwidth": 1e10}
WORK = {"relative": True, "flops": 0.0, "bytes": 1e6, "single": False}


def result(name: str, median: float, error: float, asked: float = 1e-9) -> dict[str, Any]:
    return {"name": name, "median": median, "fastest": median, "calls": 9, "error": error, "asked": asked}


def row(*results: dict[str, Any]) -> dict[str, Any]:
    return {"work": WORK, "results": list(results), "failed": "", "what": "a row", "target": 0.5}


def test_the_fastest_accurate_peer_counts_and_a_faster_wrong_one_does_not() -> None:
    measured = row(
        result("portfolio_engine", 1e-3, 1e-12),
        result("wrong", 1e-6, 1e-3),
        result("right", 4e-3, 1e-10),
        result("slow", 9e-3, 0.0),
        {"name": "absent", "failed": "ModuleNotFoundError: absent"},
    )
    found = verdict.verdict(measured, MACHINE)
    assert found.best is not None
    assert (found.best["name"], found.ratio) == ("right", pytest.approx(0.25))
    assert found.limit == pytest.approx(0.1)  # a megabyte at ten gigabytes a second in a millisecond
    assert page.cells(measured, MACHINE, one=True)[4:6] == ["0.5", "yes"]


def test_our_own_inaccurate_answer_is_a_miss() -> None:
    found = verdict.verdict(row(result("portfolio_engine", 1e-3, 1e-6), result("right", 4e-3, 0.0)), MACHINE)
    assert found.ratio is None
    assert "misses" in found.note


def test_errors_count_from_the_best_answer_of_all() -> None:
    judged = verdict.judged(row(result("portfolio_engine", 1e-3, 0.0), result("better", 4e-3, -1e-6)))
    assert [r["accurate"] for r in judged] == [False, True]


@pytest.mark.parametrize("make", [box, sectors, turnover])
def test_an_answer_is_judged_by_its_objective_after_its_violations_are_taken_out(make: Any) -> None:
    problem = make(12)
    rows = {"A": problem.A, "b": problem.b, "lb": problem.lb, "ub": problem.ub, "G": problem.G, "h": problem.h}
    x = pe.solve_qp(problem.P, problem.q, **rows).x if problem.held is None else np.full(12, 1 / 12)
    best = problem.value(problem.repaired(x))
    assert abs(problem.error(x, best)) < 1e-14
    assert problem.violation(problem.repaired(x + 1e-9)) < 1e-13
    assert problem.error(x + 1e-6, best) >= 1e-8  # not feasible
    assert np.isnan(problem.error(x * np.nan, best))
    elsewhere = problem.repaired(np.roll(x, 1))
    if not np.allclose(elsewhere, x):
        assert problem.error(elsewhere, best) > 1e-6


def test_calls_are_timed_in_turn() -> None:
    order: list[str] = []
    calls = {name: (lambda name=name: order.append(name)) for name in "abc"}
    samples = timing.interleaved(calls, 0.02, dict.fromkeys("abc", 1.0), dict.fromkeys("abc", 1.0))
    assert all(len(took) >= timing.LEAST for took in samples.values())
    assert order[:6] == list("abcabc")


def test_a_slower_kernel_is_seen_and_a_slower_machine_is_not() -> None:
    then = {"solve_qp": {"product": 1.0, "passes": 2.0}}
    assert speed.slower({"solve_qp": {"product": 3.0, "passes": 6.0}}, then) == {"solve_qp": 3.0}
    assert speed.slower({"solve_qp": {"product": 1.1, "passes": 2.0}}, then)["solve_qp"] < speed.BAND

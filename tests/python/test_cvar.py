"""Mean-CVaR: the optimum against HiGHS on the whole linear program, its conditions recomputed, its certificates."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from portfolio_engine import CancelToken, solve_cvar
from tests.python.cvar_cases import (
    Case,
    cvar_of,
    factor_returns,
    farkas_error,
    highs,
    kkt_error,
    long_only,
    permuted,
    random_case,
    ray_error,
)

COUNT = int(os.environ.get("PORTFOLIO_CVAR_CASES", "150"))


def check(case: Case) -> None:
    got = case.solve()
    status, objective = highs(case)
    assert got.status == status
    if status == "optimal":
        assert kkt_error(case, got) <= 1e-9
        size = 1e-2 + abs(objective) + np.abs(case.rows.get("q", 0.0)).max()
        assert got.objective == pytest.approx(objective, abs=1e-9 * size)
    elif status == "primal_infeasible":
        assert farkas_error(case, got) <= 1e-9
    else:
        assert ray_error(case, got) <= 1e-9


def test_random_problems_of_every_kind_agree_with_highs() -> None:
    seen = {"optimal": 0, "primal_infeasible": 0, "dual_infeasible": 0}
    for seed in range(COUNT):
        try:
            check(random_case(seed))
        except AssertionError as error:
            raise AssertionError(f"random_case({seed})") from error
        seen[random_case(seed).solve().status] += 1
    assert min(seen.values()) > 0


@pytest.mark.parametrize("n", [5, 20, 50])
def test_portfolios_agree_with_highs_and_hold_exact_zeros(n: int) -> None:
    R = factor_returns(n, 500, n)
    case = Case(R, rows=long_only(R, ub=np.full(n, 0.3)))
    check(case)
    x = case.solve().x
    free = (x > 0) & (x < 0.3)
    assert np.count_nonzero(x[~free]) == np.count_nonzero(x == 0.3)
    assert ((x == 0) | (x > 1e-9)).all()


@pytest.mark.slow
def test_a_portfolio_of_500_assets_agrees_with_highs() -> None:
    R = factor_returns(3, 1260, 500)
    check(Case(R, rows=long_only(R, G=-R.mean(0)[None], h=-np.quantile(R.mean(0), [0.8]))))


def test_a_case_worked_by_hand() -> None:
    # Two assets that lose in opposite states: half of each loses nothing in either.
    got = solve_cvar([[0.1, -0.1], [-0.1, 0.1]], A=[[1, 1]], b=[1], lb=[0, 0], confidence=0.5)
    assert got.x == pytest.approx([0.5, 0.5], abs=1e-15)
    assert (got.cvar, got.objective) == pytest.approx((0, 0), abs=1e-16)
    assert got.scenarios == pytest.approx([0.5, 0.5], abs=1e-15)


def test_a_scenario_on_the_edge_counts_in_part() -> None:
    # One asset and a tail of 2.5 of 10 scenarios: losses 9, 8 and half of 7, over 2.5.
    R = -np.arange(10.0)[:, None]
    got = solve_cvar(R, A=[[1]], b=[1], confidence=0.75)
    assert got.cvar == pytest.approx((9 + 8 + 3.5) / 2.5, rel=1e-15)
    assert got.var == 7
    assert got.scenarios[[9, 8, 7, 6]] == pytest.approx([0.4, 0.4, 0.2, 0], abs=1e-15)


def test_probabilities_are_those_of_repeated_scenarios() -> None:
    R = factor_returns(4, 60, 8)
    times = np.random.default_rng(4).integers(0, 5, 60)
    weighted = Case(R, 0.9, times.astype(float), long_only(R))
    repeated = Case(np.repeat(R, times, axis=0), 0.9, None, long_only(R))
    a, b = weighted.solve(), repeated.solve()
    assert (a.status, b.status) == ("optimal", "optimal")
    assert a.objective == pytest.approx(b.objective, rel=1e-12)
    assert a.scenarios[times == 0].max() == 0


@pytest.mark.parametrize("unit", [1e-8, 1e-3, 252.0, 1e6])
def test_the_answer_does_not_depend_on_units(unit: float) -> None:
    R = factor_returns(5, 300, 20)
    base, scaled = Case(R, rows=long_only(R)).solve(), Case(unit * R, rows=long_only(R)).solve()
    np.testing.assert_allclose(scaled.x, base.x, atol=1e-12)
    assert scaled.cvar == pytest.approx(unit * base.cvar, rel=1e-12)
    assert scaled.iterations <= 2 * base.iterations


def test_the_order_of_assets_and_scenarios_does_not_matter() -> None:
    rng = np.random.default_rng(6)
    case = random_case(0)
    assert case.solve().is_optimal
    other = permuted(case, rng.permutation(case.returns.shape[1]), rng.permutation(len(case.returns)))
    assert other.solve().objective == pytest.approx(case.solve().objective, rel=1e-12, abs=1e-15)


def test_duals_are_the_slopes_of_the_optimum() -> None:
    R = factor_returns(7, 400, 12)
    G, h = -R.mean(0)[None], -np.quantile(R.mean(0), [0.7])
    base = Case(R, rows=long_only(R, G=G, h=h)).solve()
    assert base.z[0] > 0
    for step in (1e-9, -1e-9):
        moved = Case(R, rows=long_only(R, G=G, h=h + step)).solve()
        assert moved.objective - base.objective == pytest.approx(-base.z[0] * step, rel=1e-4)


def test_a_start_near_the_answer_saves_steps_and_changes_nothing() -> None:
    R = factor_returns(8, 600, 60)
    case = Case(R, rows=long_only(R))
    cold = case.solve()
    warm = case.solve(start=cold.x)
    assert warm.objective == pytest.approx(cold.objective, rel=1e-13)
    assert warm.iterations < cold.iterations
    outside = case.solve(start=np.full(60, 7.0))
    assert outside.objective == pytest.approx(cold.objective, rel=1e-12)


def test_a_start_between_the_bounds_still_ends_at_a_vertex() -> None:
    R = np.zeros((4, 3))  # every portfolio is optimal
    got = solve_cvar(R, A=np.ones((1, 3)), b=[1], lb=np.zeros(3), ub=np.ones(3), start=[0.2, 0.3, 0.5])
    assert got.is_optimal
    assert sorted(got.x) == [0, 0, 1]


def test_bounds_that_cross_are_their_own_certificate() -> None:
    got = solve_cvar(np.ones((3, 2)), lb=[0, 2], ub=[1, 1])
    assert (got.status, list(got.z_box)) == ("primal_infeasible", [0, 1])


def test_turnover_as_purchases() -> None:
    n = 10
    R = factor_returns(9, 300, n)
    held = np.full(n, 1 / n)
    wide = np.hstack([R, np.zeros((300, n))])
    eye = np.eye(n)
    G = np.vstack([np.hstack([eye, -eye]), np.append(np.zeros(n), np.ones(n))])
    rows: dict[str, Any] = {
        "A": np.append(np.ones(n), np.zeros(n))[None],
        "b": [1.0],
        "lb": np.zeros(2 * n),
        "ub": np.append(np.ones(n), np.full(n, np.inf)),
        "G": G,
        "h": np.append(held, 0.1),
    }
    case = Case(wide, rows=rows)
    check(case)
    w = case.solve().x[:n]
    assert np.abs(w - held).sum() == pytest.approx(0.2, abs=1e-12)
    assert cvar_of(case, case.solve().x) < cvar_of(case, np.append(held, np.zeros(n)))


def test_few_steps_allowed_say_so() -> None:
    R = factor_returns(10, 300, 30)
    got = Case(R, rows=long_only(R)).solve(max_iterations=3)
    assert (got.status, got.iterations) == ("max_iterations", 3)
    assert got.x.sum() == pytest.approx(1)
    assert got.dual_residual > 1e-6


def test_a_time_limit_and_a_cancelled_token_end_it() -> None:
    R = factor_returns(11, 400, 40)
    case, token = Case(R, rows=long_only(R)), CancelToken()
    assert case.solve(time_limit=0).status == "time_limit"
    assert case.solve(time_limit=60, cancel=token).is_optimal
    token.cancel()
    assert case.solve(cancel=token).status == "cancelled"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"returns": np.zeros((0, 2))}, r"\[solve_cvar\] returns: expected at least one scenario"),
        ({"returns": np.zeros(3)}, r"\[solve_cvar\] returns: expected a matrix, got shape \(3,\)"),
        ({"returns": [[0.1, np.nan]]}, r"\[solve_cvar\] returns: expected .*finite"),
        ({"confidence": 1.0}, r"\[solve_cvar\] confidence: expected a number above 0 and below 1, got 1"),
        ({"confidence": 95.0}, r"confidence: expected a number above 0 and below 1, got 95"),
        ({"probabilities": [1.0]}, r"probabilities: expected 3 entries, got 1"),
        ({"probabilities": [1.0, -1.0, 1.0]}, r"probabilities: expected numbers >= 0, got -1 at \[1\]"),
        ({"probabilities": [0.0, 0.0, 0.0]}, r"probabilities: expected a positive sum, got 0"),
        ({"q": [1.0]}, r"q: expected 2 entries, got 1"),
        ({"A": [[1.0, 1.0]]}, r"b: expected a vector because A is given, got nothing"),
        ({"A": [[1.0]], "b": [1.0]}, r"A: expected 2 columns as in returns"),
        ({"G": [[1.0, 1.0]], "h": [-np.inf]}, r"h: expected numbers or \+infinity"),
        ({"lb": [np.inf, 0.0]}, r"lb: expected numbers or -infinity"),
        ({"start": [np.nan, 0.0]}, r"start: expected .*finite"),
        ({"tolerance": 0.0}, r"tolerance: expected a number above 0"),
        ({"max_iterations": 0}, r"max_iterations: expected at least 1, got 0"),
        ({"device": "gpu"}, r"device: expected"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        solve_cvar(**({"returns": np.full((3, 2), 0.01)} | arguments))

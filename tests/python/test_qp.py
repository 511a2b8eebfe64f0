"""solve_qp: closed forms, signs of the duals, edges of the problem form, invariances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from portfolio_engine.qp import QPSolution, solve_qp
from tests.python.qp_cases import FORMAT, Case, solvable
from tests.python.qp_checks import is_primal_certificate, is_ray, residuals

INF = np.inf


def solve(
    expected: str = "optimal", *, limit: float = 1e-9, options: dict[str, Any] | None = None, **data: Any
) -> QPSolution:
    """Solve, and check the answer from the data alone."""
    case = Case({name: data.get(name) for name in FORMAT}, expected)
    s = solve_qp(*case.arguments(), **(options or {}))
    assert s.status == expected
    assert s.is_optimal == s.found == (expected == "optimal")
    if expected == "optimal":
        assert max(residuals(case, s).values()) <= limit
    elif expected == "primal_infeasible":
        assert is_primal_certificate(case, s)
    elif expected == "dual_infeasible":
        assert is_ray(case, s)
    return s


def returns(T: int, n: int, seed: int = 3, volatility: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return volatility * (rng.normal(size=(T, n)) + 0.7 * rng.normal(size=(T, 1)))


def long_only(P: Any, q: Any = None, **more: Any) -> dict[str, Any]:
    n = len(P)
    return {"P": P, "q": np.zeros(n) if q is None else q, "A": np.ones((1, n)), "b": [1.0], "lb": np.zeros(n)} | more


@pytest.mark.parametrize(
    ("data", "x", "duals"),
    [
        ({"P": [[2.0]], "q": [-1.0]}, [0.5], {}),
        ({"P": [[2.0]], "q": [-1.0], "ub": [0.25]}, [0.25], {"z_box": [0.5]}),
        ({"P": [[2.0]], "q": [-1.0], "lb": [1.0]}, [1.0], {"z_box": [-1.0]}),
        ({"P": [[2.0]], "q": [-1.0], "G": [[1.0]], "h": [0.25]}, [0.25], {"z": [0.5]}),
        ({"P": [[2.0]], "q": [-1.0], "A": [[2.0]], "b": [3.0]}, [1.5], {"y": [-1.0]}),
        ({"P": [[2.0]], "q": [-1.0], "lb": [2.0], "ub": [2.0]}, [2.0], {"z_box": [-3.0]}),
        ({"P": None, "q": [1.0], "lb": [-3.0]}, [-3.0], {"z_box": [-1.0]}),
        ({"P": None, "q": [-1.0], "G": [[1.0], [2.0]], "h": [5.0, 4.0]}, [2.0], {"z": [0.0, 0.5]}),
        ({"P": np.eye(2), "q": [0.0, 0.0], "A": [[1.0, 1.0]], "b": [1.0]}, [0.5, 0.5], {"y": [-0.5]}),
        ({"P": None, "q": [0.0, 0.0], "lb": [1.0, 1.0], "ub": [1.0, 1.0]}, [1.0, 1.0], {"z_box": [0.0, 0.0]}),
        ({"P": np.diag([1.0, 0.0]), "q": [-1.0, -1.0], "ub": [INF, 7.0]}, [1.0, 7.0], {"z_box": [0.0, 1.0]}),
    ],
)
def test_closed_forms(data: dict[str, Any], x: list[float], duals: dict[str, list[float]]) -> None:
    s = solve(**data)
    np.testing.assert_allclose(s.x, x, atol=1e-12)
    for name, values in duals.items():
        np.testing.assert_allclose(getattr(s, name), values, atol=1e-10)


@pytest.mark.parametrize(
    ("status", "data"),
    [
        ("primal_infeasible", {"P": None, "q": [1.0], "G": [[1.0], [-1.0]], "h": [1.0, -2.0]}),
        ("primal_infeasible", {"P": np.eye(2), "q": [1.0, 1.0], "A": [[1.0, 1.0], [2.0, 2.0]], "b": [1.0, 3.0]}),
        ("primal_infeasible", {"P": np.eye(2), "q": [0.0, 0.0], "A": [[0.0, 0.0]], "b": [1.0]}),
        ("primal_infeasible", {"P": np.eye(2), "q": [0.0, 0.0], "G": [[0.0, 0.0]], "h": [-1.0]}),
        ("primal_infeasible", {"P": np.eye(2), "q": [0.0, 0.0], "A": [[1.0, 1.0]], "b": [3.0], "ub": [1.0, 1.0]}),
        ("primal_infeasible", {"P": np.eye(1), "q": [0.0], "A": [[2.0]], "b": [3.0], "lb": [1.0], "ub": [1.0]}),
        ("primal_infeasible", {"P": np.eye(1), "q": [0.0], "G": [[2.0]], "h": [1.0], "lb": [1.0], "ub": [1.0]}),
        ("dual_infeasible", {"P": None, "q": [-1.0]}),
        ("dual_infeasible", {"P": None, "q": [-1.0, 1.0], "lb": [0.0, 0.0]}),
        ("dual_infeasible", {"P": np.diag([1.0, 0.0]), "q": [0.0, -1.0], "ub": [1.0, INF]}),
        ("dual_infeasible", {"P": [[1.0, -1.0], [-1.0, 1.0]], "q": [-1.0, 0.0], "G": [[-1.0, 0.0]], "h": [4.0]}),
    ],
)
def test_no_solution_comes_with_a_certificate(status: str, data: dict[str, Any]) -> None:
    solve(status, **data)


def test_crossed_bounds_are_their_own_certificate() -> None:
    s = solve_qp(np.eye(3), np.zeros(3), lb=[0.0, 1.0, 0.0], ub=[1.0, 0.9, 1.0])
    assert s.status == "primal_infeasible"
    np.testing.assert_array_equal(s.z_box, [0.0, 1.0, 0.0])
    rounded = solve_qp(np.eye(1), np.zeros(1), lb=[0.1 + 0.2], ub=[0.3])
    assert rounded.status == "optimal"


def test_zeros_and_bounds_are_exact() -> None:
    P = np.cov(returns(400, 60).T)
    s = solve(**long_only(P, ub=np.full(60, 0.1)))
    assert s.polished
    assert (s.x == 0.0).sum() >= 10
    assert s.x[s.x != 0.0].min() > 1e-6
    assert (s.z_box[(s.x > 0.0) & (s.x < 0.1)] == 0.0).all()


@pytest.mark.parametrize("n", [2, 30, 120])
def test_fewer_observations_than_assets(n: int) -> None:
    P = np.cov(returns(max(2, n // 3), n).T)
    s = solve(**long_only(P))
    assert s.x.min() >= 0.0
    free = solve(P=P, q=np.zeros(n), A=np.ones((1, n)), b=[1.0])
    assert free.objective <= s.objective + 1e-12


def test_duplicate_assets_and_zero_variance() -> None:
    X = returns(300, 8)
    X[:, 5] = X[:, 2]
    duplicated = solve(**long_only(np.cov(X.T)))
    single = solve(**long_only(np.cov(np.delete(X, 5, axis=1).T)))
    assert duplicated.objective == pytest.approx(single.objective, rel=1e-10)
    X[:, 0] = 0.0
    calm = solve(**long_only(np.cov(X.T)))
    assert calm.x[0] == pytest.approx(1.0, abs=1e-9)


def test_redundant_rows_and_implied_equalities() -> None:
    P = np.cov(returns(200, 10).T)
    plain = solve(**long_only(P))
    ones = np.ones((1, 10))
    repeated = solve(**long_only(P, A=np.vstack([ones, 2 * ones, ones]), b=[1.0, 2.0, 1.0]))
    pairs = solve(P=P, q=np.zeros(10), G=np.vstack([ones, -ones]), h=[1.0, -1.0], lb=np.zeros(10))
    for other in (repeated, pairs):
        np.testing.assert_allclose(other.x, plain.x, atol=1e-9)


def test_infinite_rows_bounds_and_empty_matrices() -> None:
    P = np.diag([1.0, 2.0])
    s = solve(P=P, q=[-1.0, -1.0], G=[[1.0, 1.0], [1.0, 0.0]], h=[INF, 1e20], ub=[INF, 1e25], lb=[-INF, -1e19])
    np.testing.assert_allclose(s.x, [1.0, 0.5], atol=1e-12)
    np.testing.assert_array_equal(s.z, [0.0, 0.0])
    empty = solve(P=P, q=[-1.0, -1.0], G=np.zeros((0, 2)), h=np.zeros(0), A=np.zeros((0, 2)), b=np.zeros(0))
    np.testing.assert_allclose(empty.x, s.x, atol=1e-12)


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 1e3, 1e6])
def test_size_of_the_objective_changes_nothing(factor: float) -> None:
    X = returns(250, 40)
    P, q = np.cov(X.T), -0.3 * X.mean(axis=0)
    one, other = solve(**long_only(P, q)), solve(**long_only(factor * P, factor * q))
    assert other.iterations == one.iterations
    np.testing.assert_allclose(other.x, one.x, atol=1e-12)
    np.testing.assert_allclose(other.z_box, factor * one.z_box, atol=1e-9 * factor * np.abs(one.z_box).max())


def test_units_of_the_variables_change_nothing() -> None:
    rng = np.random.default_rng(5)
    case = solvable(rng, 25, frozenset())
    d, plain = case.data, solve(**case.data)
    unit = 10.0 ** rng.uniform(-5, 5, size=25)
    P = unit[:, None] * d["P"] * unit
    other = solve(
        P=0.5 * (P + P.T), q=unit * d["q"], G=d["G"] * unit, h=d["h"], A=d["A"] * unit, b=d["b"],
        lb=d["lb"] / unit, ub=d["ub"] / unit,
    )  # fmt: skip
    assert abs(other.iterations - plain.iterations) <= 1
    np.testing.assert_allclose(unit * other.x, plain.x, atol=1e-8)


def test_variances_from_1e_minus_10_to_1e6() -> None:
    rng = np.random.default_rng(8)
    volatility = 10.0 ** rng.uniform(-5, 3, size=40)
    P = np.corrcoef(returns(400, 40).T) * np.outer(volatility, volatility)
    s = solve(**long_only(P))
    assert s.iterations <= 25
    held = s.x > 0
    inverse = np.linalg.solve(P[np.ix_(held, held)] / s.objective, np.ones(held.sum()))
    np.testing.assert_allclose(s.x[held], inverse / inverse.sum(), rtol=1e-6, atol=1e-9)


def test_permutation_and_homogeneity() -> None:
    rng = np.random.default_rng(11)
    case = solvable(rng, 20, frozenset())
    d, s = case.data, solve(**case.data)
    order = rng.permutation(20)
    mixed = solve(
        P=d["P"][np.ix_(order, order)], q=d["q"][order], G=d["G"][:, order], h=d["h"], A=d["A"][:, order], b=d["b"],
        lb=d["lb"][order], ub=d["ub"][order],
    )  # fmt: skip
    np.testing.assert_allclose(mixed.x, s.x[order], atol=1e-9)
    for t in (1e-4, 1e4):
        scaled = solve(**{k: d[k] for k in ("P", "G", "A")}, **{k: t * d[k] for k in ("q", "h", "b", "lb", "ub")})
        np.testing.assert_allclose(scaled.x, t * s.x, atol=1e-8 * t)
        np.testing.assert_allclose(scaled.z, t * s.z, atol=1e-8 * t)


def test_without_polish_the_tolerance_still_holds() -> None:
    P = np.cov(returns(250, 40).T)
    rough = solve(**long_only(P), options={"polish": False, "method": "interior_point"})
    exact = solve(**long_only(P))
    assert not rough.polished
    np.testing.assert_allclose(rough.x, exact.x, atol=1e-4)
    loose = solve_qp(*Case(long_only(P), "optimal").arguments(), polish=False, tolerance=1e-4, method="interior_point")
    assert loose.iterations < rough.iterations


def test_the_iteration_limit_is_a_status() -> None:
    P = np.cov(returns(250, 40).T)
    s = solve_qp(*Case(long_only(P), "optimal").arguments(), max_iterations=1, polish=False, method="interior_point")
    assert s.status == "max_iterations"
    assert s.iterations == 1
    assert not s.is_optimal


def test_curvature_negative_by_rounding_is_accepted() -> None:
    half = returns(5, 30)
    P = half.T @ half
    assert np.linalg.eigvalsh(P).min() < 0
    solve(**long_only(P))


def test_result_says_where_and_how_long() -> None:
    s = solve_qp(np.eye(2), np.ones(2), device="cpu")
    assert (s.device, s.device_reason) == ("cpu", "requested")
    assert 0.0 < s.seconds < 5.0
    with pytest.raises(AttributeError):
        s.status = "optimal"


@pytest.mark.parametrize("variance", [0.0, 1e-308, 1e-38, 1e-20, 1e-16, 1e-12, 1e-8])
@pytest.mark.parametrize("risk_tolerance", [0.0, 0.01, 1.0, 100.0])
def test_cash_of_almost_no_variance(variance: float, risk_tolerance: float) -> None:
    X = returns(200, 20)
    P, mu = np.cov(X.T) * 252, X.mean(axis=0) * 252
    P[0], P[:, 0], P[0, 0], mu[0] = 0.0, 0.0, variance, 0.0
    wanted = -np.sort(mu)[-3]
    s = solve(**long_only(P, -risk_tolerance * mu, G=np.vstack([-mu, np.eye(20)[0]]), h=[wanted, 0.1]))
    assert s.iterations <= 40


def test_rounding_in_the_covariance_of_a_constant_is_not_indefinite() -> None:
    P = np.cov(returns(200, 5).T)
    P[0], P[:, 0] = 1e-17, 1e-17  # larger than a covariance with this variance can be
    P[0, 0] = 1e-38
    solve(**long_only(P))

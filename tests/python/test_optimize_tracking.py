"""Limits on the tracking error: met exactly, optimal by an independent conic solver, explained where impossible."""

from __future__ import annotations

import clarabel
import numpy as np
import pytest
from scipy import sparse

from portfolio_engine import Constraints, InfeasibleError, Moments, backtest, optimize
from tests.python.portfolios import factor_moments


def conic(
    moments: Moments, P: np.ndarray, q: np.ndarray, most: float, balls: list[tuple[np.ndarray, float]]
) -> tuple[float, np.ndarray]:
    """min 1/2 w'Pw + q'w, sum w = 1, 0 <= w <= most, |root (w - center)| <= radius for each ball, by Clarabel."""
    n = len(q)
    values, vectors = np.linalg.eigh(moments.Sigma)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    rows = [np.ones((1, n)), np.eye(n), -np.eye(n)]
    right = [np.ones(1), np.full(n, most), np.zeros(n)]
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(2 * n)]
    for center, radius in balls:
        rows.append(np.vstack([np.zeros(n), -root]))
        right.append(np.concatenate([[radius], -root @ center]))
        cones.append(clarabel.SecondOrderConeT(n + 1))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    solver = clarabel.DefaultSolver(
        sparse.csc_matrix(np.triu(P)), q, sparse.csc_matrix(np.vstack(rows)), np.concatenate(right), cones, settings
    )
    solution = solver.solve()
    assert "Solved" in str(solution.status)
    return float(solution.obj_val), np.array(solution.x)


def error_of(moments: Moments, weights: np.ndarray, benchmark: np.ndarray) -> float:
    away = np.asarray(weights) - benchmark
    return float(np.sqrt(away @ moments.Sigma @ away))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("objective", ["utility", "variance", "return", "both limits"])
def test_optimal_by_an_independent_solver(seed: int, objective: str) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 15))
    moments, benchmark = factor_moments(seed, n), rng.dirichlet(np.ones(n))
    most = float(rng.uniform(max(1.5 / n, benchmark.max()), 1.0))
    limit = float(rng.uniform(0.005, 0.05))
    constraints = Constraints(max_weight=most, tracking_error=limit, benchmark_weights=benchmark)
    balls, options, method = [(benchmark, limit)], {}, "mean_variance"
    zero = np.zeros(n)
    if objective == "utility":
        P, q = 2.5 * moments.Sigma, -moments.mu
    elif objective == "variance":
        P, q, method = moments.Sigma, zero, "min_variance"
    else:
        P, q = np.zeros((n, n)), -moments.mu
        calm = optimize(moments, "min_variance", constraints).expected_risk
        cap = calm * (10.0 if objective == "return" else float(rng.uniform(1.001, 1.05)))
        balls, options = [*balls, (zero, cap)], {"max_volatility": cap}
    allocation = optimize(moments, method, constraints, **options)
    value, _ = conic(moments, P, q, most, balls)
    w = np.asarray(allocation.weights)
    assert allocation.status == "optimal"
    assert allocation.residuals.largest <= 1e-8
    assert error_of(moments, w, benchmark) <= limit * (1 + 1e-9) + 1e-12
    assert 0.5 * w @ P @ w + q @ w == pytest.approx(value, rel=1e-6, abs=1e-8)


def test_the_highest_ratio_within_a_limit() -> None:
    moments, benchmark = factor_moments(3, 9), np.full(9, 1 / 9)
    constraints = Constraints(tracking_error=0.03, benchmark_weights=benchmark)
    best = optimize(moments, "max_sharpe", constraints)
    assert error_of(moments, best.weights, benchmark) == pytest.approx(0.03, rel=1e-9)
    rng = np.random.default_rng(0)
    for _ in range(400):
        other = rng.dirichlet(np.ones(9))
        step = min(1.0, 0.03 / error_of(moments, other, benchmark))
        w = benchmark + step * (other - benchmark)
        assert moments.mu @ w / moments.risk(w) <= best.sharpe_ratio * (1 + 1e-10)
    for target in np.linspace(0.02, best.expected_return, 5):
        point = optimize(moments, "mean_variance", constraints, target_return=float(target))
        assert point.sharpe_ratio <= best.sharpe_ratio * (1 + 1e-10)


def test_the_shadow_price_is_the_derivative() -> None:
    moments, benchmark = factor_moments(5, 8), np.full(8, 1 / 8)

    def value(limit: float, method: str, **options: float) -> float:
        rules = Constraints(tracking_error=limit, benchmark_weights=benchmark)
        return optimize(moments, method, rules, **options).objective_value

    for method, options in (("mean_variance", {}), ("min_variance", {}), ("max_sharpe", {"risk_free_rate": 0.01})):
        rules = Constraints(tracking_error=0.02, benchmark_weights=benchmark)
        price = optimize(moments, method, rules, **options).shadow_prices["tracking_error"]
        slope = (value(0.02 + 1e-5, method, **options) - value(0.02 - 1e-5, method, **options)) / 2e-5
        assert price == pytest.approx(slope, rel=1e-4)
        assert price != 0


def test_the_benchmark_itself_is_the_answer_to_a_limit_of_zero() -> None:
    moments, benchmark = factor_moments(6, 5), np.array([0.4, 0.3, 0.2, 0.1, 0.0])
    rules = Constraints(tracking_error=0.0, benchmark_weights=benchmark)
    np.testing.assert_allclose(optimize(moments, constraints=rules).weights, benchmark, atol=1e-9)


def test_a_loose_limit_changes_nothing() -> None:
    moments = factor_moments(7, 6)
    free, loose = Constraints(), Constraints(tracking_error=2.0, benchmark_weights={"0": 1.0})
    for method in ("mean_variance", "max_sharpe", "min_variance"):
        np.testing.assert_allclose(
            optimize(moments, method, free).weights, optimize(moments, method, loose).weights, atol=1e-12
        )
    assert optimize(moments, "mean_variance", loose).shadow_prices["tracking_error"] == 0.0


def test_what_cannot_be_met_names_the_least_possible() -> None:
    moments = factor_moments(8, 5)
    rules = Constraints(max_weight=0.3, tracking_error=0.01, benchmark_weights={"0": 1.0})
    with pytest.raises(InfeasibleError, match=r"with max_weight the least tracking_error is 0\.17") as caught:
        optimize(moments, constraints=rules)
    assert caught.value.conflict == ("tracking_error", "max_weight")
    assert "it must be at most 0.01" in str(caught.value)
    _, nearest = conic(moments, moments.Sigma, -moments.Sigma[0], 0.3, [])
    least = error_of(moments, nearest, np.eye(5)[0])
    assert float(str(caught.value).split()[-1]) == pytest.approx(least, rel=1e-5)
    barely = Constraints(max_weight=0.3, tracking_error=least * 1.0001, benchmark_weights={"0": 1.0})
    assert optimize(moments, constraints=barely).status == "optimal"


def test_rules_report_the_limit_they_break() -> None:
    moments = factor_moments(9, 4)
    rules = Constraints(tracking_error=0.01, benchmark_weights={"0": 1.0})
    allocation = optimize(moments, "equal_weight", rules)
    assert "tracking_error" in allocation.ignored
    assert [violation.constraint for violation in allocation.violations] == ["tracking_error"]
    assert allocation.violations[0].achieved == pytest.approx(error_of(moments, np.full(4, 0.25), np.eye(4)[0]))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tracking_error": 0.02}, "benchmark_weights: expected them with a tracking_error limit"),
        ({"tracking_error": -0.02, "benchmark_weights": {}}, "tracking_error: expected a number >= 0"),
        ({"tracking_error": 30, "benchmark_weights": {}}, r"did you mean 0\.30"),
    ],
)
def test_bad_limits(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Constraints(**fields)


def test_a_backtest_tracks_its_benchmark() -> None:
    rng = np.random.default_rng(1)
    prices = 100 * np.exp(np.cumsum(rng.normal(0.0003, 0.01, (400, 5)), axis=0))
    dates = np.datetime64("2020-01-01") + np.arange(400)
    rules = Constraints(tracking_error=0.02, benchmark_weights=np.full(5, 0.2))
    result = backtest(prices, "min_variance", 60, dates=dates, constraints=rules, lookback=200)
    assert len(result.rebalances) > 1
    assert all(item.status == "optimal" for item in result.rebalances)

"""The self-test's problems: every kernel, at a small and at a usual size, with its independent check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

import numpy as np

from portfolio_engine import kernels
from portfolio_engine._selftest import reference, reference_random
from portfolio_engine._selftest.batches import batches
from portfolio_engine._selftest.case import Array, Case, returns
from portfolio_engine.covariance import CovarianceMethod, covariance
from portfolio_engine.cvar import solve_cvar
from portfolio_engine.eigh import eigh, nearest_psd
from portfolio_engine.performance import performance, performance_batch
from portfolio_engine.qp import solve_qp
from portfolio_engine.risk_parity import risk_parity
from portfolio_engine.rolling import rolling_performance
from portfolio_engine.simulate import simulate, simulate_bootstrap

Precision = Literal["float32", "float64"]


def cases(quick: bool = False) -> Iterator[Case]:
    """All of them; `quick` leaves out the large ones."""
    for n in (33,) if quick else (33, 500):
        table = returns(2 * n + 63, n)
        yield _covariance(table, "sample")
        yield _covariance(table, "ledoit_wolf")
        sigma = np.cov(table, rowvar=False) * 252
        yield from _decompositions(sigma)
        yield from _programs(sigma[:200, :200], table.mean(axis=0)[:200] * 252)
    yield from batches(16 if quick else 256)
    for precision in get_args(Precision):
        for steps in (1, 5):
            yield _simulation(precision, (2_000 if quick else 200_000) // steps, steps)
    yield from _scenarios()
    yield from _performances()


def _covariance(table: Array, method: CovarianceMethod) -> Case:
    expected = reference.covariance(table, method)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    return Case(
        "covariance",
        f"{table.shape[0]} x {table.shape[1]}, {method}",
        lambda device: covariance(table, method=method, device=device),
        lambda got: reference.covariance_error(got.matrix, expected),
        lambda got: got.matrix / scale,
    )


def _decompositions(sigma: Array) -> Iterator[Case]:
    n, size = len(sigma), float(np.abs(sigma).max())
    yield Case(
        "eigh",
        f"{n} x {n}",
        lambda device: eigh(sigma, device=device),
        lambda got: reference.eigh_error(sigma, got.values, got.vectors),
        lambda got: got.values / got.values[-1],
    )
    broken = sigma - 0.5 * np.diag(np.diag(sigma))
    expected = reference.clipped(broken)
    yield Case(
        "nearest_psd",
        f"{n} x {n}",
        lambda device: nearest_psd(broken, keep_diagonal=False, device=device),
        lambda got: float(np.abs(got.matrix - expected).max()) / size,
        lambda got: got.matrix / size,
    )


def _programs(sigma: Array, mu: Array) -> Iterator[Case]:
    n = len(mu)
    given: dict[str, Any] = {"A": np.ones((1, n)), "b": np.ones(1), "lb": np.zeros(n), "ub": np.full(n, 0.2)}
    yield Case(
        "solve_qp",
        f"{n} variables",
        lambda device: solve_qp(sigma, -mu / 2.5, **given, device=device),
        lambda got: reference.kkt_error(got, sigma, -mu / 2.5, **given),
        lambda got: got.objective / (1 + abs(got.objective)),
    )
    rows = (mu, sigma, None, None, given["A"], given["b"], given["lb"])
    yield Case(
        "efficient_frontier",
        f"10 points, {n} assets",
        lambda device: kernels.efficient_frontier(*rows, np.ones(n), points=10, tolerance=1e-9, device=device),
        lambda got: reference.frontier_error(got["weights"], mu, sigma),
        lambda got: got["expected_risk"] / got["expected_risk"][-1],
    )
    budgets = np.arange(1.0, n + 1)
    yield Case(
        "risk_parity",
        f"{n} assets",
        lambda device: risk_parity(sigma, budgets, device=device),
        lambda got: reference.risk_parity_error(sigma, got.weights, budgets),
        lambda got: got.weights,
    )


def _simulation(precision: Precision, scenarios: int, steps: int, n: int = 20) -> Case:
    table = returns(252, n)
    model = (table.mean(axis=0), np.cov(table, rowvar=False), np.full(n, 0.9 / n))
    given: dict[str, Any] = {"seed": 42, "scenarios": scenarios, "horizon": steps, "precision": precision}
    expected = reference_random.values(*model, **given)
    return Case(
        f"simulate {precision}",
        f"{scenarios} x {steps} x {n}",
        lambda device: simulate(*model, keep_values=True, device=device, **given),
        lambda got: float(np.abs(got.values - expected).max()),
        lambda got: got.values,
    )


def _scenarios(days: int = 400, n: int = 12) -> Iterator[Case]:
    table = returns(days, n)
    weights, mean = np.full(n, 0.9 / n), table.mean(axis=0)
    yield Case(
        "simulate_bootstrap",
        f"2000 of {days} x {n}",
        lambda device: simulate_bootstrap(
            table, weights, scenarios=2_000, seed=42, keep_values=True, keep_returns=True, device=device
        ),
        lambda got: reference.bootstrap_error(got, table, weights),
        lambda got: got.values,
    )
    rows: dict[str, Any] = {"A": np.ones((1, n)), "b": np.ones(1), "lb": np.zeros(n)}
    yield Case(
        "solve_cvar",
        f"{days} x {n}",
        lambda device: solve_cvar(table, -0.1 * mean, **rows, device=device),
        lambda got: reference.cvar_error(got, table, -0.1 * mean),
        lambda got: got.objective / (1 + abs(got.objective)),
    )


def _performances(days: int = 2520, window: int = 63) -> Iterator[Case]:
    table = returns(days, 4)
    series = table[:, 0]
    windows = np.lib.stride_tricks.sliding_window_view(series, window)
    calls: dict[str, tuple[str, Callable[[str], Any], list[Array]]] = {
        "performance": (f"{days} days", lambda device: performance(series, device=device), [series]),
        "performance_batch": (
            f"4 of {days} days",
            lambda device: performance_batch(table, device=device),
            list(table.T),
        ),
        "rolling_performance": (
            f"{days} days, {window} each",
            lambda device: rolling_performance(series, window=window, device=device),
            list(windows),
        ),
    }
    for kernel, (size, call, parts) in calls.items():
        yield _measures(kernel, size, call, reference.performances(parts))


def _measures(kernel: str, size: str, call: Callable[[str], Any], expected: dict[str, Array]) -> Case:
    return Case(
        kernel,
        size,
        call,
        lambda got: reference.performance_error(got, expected),
        lambda got: [reference.last(got, name, expected) for name in expected],
    )

"""MLX arrays are read where they lie: by the buffer protocol, without importing MLX and without a copy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

import portfolio_engine as pe
from portfolio_engine import kernels
from portfolio_engine._labels import as_array

mx = pytest.importorskip("mlx.core", reason="MLX is optional: the extra mlx")

RNG = np.random.default_rng(11)
RETURNS = (0.01 * RNG.standard_normal((120, 5)) + 0.005 * RNG.standard_normal((120, 1))).astype(np.float32)
PRICES = (100 * np.cumprod(1 + RETURNS.astype(float), axis=0)).astype(np.float32)
COVARIANCE = np.cov(RETURNS, rowvar=False).astype(np.float32)
MEAN = RETURNS.mean(axis=0).astype(np.float32)
WEIGHTS = np.full(5, 0.2, dtype=np.float32)
ROW = np.ones((1, 5), dtype=np.float32)
DAYS = pd.bdate_range("2024-01-01", periods=120)

Given = Callable[[np.ndarray], Any]  # a NumPy array as itself, or as MLX's

CALLS: dict[str, Callable[[Given], Any]] = {
    "covariance": lambda a: pe.covariance(a(RETURNS), weights=a(np.arange(1, 121, dtype=np.float32))),
    "covariance_batch": lambda a: pe.covariance_batch(a(np.stack([RETURNS, 2 * RETURNS]))),
    "eigh": lambda a: pe.eigh(a(COVARIANCE)),
    "eigvalsh": lambda a: pe.eigvalsh(a(COVARIANCE)),
    "eigh_batch": lambda a: pe.eigh_batch(a(np.stack([COVARIANCE, 2 * COVARIANCE]))),
    "nearest_psd": lambda a: pe.nearest_psd(a(COVARIANCE - np.float32(2e-5) * np.eye(5, dtype=np.float32))),
    "solve_qp": lambda a: pe.solve_qp(
        a(COVARIANCE), a(-MEAN), a(ROW), a(ROW[0, :1]), a(ROW), a(ROW[0, :1]), a(0 * MEAN), a(ROW[0])
    ),
    "solve_qp_batch": lambda a: pe.solve_qp_batch(
        a(COVARIANCE), a(np.stack([-MEAN, MEAN])), A=a(ROW), b=a(ROW[0, :1]), lb=a(0 * MEAN)
    ),
    "risk_parity": lambda a: pe.risk_parity(a(COVARIANCE), a(np.arange(1, 6, dtype=np.float32))),
    "risk_parity_batch": lambda a: pe.risk_parity_batch(a(np.stack([COVARIANCE, 2 * COVARIANCE]))),
    "simulate": lambda a: pe.simulate(a(MEAN), a(COVARIANCE), a(WEIGHTS), scenarios=500, keep_values=True),
    "simulate_bootstrap": lambda a: pe.simulate_bootstrap(a(RETURNS), a(WEIGHTS), scenarios=500, keep_values=True),
    "solve_cvar": lambda a: pe.solve_cvar(
        a(RETURNS), a(-MEAN), A=a(ROW), b=a(ROW[0, :1]), lb=a(0 * MEAN), ub=a(ROW[0])
    ),
    "performance": lambda a: pe.performance(a(RETURNS[:, 0].copy()), a(RETURNS[:, 1].copy())),
    "performance_batch": lambda a: pe.performance_batch(a(RETURNS), a(RETURNS[:, 0].copy())),
    "rolling_performance": lambda a: pe.rolling_performance(a(RETURNS[:, 0].copy()), a(RETURNS[:, 1].copy()), window=9),
    "expanding_performance": lambda a: pe.expanding_performance(a(RETURNS[:, 0].copy()), a(RETURNS[:, 1].copy())),
    "prices_to_returns": lambda a: pe.prices_to_returns(a(PRICES)),
    "estimate_moments": lambda a: pe.estimate_moments(a(RETURNS), expected_returns=a(252 * MEAN)),
    "Moments": lambda a: pe.Moments(a(252 * MEAN), a(252 * COVARIANCE)),
    "optimize": lambda a: pe.optimize(a(RETURNS), "max_sharpe"),
    "optimize_batch": lambda a: pe.optimize_batch([a(RETURNS), a(2 * RETURNS)], "min_variance"),
    "efficient_frontier": lambda a: pe.efficient_frontier(a(RETURNS), 3),
    "black_litterman": lambda a: pe.black_litterman(a(252 * COVARIANCE), market_weights=a(WEIGHTS)),
    "backtest": lambda a: pe.backtest(a(PRICES), "min_variance", dates=DAYS, lookback=60),
    "tail_risk": lambda a: pe.tail_risk(a(RETURNS), a(WEIGHTS)),
    "gaussian_tail_risk": lambda a: pe.gaussian_tail_risk(a(MEAN), a(COVARIANCE), a(WEIGHTS)),
    "risk_decomposition": lambda a: pe.risk_decomposition(a(COVARIANCE), a(WEIGHTS)),
    "correlation": lambda a: pe.correlation(a(COVARIANCE)),
    "factor_exposure": lambda a: pe.factor_exposure(a(RETURNS), a(RETURNS[:, 0].copy()), a(WEIGHTS)),
    "risk_table": lambda a: pe.risk_table(a(PRICES), a(WEIGHTS[None, :])),
    "conditional_returns": lambda a: pe.conditional_returns(a(COVARIANCE), {0: -0.1}),
    "stress_covariance": lambda a: pe.stress_covariance(a(COVARIANCE), correlation=0.9),
    "time_weighted_return": lambda a: pe.time_weighted_return(a(PRICES[:, 0].copy()), DAYS),
    "money_weighted_return": lambda a: pe.money_weighted_return(
        a(np.array([100.0, 50.0], dtype=np.float32)), DAYS[:2], final_value=160.0, final_date=DAYS[-1]
    ),
}  # fmt: skip
TAKES_NO_ARRAYS = {"available_devices", "computations", "default_device", "metal_health", "plan_rebalance",
                   "selftest", "set_default_device"}  # fmt: skip


def numbers(result: Any) -> list[np.ndarray]:
    """Every array and number of a result, but for what is measured on the clock."""
    if isinstance(result, list | tuple):
        return [array for item in result for array in numbers(item)]
    if isinstance(result, dict):
        return numbers(list(result.values()))
    if is_dataclass(result):
        return numbers(
            [getattr(result, field.name) for field in fields(result) if field.name not in ("seconds", "milliseconds")]
        )
    if result is None or isinstance(result, str) or callable(result):
        return []
    array = np.asarray(result)
    return [array] if array.dtype.kind in "fiub" else []


def test_every_function_that_takes_arrays_is_tried() -> None:
    public = {name for name in pe.__all__ if callable(getattr(pe, name)) and not isinstance(getattr(pe, name), type)}
    assert public - TAKES_NO_ARRAYS == set(CALLS) - {"Moments"}


@pytest.mark.parametrize("name", CALLS)
def test_an_mlx_array_gives_the_bits_that_the_numpy_array_gives(name: str) -> None:
    ours, theirs = numbers(CALLS[name](np.asarray)), numbers(CALLS[name](mx.array))
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def address(array: Any) -> int:
    """Where MLX keeps it."""
    return int(np.frombuffer(memoryview(array).cast("B"), dtype=np.uint8).ctypes.data)


def test_float32_returns_reach_the_kernel_without_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    kernel = kernels.covariance

    def spy(returns: np.ndarray, **options: Any) -> dict[str, Any]:
        seen.append(returns)
        return kernel(returns, **options)

    monkeypatch.setattr(kernels, "covariance", spy)
    given = mx.array(RETURNS)
    pe.covariance(given)
    assert seen[0].ctypes.data == address(given)
    assert (seen[0].dtype, seen[0].flags.c_contiguous) == (np.float32, True)  # so pybind11 hands over this memory


def test_float64_is_read_in_place_and_float32_is_widened_once() -> None:
    given = mx.array(RETURNS.astype(np.float64), dtype=mx.float64)
    assert as_array(given, "test", "returns").ctypes.data == address(given)
    narrow = mx.array(RETURNS)
    wide = as_array(narrow, "test", "returns")
    assert (wide.dtype, wide.base) == (np.float64, None)


def test_a_view_with_other_strides_and_an_array_not_yet_computed_are_read_right() -> None:
    stored = mx.array(np.ascontiguousarray(RETURNS.T))
    np.testing.assert_array_equal(pe.covariance(stored.T).matrix, pe.covariance(RETURNS).matrix)
    lazy = mx.array(RETURNS) * 2
    np.testing.assert_array_equal(pe.covariance(lazy).matrix, pe.covariance(2 * RETURNS).matrix)


def test_a_type_that_numpy_lacks_is_refused_by_name() -> None:
    for function in (pe.eigh, pe.covariance):
        with pytest.raises(ValueError, match=rf"^\[{function.__name__}\] .*: expected numbers, got array .*bfloat16"):
            function(mx.array(COVARIANCE, dtype=mx.bfloat16))


def test_results_become_mlx_arrays_by_one_copy_which_mlx_itself_asks_for() -> None:
    """docs/metal.md says so; once MLX shares memory of the CPU, this fails and the page can promise more."""
    result = pe.covariance(mx.array(RETURNS)).matrix
    single = mx.asarray(result)
    double = mx.asarray(result, dtype=mx.float64)
    assert (single.dtype, double.dtype) == (mx.float32, mx.float64)
    np.testing.assert_array_equal(np.asarray(double), result)
    with pytest.raises(ValueError, match="copy"):
        mx.asarray(result.astype(np.float32), copy=False)


def test_the_library_does_not_import_mlx() -> None:
    """It stays optional, and a second and a half of import stays away."""
    script = "import sys, portfolio_engine; assert 'mlx' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)

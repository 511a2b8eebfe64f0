"""Raw native kernels: arrays in, a dict of arrays and numbers out. Wrapped by the module of the same stem."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float64]
_Result = dict[str, Any]

class CancelToken:
    def __init__(self) -> None: ...
    def cancel(self) -> None: ...
    @property
    def cancelled(self) -> bool: ...

def available_devices() -> list[tuple[str, bool, str]]: ...
def set_default_device(device: str) -> None: ...
def default_device() -> str: ...
def metal_health() -> dict[str, Any]: ...
def set_num_threads(count: int) -> None: ...
def num_threads() -> int: ...
def simd_level() -> str: ...
def covariance(
    returns: npt.NDArray[Any],
    *,
    method: str,
    ddof: float,
    halflife: float,
    weights: _Array | None,
    device: str,
) -> _Result: ...
def covariance_batch(
    returns: Sequence[_Array],
    *,
    method: str,
    ddof: float,
    halflife: float,
    weights: _Array | None,
    device: str,
) -> list[_Result]: ...
def eigh(matrix: _Array, *, device: str) -> _Result: ...
def eigvalsh(matrix: _Array) -> _Array: ...
def eigh_batch(matrices: Sequence[_Array], *, device: str) -> list[_Result]: ...
def nearest_psd(
    matrix: _Array,
    *,
    min_eigenvalue: float,
    keep_diagonal: bool,
    tolerance: float,
    max_iterations: int,
    device: str,
    time_limit: float | None,
    cancel: CancelToken | None,
) -> _Result: ...
def solve_qp(*arguments: Any) -> _Result: ...
def solve_qp_batch(*arguments: Any) -> dict[str, Any]: ...
def solve_qp_list(
    problems: Sequence[Sequence[_Array | None]], turnover: Sequence[float], options: tuple[Any, ...]
) -> list[_Result]: ...
def efficient_frontier(
    mu: _Array,
    Sigma: _Array,
    G: _Array | None,
    h: _Array | None,
    A: _Array | None,
    b: _Array | None,
    lb: _Array | None,
    ub: _Array | None,
    *,
    points: int,
    tolerance: float,
    device: str,
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
    check_matrix: bool = True,
) -> _Result: ...
def solve_cvar(
    returns: _Array,
    *,
    probabilities: _Array | None,
    confidence: float,
    q: _Array | None,
    G: _Array | None,
    h: _Array | None,
    A: _Array | None,
    b: _Array | None,
    lb: _Array | None,
    ub: _Array | None,
    start: _Array | None,
    tolerance: float,
    max_iterations: int,
    device: str,
    time_limit: float | None,
    cancel: CancelToken | None,
) -> _Result: ...
def risk_parity(
    covariance: _Array,
    budgets: _Array | None,
    *,
    lower: _Array | None,
    upper: _Array | None,
    tolerance: float,
    max_iterations: int,
    device: str,
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
) -> _Result: ...
def risk_parity_batch(
    covariances: Sequence[_Array],
    budgets: Sequence[_Array | None],
    *,
    tolerance: float,
    max_iterations: int,
    device: str,
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
) -> list[_Result]: ...
def philox4x32_10(counter: Sequence[int], key: Sequence[int]) -> list[int]: ...
def standard_normals(
    seed: int, first_path: int, paths: int, step: int, count: int, precision: str
) -> npt.NDArray[np.float64]: ...
def simulate(
    mean: _Array,
    covariance: _Array,
    weights: _Array,
    *,
    horizon: int,
    scenarios: int,
    seed: int,
    distribution: str,
    degrees_of_freedom: int,
    sampling: str,
    scramble: bool,
    precision: str,
    rebalanced: bool,
    initial_value: float,
    confidence: float,
    quantile_levels: list[float],
    keep_values: bool,
    keep_returns: bool,
    device: str,
    time_limit: float | None,
    cancel: CancelToken | None,
) -> _Result: ...
def simulate_bootstrap(
    returns: _Array,
    weights: _Array,
    *,
    block_length: float,
    horizon: int,
    scenarios: int,
    seed: int,
    precision: str,
    rebalanced: bool,
    initial_value: float,
    confidence: float,
    quantile_levels: list[float],
    keep_values: bool,
    keep_returns: bool,
    device: str,
    time_limit: float | None,
    cancel: CancelToken | None,
) -> _Result: ...
def performance(
    returns: _Array,
    benchmark: _Array | None,
    *,
    risk_free_rate: float,
    periods_per_year: float,
    confidence: float,
    device: str,
) -> _Result: ...
def performance_batch(
    returns: _Array,
    benchmark: _Array | None,
    *,
    risk_free_rate: float,
    periods_per_year: float,
    confidence: float,
    device: str,
) -> _Result: ...
def rolling_performance(
    returns: _Array,
    benchmark: _Array | None,
    *,
    window: int,
    risk_free_rate: float,
    periods_per_year: float,
    confidence: float,
    device: str,
) -> _Result: ...

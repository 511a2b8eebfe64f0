"""A backtest's arguments, checked and laid out as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from portfolio_engine._labels import Array, as_array, asset_names
from portfolio_engine._restrict import check_names
from portfolio_engine._walk import SCHEDULES, carry_forward
from portfolio_engine.constraints import Constraints

NAME = "backtest"
Dates = npt.NDArray[np.datetime64]


@dataclass
class Input:
    """Arguments of one run, checked."""

    raw: Array
    names: tuple[str, ...] | None
    dates: Dates | None
    index: Any
    benchmark: Array | None
    method: Any
    constraints: Constraints | None
    lookback: int
    lag: int
    accept_relaxed: bool
    options: dict[str, Any]
    filled: Array = field(init=False)

    def __post_init__(self) -> None:
        self.filled = carry_forward(self.raw)

    def label(self, row: int) -> Any:
        return row if self.index is None else self.index[row]

    @property
    def labels(self) -> list[str]:
        """Names by which constraints refer to the assets."""
        return list(self.names or (str(k) for k in range(self.raw.shape[1])))


def read_input(
    prices: Any,
    benchmark: Any,
    dates: Any,
    method: Any,
    constraints: Constraints | None,
    lookback: int,
    lag: int,
    accept_relaxed: bool,
    options: dict[str, Any],
) -> Input:
    names = asset_names(prices)
    index = prices.index if names is not None else None
    if isinstance(benchmark, str):
        if names is None or benchmark not in names:
            raise ValueError(f"[{NAME}] benchmark: expected a column of prices or a series, got {benchmark!r}")
        benchmark, prices = prices[benchmark], prices.drop(columns=benchmark)
        names = asset_names(prices)
    raw = as_array(prices, NAME, "prices")
    if raw.ndim != 2 or raw.shape[1] == 0:
        raise ValueError(f"[{NAME}] prices: expected shape (days, assets), got {raw.shape}")
    if np.any(~np.isnan(raw) & ~((raw > 0) & np.isfinite(raw))):
        raise ValueError(f"[{NAME}] prices: expected positive finite prices or NaN, got {np.nanmin(raw)}")
    days: Dates | None = None
    if index is not None and getattr(index.dtype, "kind", "") == "M":
        days = np.asarray(index.values)
    elif dates is not None:
        days = np.asarray(dates, dtype="datetime64[ns]")
        index = days if index is None else index
    if days is not None and (days.shape != (len(raw),) or not bool(np.all(np.diff(days) > np.timedelta64(0)))):
        raise ValueError(f"[{NAME}] dates: expected {len(raw)} ascending unique dates, got {len(days)}")
    values = _benchmark_values(benchmark, prices, len(raw))
    return Input(raw, names, days, index, values, method, constraints, lookback, lag, accept_relaxed, options)


def _benchmark_values(benchmark: Any, prices: Any, rows: int) -> Array | None:
    if benchmark is None:
        return None
    if hasattr(benchmark, "reindex") and hasattr(prices, "index"):
        benchmark = benchmark.reindex(prices.index)
    values = as_array(benchmark, NAME, "benchmark")
    if values.shape != (rows,):
        raise ValueError(f"[{NAME}] benchmark: expected shape ({rows},), got {values.shape}")
    return carry_forward(values[:, None])[:, 0]


def check_input(given: Input, schedule: str | int, costs: float, initial_value: float) -> None:
    if isinstance(schedule, bool) or not (
        schedule in SCHEDULES if isinstance(schedule, str) else isinstance(schedule, int) and schedule >= 1
    ):
        raise ValueError(
            f"[{NAME}] schedule: expected one of {', '.join(SCHEDULES)} or a number of days, got {schedule!r}"
        )
    if isinstance(schedule, str) and schedule != "daily" and given.dates is None:
        raise ValueError(f"[{NAME}] dates: expected dates for the schedule {schedule!r}, got none")
    if not 0 <= costs <= 1000:
        raise ValueError(f"[{NAME}] costs: expected basis points between 0 and 1000, got {costs}")
    if not (np.isfinite(initial_value) and initial_value > 0):
        raise ValueError(f"[{NAME}] initial_value: expected a positive amount, got {initial_value}")
    for argument, value, least in (("lookback", given.lookback, 2), ("lag", given.lag, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"[{NAME}] {argument}: expected a whole number of at least {least}, got {value!r}")
    needed = given.lookback + given.lag + 2
    if len(given.raw) < needed:
        raise ValueError(
            f"[{NAME}] prices: expected at least {needed} days (lookback {given.lookback} + lag {given.lag} + 2), "
            f"got {len(given.raw)}; shorten lookback or give more prices"
        )
    if given.constraints is not None:
        check_names(given.constraints, given.labels)
    if given.benchmark is not None and np.isnan(given.benchmark[given.lookback + given.lag]):
        raise ValueError(f"[{NAME}] benchmark: expected prices from the first trade on, got none on that day")

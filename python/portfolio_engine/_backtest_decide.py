"""One decision of a backtest: the window of past returns in, target weights out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from portfolio_engine._backtest_input import NAME, Input
from portfolio_engine._labels import Array, as_array
from portfolio_engine._restrict import restrict
from portfolio_engine.allocation import Allocation
from portfolio_engine.errors import InfeasibleError, SolverError


@dataclass(frozen=True)
class _NoAnswer:
    status: str


def decide(
    given: Input, window: slice, chosen: npt.NDArray[np.intp], current: Array, risk_free_rate: float
) -> tuple[Array, str, float]:
    """Target weights of all assets, status and milliseconds; the window is all that the method gets to see."""
    target = np.zeros(given.raw.shape[1])
    if len(chosen) == 0:
        return target * np.nan, "no_assets", 0.0
    prices = given.filled[window][:, chosen]
    returns: Any = prices[1:] / prices[:-1] - 1.0
    names = [given.labels[i] for i in chosen]
    if given.names is not None:
        returns = sys.modules["pandas"].DataFrame(returns, index=given.index[window][1:], columns=names)
    if callable(given.method):
        answer = given.method(returns)
    else:
        answer = _optimize(given, returns, chosen, current, risk_free_rate)
    if not isinstance(answer, (Allocation, _NoAnswer)):
        target[chosen] = _weights(answer, names, len(chosen))
        return target, "custom", 0.0
    if isinstance(answer, _NoAnswer):
        return target * np.nan, answer.status, 0.0
    target[chosen] = _weights(answer.weights, names, len(chosen))
    return target, answer.status, answer.milliseconds


def _optimize(given: Input, returns: Any, chosen: npt.NDArray[np.intp], current: Array, risk_free_rate: float) -> Any:
    from portfolio_engine import estimate_moments, optimize

    universe = given.labels
    names = [universe[i] for i in chosen]
    constraints = given.constraints
    if constraints is not None:
        constraints = restrict(constraints, names, universe, current)
    if given.names is None:  # so that constraints keep calling the assets by their column in `prices`
        returns = replace(estimate_moments(returns), names=tuple(names))
    try:
        return optimize(returns, given.method, constraints, risk_free_rate=risk_free_rate, **given.options)
    except InfeasibleError:
        return _NoAnswer("infeasible")
    except SolverError as error:
        return _NoAnswer(error.status)


def _weights(weights: Any, names: list[str], count: int) -> Array:
    if isinstance(weights, Mapping) or hasattr(weights, "reindex"):
        if unknown := [str(name) for name in list(weights.keys()) if str(name) not in names]:
            raise ValueError(f"[{NAME}] method: expected weights of eligible assets, got {', '.join(unknown)}")
        weights = [weights.get(name, 0.0) for name in names]
    values = as_array(weights, NAME, "method")
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError(f"[{NAME}] method: expected {count} finite weights from the function, got {weights!r}")
    return values

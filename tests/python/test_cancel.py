"""Time limits and cancellation: what ends early says so, soon, and what is not given one ends as ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import portfolio_engine as pe
from portfolio_engine.cancel import Limit

RNG = np.random.default_rng(3)
COVARIANCE = np.cov(RNG.normal(size=(200, 60)).T)


def scenarios(**more: Any) -> Any:
    return pe.simulate(np.zeros(60), COVARIANCE, np.full(60, 1 / 60), horizon=250, scenarios=10**6, **more)


def projections(**more: Any) -> Any:
    """Indefinite, and far from done in a moment: slow convergence to an unreachable tolerance."""
    matrix = np.clip(np.corrcoef(RNG.normal(size=(30, 300)).T) * 3, -0.95, 0.95)
    np.fill_diagonal(matrix, 1.0)
    return pe.nearest_psd(matrix, tolerance=1e-15, max_iterations=10**6, **more)


MOMENTS = pe.Moments(np.linspace(0.02, 0.1, 60), COVARIANCE)
ENDED: dict[str, Callable[..., Any]] = {
    "optimize": lambda **more: pe.optimize(MOMENTS, "mean_variance", **more),
    "efficient_frontier": lambda **more: pe.efficient_frontier(MOMENTS, 20, **more),
    "risk_parity": lambda **more: pe.risk_parity(COVARIANCE, **more),
    "risk_parity_batch": lambda **more: pe.risk_parity_batch([COVARIANCE, COVARIANCE], **more),
    "simulate": lambda **more: scenarios(**more),
    "nearest_psd": lambda **more: projections(**more),
}
LONG: dict[str, Callable[..., Any]] = {"simulate": scenarios, "nearest_psd": projections}


@pytest.mark.parametrize("name", LONG)
def test_a_time_limit_ends_it(name: str) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=rf"\[{name}\] time_limit: the computation was not finished in time"):
        LONG[name](time_limit=0.05)
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize("name", LONG)
def test_another_thread_ends_it(name: str) -> None:
    token = pe.CancelToken()
    assert not token.cancelled
    threading.Timer(0.05, token.cancel).start()
    began = time.monotonic()
    with pytest.raises(pe.CancelledError, match=rf"\[{name}\] cancel: the caller cancelled the computation"):
        LONG[name](cancel=token)
    assert time.monotonic() - began < 5.0
    assert token.cancelled


@pytest.mark.parametrize("name", ENDED)
def test_what_is_over_before_it_begins(name: str) -> None:
    with pytest.raises(TimeoutError, match="time_limit"):
        ENDED[name](time_limit=0.0)
    token = pe.CancelToken()
    token.cancel()
    with pytest.raises(pe.CancelledError, match="cancel"):
        ENDED[name](cancel=token)


def test_limits_that_are_not_reached_change_nothing() -> None:
    plain = pe.simulate(np.zeros(60), COVARIANCE, np.full(60, 1 / 60), scenarios=2000, seed=5)
    limited = pe.simulate(
        np.zeros(60), COVARIANCE, np.full(60, 1 / 60), scenarios=2000, seed=5, time_limit=1e300, cancel=pe.CancelToken()
    )
    assert (plain.mean, plain.volatility) == (limited.mean, limited.volatility)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), "soon", True])
def test_a_time_limit_is_a_number_of_seconds(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"\[simulate\] time_limit: expected seconds >= 0 or None, got"):
        scenarios(time_limit=bad)


def test_cancel_is_a_token() -> None:
    with pytest.raises(ValueError, match=r"\[simulate\] cancel: expected a CancelToken or None, got Event"):
        scenarios(cancel=threading.Event())


def test_a_limit_over_several_steps_hands_on_what_is_left() -> None:
    limit = Limit.of("optimize", 60.0, None)
    first = limit.arguments["time_limit"]
    time.sleep(0.01)
    assert 0.0 < limit.arguments["time_limit"] < first <= 60.0
    limit.check()
    limit.check_status("optimal")
    for status, error in (("time_limit", TimeoutError), ("cancelled", pe.CancelledError)):
        with pytest.raises(error, match=r"\[optimize\]"):
            limit.check_status(status)
    late = Limit.of("optimize", 0.0, None)
    assert late.arguments["time_limit"] == 0.0
    with pytest.raises(TimeoutError, match=r"\[optimize\] time_limit"):
        late.check()
    token = pe.CancelToken()
    token.cancel()
    with pytest.raises(pe.CancelledError, match=r"\[optimize\] cancel"):
        Limit.of("optimize", None, token).check()

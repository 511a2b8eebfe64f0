"""Monte Carlo of a portfolio's value; the scenarios are the library's."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

import portfolio_engine as pe
from portfolio_service.domain.errors import Conflict, FieldError, Unacceptable
from portfolio_service.domain.estimation import Sample, load_sample
from portfolio_service.domain.models import Valuation
from portfolio_service.domain.ports import MarketDataClient
from portfolio_service.domain.requests import refusal
from portfolio_service.domain.symbols import require_prices
from portfolio_service.domain.workers import Workers, given_up

Distribution = Literal["normal", "lognormal", "student_t"]
Floats = npt.NDArray[np.float64]

PERIODS = 252
BYTES = 8
MAX_DRAWS = 5 * 10**9
BLOCK = 65_536  # scenarios at once, about


@dataclass(frozen=True)
class SimulateRequest:
    """POST /simulate: of a portfolio, or of weights whose rest is cash. Without a seed one is drawn and returned."""

    portfolio_id: str | None = None
    weights: Mapping[str, float] | None = None
    initial_value: float | None = None  # with weights; default 100000
    horizon_days: int = PERIODS
    scenarios: int = 100_000
    seed: int | None = None
    distribution: Distribution = "normal"
    lookback_days: int | None = None


class Simulation:
    """Estimates daily moments from the market's history and runs the scenarios in a worker thread."""

    def __init__(self, market: MarketDataClient, workers: Workers, estimation_days: int, max_memory: int) -> None:
        self._market = market
        self._workers = workers
        self._estimation_days = estimation_days
        self._max_memory = max_memory

    async def of_valuation(
        self, request: SimulateRequest, valuation: Valuation, cancel: pe.CancelToken
    ) -> dict[str, Any]:
        """Scenarios of a portfolio as it is now; its cash and unallocated capital stay as they are."""
        if not valuation.positions:
            raise Conflict("no_positions", f"{request.portfolio_id} holds nothing: its value does not move")
        weights = {symbol: position.weight for symbol, position in valuation.positions.items()}
        return await self._run(request, weights, float(valuation.total_value), cancel)

    async def of_weights(self, request: SimulateRequest, cancel: pe.CancelToken) -> dict[str, Any]:
        """Scenarios of `weights`; what they leave is cash."""
        if not request.weights:
            raise Unacceptable("invalid_argument", "expected portfolio_id or weights, got neither")
        total = sum(request.weights.values())
        if total > 1 + 1e-9 or min(request.weights.values()) < 0:
            detail = f"weights: expected weights >= 0 with a sum of at most 1, got a sum of {total:.6g}"
            raise Unacceptable("leverage_not_supported", detail, [FieldError("weights", detail)])
        known = self._market.known_symbols()
        if known is not None:
            require_prices(sorted(set(request.weights) - set(known)), {}, self._market, "weights")
        return await self._run(request, request.weights, request.initial_value or 100_000.0, cancel)

    async def _run(
        self, request: SimulateRequest, weights: Mapping[str, float], value: float, cancel: pe.CancelToken
    ) -> dict[str, Any]:
        sample = await load_sample(self._market, list(weights), request.lookback_days or self._estimation_days)
        self._check_memory(request, len(weights))
        _check_work(request, len(weights))
        seed = secrets.randbelow(2**32) if request.seed is None else request.seed

        def compute() -> dict[str, Any]:
            return _simulate(request, sample, np.array(list(weights.values())), value, seed, cancel)

        try:
            return await self._workers.run(compute, cancel)
        except pe.CancelledError as error:
            raise given_up() from error
        except ValueError as error:
            raise refusal(error) from error

    def _check_memory(self, request: SimulateRequest, n: int) -> None:
        """The value of every scenario, and one block of draws of all assets."""
        estimate = BYTES * (3 * request.scenarios + 2 * min(request.scenarios, BLOCK) * n + 6 * n * n)
        if estimate > self._max_memory:
            raise Unacceptable(
                "memory_limit",
                f"{request.scenarios} scenarios of {n} symbols need about {estimate / 2**20:.0f} MB, "
                f"PORTFOLIO_MAX_MEMORY allows {self._max_memory / 2**20:.0f} MB",
            )


def _check_work(request: SimulateRequest, n: int) -> None:
    """One that would hold a worker for minutes is not begun."""
    draws = request.scenarios * request.horizon_days * n
    if draws > MAX_DRAWS:
        raise Unacceptable(
            "work_limit",
            f"{request.scenarios} scenarios of {request.horizon_days} days and {n} symbols are {draws:.2g} draws, "
            f"at most {MAX_DRAWS:.0e} are made",
        )


def _simulate(
    request: SimulateRequest, sample: Sample, weights: Floats, value: float, seed: int, cancel: pe.CancelToken
) -> dict[str, Any]:
    moments = pe.estimate_moments(sample.returns)
    found = pe.simulate(
        moments.mu / PERIODS,
        moments.Sigma / PERIODS,
        weights,
        horizon=request.horizon_days,
        scenarios=request.scenarios,
        seed=seed,
        distribution=request.distribution,
        initial_value=value,
        confidence=0.95,
        cancel=cancel,
    )
    return {
        "initial_value": value,
        "expected_value": value + found.mean,
        "volatility": found.volatility,
        "quantiles": {str(level): quantile for level, quantile in found.quantiles.items()},
        "var_95": found.value_at_risk,
        "cvar_95": found.conditional_value_at_risk,
        "standard_errors": {
            "expected_value": found.mean_se,
            "var_95": found.value_at_risk_se,
            "cvar_95": found.conditional_value_at_risk_se,
            "quantiles": {str(level): error for level, error in found.quantiles_se.items()},
        },
        "horizon_days": found.horizon,
        "scenarios": found.scenarios,
        "seed": found.seed,
        "distribution": found.distribution,
        "weights": dict(zip(sample.symbols, weights.tolist(), strict=True)),
        "source": sample.source,
        "first_date": moments.first_date,
        "last_date": moments.last_date,
        "device": found.device,
        "device_reason": found.device_reason,
    }

"""Where given weights stand in the plane of risk and return, on the moments that the frontier is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import portfolio_engine as pe
from portfolio_service.domain.estimation import load_sample
from portfolio_service.domain.ports import MarketDataClient
from portfolio_service.domain.workers import Workers


@dataclass(frozen=True)
class Standing:
    """Annual; what the weights leave is cash at no return and no risk."""

    expected_return: float
    expected_risk: float


async def standings(
    market: MarketDataClient, workers: Workers, symbols: Sequence[str], days: int, chosen: Sequence[Mapping[str, float]]
) -> list[Standing]:
    """One for each of `chosen`, whose symbols are among `symbols`; Conflict when there is too little history."""
    sample = await load_sample(market, symbols, days)

    def compute() -> list[Standing]:
        moments = pe.estimate_moments(sample.returns)
        vectors = [np.array([weights.get(symbol, 0.0) for symbol in sample.symbols]) for weights in chosen]
        return [Standing(float(w @ moments.mu), float(np.sqrt(w @ moments.Sigma @ w))) for w in vectors]

    return await workers.run(compute)

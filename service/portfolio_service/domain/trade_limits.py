"""Where the risk limits would stand after trades: shown with a plan, and held to when a request asks for it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence

import numpy as np

import portfolio_engine as pe
from portfolio_service.domain.errors import Conflict, FieldError
from portfolio_service.domain.limits import DRAWDOWN, Measures, Standing, judge, levels_of, readings
from portfolio_service.domain.measures import MIN_RETURNS
from portfolio_service.domain.models import Portfolio
from portfolio_service.domain.ports import MarketDataClient
from portfolio_service.domain.risk_watch import PERIODS, WINDOW


class TradeLimits:
    """All limits but the drawdown, which no trade can undo."""

    def __init__(self, market: MarketDataClient) -> None:
        self._market = market

    async def after(self, portfolio: Portfolio, weights: Mapping[str, float]) -> list[Standing]:
        """Every limit at `weights`; volatility and VaR over the last year, unknown under 20 common returns."""
        held = {symbol: weight for symbol, weight in weights.items() if weight}
        frame = await self._market.get_histories(list(held), WINDOW + 1)
        prices = frame.reindex(columns=list(held)).to_numpy(dtype=np.float64)
        row = np.array([list(held.values())])
        found = await asyncio.to_thread(pe.risk_table, prices, row, minimum=MIN_RETURNS)
        volatility, var = float(found.volatility[0]) * math.sqrt(PERIODS), max(-float(found.value_at_risk[0]), 0.0)
        measures = Measures() if math.isnan(volatility) else Measures(volatility, var)
        at = [one for one in readings(held, self._market.sector, 1.0, measures) if one.limit != DRAWDOWN]
        return judge(levels_of(portfolio), at)


def refuse_breaches(standings: Sequence[Standing]) -> None:
    """Conflict("limit_breached") that names every limit above its breach."""
    broken = [one for one in standings if one.state == "breach"]
    if broken:
        errors = [
            FieldError(one.limit, f"{one.subject}: {one.value:.4g}, the limit is {one.breach:g}".removeprefix(": "))
            for one in broken
        ]
        listed = "; ".join(f"{error.field} {error.message}" for error in errors)
        raise Conflict("limit_breached", f"the trades would leave limits broken, nothing was done: {listed}", errors)

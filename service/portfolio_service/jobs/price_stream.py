"""Ticks in, valuations out: every batch revalues all portfolios in one pass; limits are checked at their own pace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

from portfolio_service.domain.models import Price
from portfolio_service.domain.ports import Clock, MarketDataClient
from portfolio_service.domain.risk_watch import RiskWatch
from portfolio_service.domain.valuation import LiveValuation

log = logging.getLogger(__name__)

MAX_PAUSE_S = 30.0


class PriceStream:
    """Follows the provider's stream; when it fails the last prices stay (and turn stale) until it is back."""

    def __init__(
        self,
        *,
        market: MarketDataClient,
        live: LiveValuation,
        risk: RiskWatch,
        clock: Clock,
        check_every_s: float = 5.0,
        log_every_s: float = 60.0,
        retry_s: float = 1.0,
    ) -> None:
        self._market = market
        self._live = live
        self._risk = risk
        self._clock = clock
        self._check_every_s = check_every_s
        self._log_every_s = log_every_s
        self._retry_s = retry_s
        self._checked: datetime | None = None
        self._check: asyncio.Task[None] | None = None
        self._logged: datetime | None = None

    async def run_once(self, batch: Sequence[Price]) -> None:
        """One batch of ticks."""
        values = self._live.on_ticks(batch)
        now = self._clock.now()
        # each valuation is logged, but at info level once a minute: a line a second would drown the rest
        due = self._due(self._logged, self._log_every_s, now)
        log.log(
            logging.INFO if due else logging.DEBUG,
            "market_value",
            extra={
                "total_market_value": round(float(values.totals.sum()), 2),
                "portfolios": len(values.portfolio_ids),
                "positions": len(values.weights),
                "unpriced": values.unpriced,
                "ticks": len(batch),
            },
        )
        self._logged = now if due else self._logged
        if self._due(self._checked, self._check_every_s, now):
            self._start_check(now)

    async def checked(self) -> None:
        """Wait until the check of the limits that runs now is done."""
        if self._check is not None:
            await self._check

    async def run(self) -> None:
        """For ever, until cancelled."""
        failures = 0
        try:
            while True:
                try:
                    async for batch in self._market.stream(self._live.symbols):
                        await self.run_once(batch)
                        failures = 0
                except Exception as error:  # whatever the provider does, the books stay served at the last prices
                    failures += 1
                    log.warning("price stream failed", extra={"source": self._market.source, "error": repr(error)})
                await asyncio.sleep(min(self._retry_s * 2**failures, MAX_PAUSE_S))
        finally:
            if self._check is not None:
                self._check.cancel()

    def _start_check(self, now: datetime) -> None:
        """Beside the ticks: a check may wait for a history or for the database, and ticks for neither."""
        if self._check is None or self._check.done():
            self._checked = now
            self._check = asyncio.create_task(self._check_limits(), name="risk limits")

    async def _check_limits(self) -> None:
        try:
            await self._risk.run_once()
        except Exception as error:  # the database is away: the next check raises what this one could not write
            log.warning("risk limits not checked", extra={"error": repr(error)})

    def _due(self, last: datetime | None, every_s: float, now: datetime) -> bool:
        return last is None or (now - last).total_seconds() >= every_s

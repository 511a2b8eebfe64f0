"""Writes one row a trading day of every portfolio's realised record, after the close; missed days are made up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from portfolio_service.domain import events
from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.ports import Clock, MarketDataClient, Repository
from portfolio_service.domain.realised import RealisedRecords

log = logging.getLogger(__name__)


class DailyRecordJob:
    """Looks every `poll_s` whether a trading day has closed since the last look."""

    def __init__(
        self,
        *,
        books: Books,
        market: MarketDataClient,
        repository: Repository,
        records: RealisedRecords,
        clock: Clock,
        on_recorded: Callable[[], None] = lambda: None,
        poll_s: float = 60.0,
    ) -> None:
        self._books = books
        self._market = market
        self._repository = repository
        self._records = records
        self._clock = clock
        self._on_recorded = on_recorded
        self._poll_s = poll_s
        self._recorded: dict[str, datetime] = {}

    async def run_once(self) -> int:
        """Record every close that has no row yet; the number of rows written."""
        written = 0
        # in a thread: the first look reads the calendar, right when the service starts
        close = await asyncio.to_thread(self._market.last_close, self._clock.now())
        portfolios = self._books.all()
        for portfolio in portfolios:
            if self._recorded.get(portfolio.portfolio_id) == close:
                continue
            if portfolio.provider != self._market.source:
                continue  # a record never mixes sources: what is missing is made up when its own is back
            try:
                rows = await self._records.missing(portfolio)
                if rows:
                    told = [events.performance_calculated(rows[-1].metrics)]
                    await self._repository.save_daily_records(rows, told)
                    written += len(rows)
            except DomainError as error:
                # the next look tries again; other portfolios do not wait for this one
                log.warning(
                    "daily record failed", extra={"portfolio_id": portfolio.portfolio_id, "error": error.detail}
                )
                continue
            self._recorded[portfolio.portfolio_id] = close
            await asyncio.sleep(0)  # requests go first
        for gone in self._recorded.keys() - {portfolio.portfolio_id for portfolio in portfolios}:
            del self._recorded[gone]
        if written:
            self._on_recorded()
        return written

    async def run(self) -> None:
        """For ever, until cancelled."""
        while True:
            try:
                written = await self.run_once()
                if written:
                    log.info("daily records written", extra={"rows": written})
            except Exception as error:  # a failing provider or database must not end the job
                log.warning("daily records failed", extra={"error": repr(error)})
            await asyncio.sleep(self._poll_s)

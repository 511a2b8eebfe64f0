"""Writes one row a trading day of every portfolio's realised record, after the close; missed days are made up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

from portfolio_service.domain import events
from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import DomainError, NotFound
from portfolio_service.domain.ports import Clock, MarketDataClient, Repository
from portfolio_service.domain.realised import Inputs, RealisedRecords

BATCH = 100  # portfolios that one look at the source serves

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
        # in a thread: the first look reads the calendar, right when the service starts
        close = await asyncio.to_thread(self._market.last_close, self._clock.now())
        portfolios = self._books.all()
        due = [
            portfolio.portfolio_id
            for portfolio in portfolios
            # a record never mixes sources: what is missing is made up when its own is back
            if portfolio.provider == self._market.source and self._recorded.get(portfolio.portfolio_id) != close
        ]
        written = 0
        for start in range(0, len(due), BATCH):
            written += await self._batch(due[start : start + BATCH], close)
        for gone in self._recorded.keys() - {portfolio.portfolio_id for portfolio in portfolios}:
            del self._recorded[gone]
        if written:
            self._on_recorded()
        return written

    async def _batch(self, portfolio_ids: Sequence[str], close: datetime) -> int:
        """One look at the source for all of them, then one transaction each; the number of rows written."""
        known = [inputs for one in portfolio_ids if (inputs := await self._inputs(one)) is not None]
        if not known:
            return 0
        sheet = await self._records.sheet(known)
        written = 0
        for inputs in known:
            portfolio_id = inputs.portfolio.portfolio_id
            with _one_failure_delays_no_other(portfolio_id):
                rows = await self._records.records(inputs, sheet)
                if rows:
                    told = [events.performance_calculated(rows[-1].metrics)]
                    await self._repository.save_daily_records(rows, told)
                self._recorded[portfolio_id] = close
                written += len(rows)
        return written

    async def _inputs(self, portfolio_id: str) -> Inputs | None:
        """Read under the lock: a change made before the close and committed after it is not missed."""
        with suppress(NotFound), _one_failure_delays_no_other(portfolio_id):
            async with self._books.lock(portfolio_id):
                return await self._records.inputs(self._books.get(portfolio_id))
        return None

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


@contextmanager
def _one_failure_delays_no_other(portfolio_id: str) -> Iterator[None]:
    """The next look tries again."""
    try:
        yield
    except NotFound:  # archived meanwhile
        raise
    except DomainError as error:
        log.warning("daily record failed", extra={"portfolio_id": portfolio_id, "error": error.detail})
    except Exception:
        log.exception("daily record failed", extra={"portfolio_id": portfolio_id})

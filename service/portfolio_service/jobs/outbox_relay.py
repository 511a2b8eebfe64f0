"""Publishes committed events: in order, at least once, soon after their commit."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from portfolio_service.domain.monitor import RelayCounts
from portfolio_service.domain.ports import MessageBus, Repository

log = logging.getLogger(__name__)

BATCH = 200
GATHER_S = 0.1  # what is committed meanwhile goes with the same pass
MAX_PAUSE_S = 30.0


class OutboxRelay:
    """Wakes on `wake`, else every `poll_s`; while bus or database fail it keeps the events and tries again."""

    def __init__(
        self,
        *,
        repository: Repository,
        bus: MessageBus,
        poll_s: float = 1.0,
        on_wake: Callable[[], None] | None = None,
        counts: RelayCounts | None = None,
    ) -> None:
        self._repository = repository
        self._bus = bus
        self._poll_s = poll_s
        self._on_wake = on_wake  # whoever else reads what was committed
        self._counts = counts or RelayCounts()
        self._committed = asyncio.Event()

    def wake(self, *_changed: object) -> None:
        """Something was committed; fits as a listener of Books."""
        self._committed.set()
        if self._on_wake is not None:
            self._on_wake()

    async def run_once(self) -> int:
        """Publish everything pending; the number published. An event that was published is marked even when the next
        one fails, so that only the one in doubt may come twice."""
        published = 0
        while batch := await self._repository.pending_events(BATCH):
            done: list[int] = []
            try:
                for message_id, event in batch:
                    await self._bus.publish(message_id, event)
                    done.append(message_id)
            finally:
                if done:
                    await self._repository.mark_published(done)
                    self._counts.published += len(done)
            published += len(done)
            if len(batch) < BATCH:  # what came since has woken us again
                break
        return published

    async def run(self) -> None:
        """For ever, until cancelled; what is pending then is published at the next start."""
        failures = 0
        while True:
            self._committed.clear()
            try:
                await self.run_once()
                failures = 0
            except Exception as error:  # any failure of bus or database: the events are safe in the outbox
                failures += 1
                self._counts.failures += 1
                log.warning("outbox relay failed, events are kept", extra={"error": str(error), "failures": failures})
            await self._pause(failures)

    async def _pause(self, failures: int) -> None:
        if failures:
            await asyncio.sleep(min(self._poll_s * 2**failures, MAX_PAUSE_S))
            return
        # not wait_for: before Python 3.12 it loses a cancellation that comes together with the event
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._poll_s):
                await self._committed.wait()
                await asyncio.sleep(GATHER_S)

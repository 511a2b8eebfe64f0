"""The whole audit of the stored books: right after the start, which checks the books only, and once a day."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from portfolio_service.domain.books import Books
from portfolio_service.domain.clock import iso
from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.ports import Clock, Repository

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
FIRST_AFTER_S = 2.0  # whoever waits for the service to start is served first


class BookAudit:
    """Where it finds a fault the books are no longer changed, until a start finds them sound."""

    def __init__(self, *, books: Books, repository: Repository, clock: Clock, poll_s: float = 60.0) -> None:
        self._books = books
        self._repository = repository
        self._clock = clock
        self._poll_s = poll_s
        self.checked_at: datetime | None = None  # the end of the last one
        self.faults: Sequence[str] = ()

    @property
    def status(self) -> str:
        """running until the first one has ended, then its outcome; a fault once found stays."""
        return "failed" if self.faults else "running" if self.checked_at is None else "ok"

    def shown(self) -> dict[str, Any]:
        """For /health."""
        checked_at = None if self.checked_at is None else iso(self.checked_at)
        return {"status": self.status, "checked_at": checked_at, "faults": list(self.faults)}

    async def run_once(self) -> bool:
        """Audit now, unless the last one is young; whether it did. Unavailable while the database is away."""
        if self.checked_at is not None and self._clock.now() - self.checked_at < EVERY:
            return False
        found = await self._repository.audit()
        self.checked_at = self._clock.now()
        if found and not self.faults:
            self.faults = self._books.damage = tuple(found)
            for fault in found:
                log.error("the stored books are damaged", extra={"fault": fault})
        return True

    async def run(self) -> None:
        """For ever, until cancelled."""
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            try:
                await self.run_once()
            except Unavailable as error:
                log.warning("audit postponed", extra={"error": error.detail})
            except Exception as error:  # what cannot be read is not sound
                self.faults = self._books.damage = (f"the audit ended with {error!r}",)
                log.exception("the audit of the books ended by an error")
            await asyncio.sleep(self._poll_s)

"""Wakes the scheduler: at its interval, at the first minute of trading of each session, and for second tries."""

from __future__ import annotations

import asyncio
import logging

from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.order import TRADED
from portfolio_service.domain.ports import Clock
from portfolio_service.domain.scheduling import Scheduling

log = logging.getLogger(__name__)

GLANCE_S = 15.0  # a clock that was set, or a machine that slept, is noticed within this time


class SchedulerJob:
    """Looks at the clock every `glance_s` at least; checks when it says so."""

    def __init__(self, *, scheduling: Scheduling, clock: Clock, glance_s: float = GLANCE_S) -> None:
        self._scheduling = scheduling
        self._clock = clock
        self._glance_s = glance_s
        self._checked = False

    async def run(self) -> None:
        """For ever, until cancelled; the first check is at once."""
        while True:
            await self.run_once()
            await asyncio.sleep(min(max(self._left(), 0.0), self._glance_s))

    async def run_once(self) -> None:
        """A check, if it is time for one."""
        if self._checked and self._left() > 0:
            return
        self._checked = True
        try:
            decisions = await self._scheduling.check()
        except DomainError as error:  # the database is away: what is due stays due
            log.warning("scheduler check failed", extra={"error": error.detail})
        except Exception:  # the next check tries again
            log.exception("scheduler check failed")
        else:
            if traded := sum(decision.outcome == TRADED for decision in decisions):
                log.info("scheduler traded", extra={"portfolios": traded, "decisions": len(decisions)})

    def _left(self) -> float:
        """Seconds to the next check."""
        return (self._scheduling.next_check() - self._clock.now()).total_seconds()

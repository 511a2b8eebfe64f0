"""Committed events as they come, for any number of followers: replayed from the database, then live, without a gap."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from portfolio_service.domain.errors import Conflict, Unavailable
from portfolio_service.domain.events import Numbered
from portfolio_service.domain.models import Event
from portfolio_service.domain.ports import EventLog

log = logging.getLogger(__name__)

BATCH = 200
GATHER_S = 0.1  # what is committed meanwhile comes with the same reading
RECENT = 256  # events in memory; a follower further behind reads the database
KEPT = 100_000  # published events in the database
FORGET_EVERY = 1000
MAX_PAUSE_S = 30.0


@dataclass(frozen=True)
class Wanted:
    """What a follower asked for; None is everything."""

    topics: frozenset[str] | None = None
    portfolio_id: str | None = None

    def __contains__(self, found: Numbered) -> bool:
        event = found.event
        return (self.topics is None or event.topic in self.topics) and (
            self.portfolio_id is None or event.payload["portfolio_id"] == self.portfolio_id
        )


class EventFeed:
    """One task reads what was committed; a follower is no more than a position, so a slow one costs nothing."""

    def __init__(
        self, events: EventLog, *, max_followers: int = 100, recent: int = RECENT, kept: int = KEPT, poll_s: float = 1.0
    ) -> None:
        self._log = events
        self._max_followers = max_followers
        self._kept = kept
        self._poll_s = poll_s
        self._recent: deque[Numbered] = deque(maxlen=recent)
        self._before = 0  # every event after this id, up to the newest, is in `_recent`
        self._newest = 0
        self._forgotten = 0  # events up to this id are removed
        self._committed = asyncio.Event()
        self._arrived = asyncio.Event()  # replaced at each arrival: whoever waits holds the one that will be set
        self._closed = False
        self.followers = 0
        self.refused = 0
        self.dropped = 0  # because they did not read

    def wake(self, *_changed: object) -> None:
        """Something was committed; fits as a listener of Books."""
        self._committed.set()

    async def start(self) -> None:
        """Begin at the newest event."""
        oldest, self._newest = await self._log.bounds()
        self._before, self._forgotten = self._newest, max(0, oldest - 1)

    def close(self) -> None:
        """The service stops: followers get what is there and end."""
        self._closed = True
        self._arrived.set()

    async def resume(self, after: int | None) -> tuple[int, int]:
        """The position from which every event after that id comes (None: now, 0: all that is kept), and the newest id.

        Conflict("event_gap") when some of them can no longer be had, or the id is of other books.
        """
        oldest, newest = await self._log.bounds()
        if after is None:
            return newest, newest
        if after > newest:
            raise Conflict(
                "event_gap", f"Last-Event-ID {after}: the newest event is {newest}; the id is of other books"
            )
        if 0 < after < oldest - 1:
            raise Conflict(
                "event_gap",
                f"Last-Event-ID {after}: the oldest event kept is {oldest}; read the portfolios again and follow "
                "without an id, or from 0 for all that is kept",
            )
        return max(after, oldest - 1), newest

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """Counts a follower meanwhile; Unavailable("overloaded") when there are too many."""
        if self.followers >= self._max_followers:
            self.refused += 1
            raise Unavailable("overloaded", f"{self.followers} clients follow the events already; try again later")
        self.followers += 1
        try:
            yield
        finally:
            self.followers -= 1

    async def follow(self, position: int, wanted: Wanted, *, until: int | None = None) -> AsyncGenerator[Numbered]:
        """Events after that position, each once and in order: for ever, or up to and including `until`.

        Ends early when the follower fell behind what is kept; asked to resume it then hears why.
        """
        while until is None or position < until:
            arrived = self._arrived
            batch = self._since(position)
            if batch is None:
                batch = await self._log.after(position, BATCH)
                if position < self._forgotten:
                    return
            for found in batch:
                if until is not None and found.message_id > until:
                    return
                position = found.message_id
                if found in wanted:
                    yield found
            if not batch:
                if until is not None or self._closed:
                    return
                await arrived.wait()

    async def run(self) -> None:
        """Reads what was committed, for ever, until cancelled."""
        failures = 0
        while True:
            self._committed.clear()
            try:
                await self.run_once()
                failures = 0
            except Exception as error:  # the database is away: the events wait in it
                failures += 1
                log.warning("event feed cannot read", extra={"error": str(error), "failures": failures})
            pause = min(self._poll_s * 2**failures, MAX_PAUSE_S) if failures else self._poll_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._committed.wait()
                    await asyncio.sleep(GATHER_S)

    async def run_once(self) -> None:
        """Take in everything committed since, and tell the followers."""
        while batch := await self._log.after(self._newest, BATCH):
            for found in batch:
                if len(self._recent) == self._recent.maxlen:
                    self._before = self._recent[0].message_id
                self._recent.append(found)
                self._newest = found.message_id
            arrived, self._arrived = self._arrived, asyncio.Event()
            arrived.set()
            if len(batch) < BATCH:  # what came since has woken us again
                break
        if (up_to := self._newest - self._kept) >= self._forgotten + FORGET_EVERY:
            self._forgotten = up_to
            await self._log.forget(up_to)

    def _since(self, position: int) -> Sequence[Numbered] | None:
        """What is in memory after that id, None when part of it is in the database only."""
        if position < self._before:
            return None
        found = list(takewhile(lambda one: one.message_id > position, reversed(self._recent)))
        return found[::-1]

    async def backlog(self) -> tuple[int, Event | None]:
        """How many events are not yet published on the message bus, and the oldest of them."""
        return await self._log.backlog()

    async def latest(self, limit: int, topics: Collection[str] | None = None) -> Sequence[Numbered]:
        """The last events (of these topics), newest first."""
        return await self._log.latest(limit, topics)

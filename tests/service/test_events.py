"""The event feed: every committed event once and in order, wherever a follower begins and however slow it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from portfolio_service.adapters.storage.database import Database
from portfolio_service.adapters.storage.event_log import SqlEventLog
from portfolio_service.adapters.storage.repository import SqlRepository
from portfolio_service.adapters.storage.write import append_events
from portfolio_service.domain import events
from portfolio_service.domain.errors import Conflict, Unavailable
from portfolio_service.domain.event_feed import EventFeed, Wanted
from portfolio_service.domain.models import Event
from tests.service.conftest import DATABASES

EVERYTHING = Wanted()
AT = datetime(2025, 8, 25, 15, 0, tzinfo=UTC)


def alert(number: int, portfolio_id: str = "port_000000000001") -> Event:
    return events.risk_alert(portfolio_id, "max_position_weight", 0.2, 0.2 + number / 1e6, f"number {number}", AT)


class Log:
    """A database with a feed on it, which reads as soon as something is written."""

    def __init__(self, database: Database, **options: int) -> None:
        self.database = database
        self.repository = SqlRepository(database)
        self.feed = EventFeed(SqlEventLog(database), **options)

    async def write(self, *batch: Event) -> None:
        await self.repository.append_events(batch)
        await self.repository.mark_published([i for i, _ in await self.repository.pending_events(10_000)])
        await self.feed.run_once()

    async def ids(self, position: int, count: int, wanted: Wanted = EVERYTHING) -> list[int]:
        """The first `count` ids that a follower from `position` gets."""
        found = []
        async with asyncio.timeout(20):
            async for one in self.feed.follow(position, wanted):
                found.append(one.message_id)
                if len(found) == count:
                    break
        return found


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def database(where: Path | str) -> AsyncIterator[Database]:
    opened = await Database.open(where)
    yield opened
    await opened.close()


@pytest.fixture
async def log(database: Database) -> Log:
    small = Log(database, recent=7)
    await small.feed.start()
    return small


async def test_resumes_at_every_position(log: Log) -> None:
    await log.write(*(alert(i) for i in range(20)))
    for position in range(20):
        live = asyncio.create_task(log.ids(position, 20 + position % 3 - position))
        await asyncio.sleep(0)
        if position % 3:
            await log.write(*(alert(i) for i in range(position % 3)))
        found = await live
        assert found == list(range(position + 1, position + 1 + len(found)))
    _, newest = await log.feed.resume(None)
    assert newest == 20 + sum(position % 3 for position in range(20))


async def test_two_followers_of_a_burst_one_of_them_slow(log: Log) -> None:
    seen: list[int] = []

    async def slow() -> None:
        async for one in log.feed.follow(0, EVERYTHING):
            seen.append(one.message_id)
            await asyncio.sleep(0)  # the others go first, each time
            if one.message_id == 600:
                return

    follower, quick = asyncio.create_task(slow()), asyncio.create_task(log.ids(0, 600))
    for number in range(40):
        await log.write(*(alert(15 * number + i) for i in range(15)))
    async with asyncio.timeout(20):
        await follower
    assert await quick == seen == list(range(1, 601))


async def test_only_what_is_committed_is_seen(log: Log) -> None:
    live = asyncio.create_task(log.ids(0, 2))

    def undone(connection: Connection) -> None:
        append_events(connection, [alert(0)])
        raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        await log.database.write(undone)
    await log.write(alert(1))
    await log.write(alert(2))
    first, second = await live
    assert first < second
    messages = [one.event.payload["message"] async for one in log.feed.follow(0, EVERYTHING, until=second)]
    assert messages == ["number 1", "number 2"]


async def test_a_feed_that_starts_on_old_events_replays_them_with_the_same_ids(log: Log, database: Database) -> None:
    await log.write(*(alert(i) for i in range(15)))
    before = [one async for one in log.feed.follow(0, EVERYTHING, until=15)]
    again = Log(database)
    await again.feed.start()
    assert [one async for one in again.feed.follow(0, EVERYTHING, until=15)] == before
    live = asyncio.create_task(again.ids(12, 4))
    await again.write(alert(15))
    assert await live == [13, 14, 15, 16]


async def test_filters(log: Log) -> None:
    other = "port_000000000002"
    created = Event(events.CREATED, {"portfolio_id": other, "timestamp": "2025-08-25T15:00:00Z"})
    await log.write(alert(0), created, alert(1), alert(2, other))
    assert await log.ids(0, 2, Wanted(portfolio_id=other)) == [2, 4]
    assert await log.ids(0, 1, Wanted(frozenset({events.CREATED}))) == [2]
    assert await log.ids(0, 1, Wanted(frozenset({events.RISK_ALERT}), other)) == [4]


async def test_what_is_no_longer_kept_is_said(database: Database) -> None:
    log = Log(database, recent=50, kept=100)
    await log.feed.start()
    late = log.feed.follow(0, EVERYTHING)
    await log.write(alert(0))
    assert (await anext(late)).message_id == 1
    for number in range(12):
        await log.write(*(alert(100 * number + i) for i in range(100)))
    oldest, newest = await SqlEventLog(database).bounds()
    assert 1 < oldest <= newest - 99
    with pytest.raises(StopAsyncIteration):  # it fell behind: no gap is passed over in silence
        await anext(late)
    with pytest.raises(Conflict, match=f"oldest event kept is {oldest}") as caught:
        await log.feed.resume(1)
    assert caught.value.code == "event_gap"
    with pytest.raises(Conflict, match="other books"):
        await log.feed.resume(newest + 1)
    for after, position in ((None, newest), (0, oldest - 1), (oldest - 1, oldest - 1), (newest, newest)):
        assert await log.feed.resume(after) == (position, newest)


async def test_what_is_not_published_is_not_removed(database: Database) -> None:
    log = Log(database, kept=10)
    await log.feed.start()
    await log.repository.append_events([alert(i) for i in range(1500)])
    await log.feed.run_once()
    assert await SqlEventLog(database).bounds() == (1, 1500)
    assert (await SqlEventLog(database).backlog())[0] == 1500


async def test_followers_are_bounded(database: Database) -> None:
    feed = EventFeed(SqlEventLog(database), max_followers=1)
    with feed.following():
        with pytest.raises(Unavailable, match="1 clients follow"), feed.following():
            pass
        assert (feed.followers, feed.refused) == (1, 1)
    assert feed.followers == 0


async def test_reads_on_while_the_database_was_away(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    job = asyncio.create_task(log.feed.run())
    live = asyncio.create_task(log.ids(0, 1))
    original = SqlEventLog.after
    failed = asyncio.Event()

    async def fails_once(self: SqlEventLog, message_id: int, limit: int) -> object:
        if failed.is_set():
            return await original(self, message_id, limit)
        failed.set()
        raise Unavailable("storage_unavailable", "the test took it away")

    monkeypatch.setattr(SqlEventLog, "after", fails_once)
    await log.repository.append_events([alert(0)])
    log.feed.wake()
    await failed.wait()
    log.feed.wake()
    assert await live == [1]
    job.cancel()

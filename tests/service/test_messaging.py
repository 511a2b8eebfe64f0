"""The in-process bus and the outbox relay: order, at least once, no slow subscriber in anybody's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portfolio_service.adapters.messaging.in_process import InProcessBus, SubscriberLagging
from portfolio_service.domain.events import TOPICS
from portfolio_service.domain.models import Event
from portfolio_service.jobs.outbox_relay import OutboxRelay
from tests.service.market_support import World, open_world


def _event(number: int, topic: str = TOPICS[0]) -> Event:
    return Event(topic, {"portfolio_id": "port_a", "timestamp": "2026-03-13T16:00:00Z", "number": number})


class FlakyBus(InProcessBus):
    """Fails when told, after having delivered as many events as it still may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_deliver: int | None = None

    async def publish(self, message_id: int, event: Event) -> None:
        if self.may_deliver is not None:
            if self.may_deliver == 0:
                raise ConnectionError("bus away")
            self.may_deliver -= 1
        await super().publish(message_id, event)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def test_a_subscriber_gets_its_topics_in_order_with_their_ids() -> None:
    bus = InProcessBus()
    both, one = bus.subscribe(), bus.subscribe([TOPICS[1]])
    for number in range(4):
        await bus.publish(number, _event(number, TOPICS[number % 2]))
    await bus.close()
    assert [(m.message_id, m.topic) async for m in both] == [(n, TOPICS[n % 2]) for n in range(4)]
    assert [m.payload["number"] async for m in one] == [1, 3]


async def test_a_subscriber_waits_for_the_next_message() -> None:
    bus = InProcessBus()
    subscription = bus.subscribe()
    waiting = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    assert not waiting.done()
    await bus.publish(1, _event(1))
    assert (await waiting).message_id == 1


async def test_all_six_topics_and_no_other() -> None:
    assert len(TOPICS) == 6
    with pytest.raises(ValueError, match=r"\[subscribe\] topics: expected some of portfolio.created.*got nonsense"):
        InProcessBus().subscribe(["nonsense"])


async def test_a_slow_subscriber_is_told_and_hinders_nobody() -> None:
    bus = InProcessBus()
    slow, quick = bus.subscribe(buffer=3), bus.subscribe()
    for number in range(10):
        await bus.publish(number, _event(number))
    assert [(await anext(slow)).message_id for _ in range(3)] == [0, 1, 2]
    for _ in range(2):
        with pytest.raises(SubscriberLagging, match="more than 3 messages behind"):
            await anext(slow)
    await bus.close()
    assert len([m async for m in quick]) == 10


async def test_closing_a_subscription_ends_it_and_the_bus_forgets_it() -> None:
    bus = InProcessBus()
    subscription = bus.subscribe()
    subscription.close()
    await bus.publish(1, _event(1))
    assert [m async for m in subscription] == []
    assert bus.connected()
    await bus.close()
    assert not bus.connected()


async def test_relay_publishes_what_was_committed_once_and_in_order(world: World) -> None:
    bus = InProcessBus()
    subscription = bus.subscribe()
    relay = OutboxRelay(repository=world.repository, bus=bus)
    await world.create("KO")
    await world.repository.append_events([_event(n) for n in range(450)])  # more than one batch
    assert await relay.run_once() == 451
    assert await relay.run_once() == 0
    await bus.close()
    messages = [m async for m in subscription]
    assert [m.message_id for m in messages] == sorted(m.message_id for m in messages)
    assert messages[0].topic == "portfolio.created"
    assert [m.payload["number"] for m in messages[1:]] == list(range(450))


async def test_a_failing_bus_loses_nothing_and_only_the_event_in_doubt_could_come_twice(world: World) -> None:
    bus = FlakyBus()
    subscription = bus.subscribe()
    relay = OutboxRelay(repository=world.repository, bus=bus)
    await world.repository.append_events([_event(n) for n in range(5)])
    bus.may_deliver = 2
    with pytest.raises(ConnectionError):
        await relay.run_once()
    assert len(await world.repository.pending_events(10)) == 3
    bus.may_deliver = None
    await relay.run_once()
    await bus.close()
    assert [m.payload["number"] async for m in subscription] == [0, 1, 2, 3, 4]


async def test_the_running_relay_wakes_on_a_commit_survives_failures_and_stops_cleanly(world: World) -> None:
    bus = FlakyBus()
    subscription = bus.subscribe()
    relay = OutboxRelay(repository=world.repository, bus=bus, poll_s=0.01)
    world.books.subscribe(relay.wake)
    bus.may_deliver = 0
    task = asyncio.create_task(relay.run())
    await world.create("KO")
    bus.may_deliver = None
    message = await asyncio.wait_for(anext(subscription), 10)
    assert message.topic == "portfolio.created"
    relay_sleeps_long = OutboxRelay(repository=world.repository, bus=bus, poll_s=1e6)
    world.books.subscribe(relay_sleeps_long.wake)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    task = asyncio.create_task(relay_sleeps_long.run())
    await world.create("KO")  # only the wake can bring it
    assert (await asyncio.wait_for(anext(subscription), 10)).topic == "portfolio.created"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

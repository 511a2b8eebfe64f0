"""The message bus within one process: the six topics, with asynchronous subscribers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from portfolio_service.domain.events import TOPICS
from portfolio_service.domain.models import Event

BUFFER = 1024


@dataclass(frozen=True)
class Message:
    """A published event; `message_id` is its outbox id, so that a second delivery can be told."""

    message_id: int
    topic: str
    payload: Mapping[str, Any]


class SubscriberLagging(Exception):
    """A subscriber fell further behind than its buffer; nothing is left out silently, so its subscription ended."""


class Subscription:
    """Messages of some topics, in order of publication: `async for message in subscription`."""

    def __init__(self, bus: InProcessBus, topics: frozenset[str], buffer: int) -> None:
        self.topics = topics
        self._bus = bus
        self._buffer = buffer
        self._queue: asyncio.Queue[Message | None] = asyncio.Queue()
        self._lagging = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        """The next message; ends when the bus or the subscription is closed. SubscriberLagging after an overflow."""
        message = await self._queue.get()
        if message is not None:
            return message
        self._queue.put_nowait(None)  # the end stays the end
        if self._lagging:
            raise SubscriberLagging(f"more than {self._buffer} messages behind; subscribe again")
        raise StopAsyncIteration

    def close(self) -> None:
        """No further messages."""
        self._bus.drop(self)
        self._queue.put_nowait(None)

    def offer(self, message: Message) -> None:
        """Hands a message over without waiting for the subscriber."""
        if self._queue.qsize() >= self._buffer:
            self._lagging = True
            self.close()
        else:
            self._queue.put_nowait(message)


class InProcessBus:
    """Publishing never waits: a slow subscriber loses its subscription, not the publisher its pace."""

    name = "in-process"

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._open = True

    def subscribe(self, topics: Iterable[str] | None = None, buffer: int = BUFFER) -> Subscription:
        """Messages published from now on; all six topics by default. ValueError for an unknown topic."""
        wanted = frozenset(TOPICS if topics is None else topics)
        if unknown := sorted(wanted - set(TOPICS)):
            raise ValueError(f"[subscribe] topics: expected some of {', '.join(TOPICS)}, got {', '.join(unknown)}")
        subscription = Subscription(self, wanted, buffer)
        self._subscriptions.append(subscription)
        return subscription

    async def publish(self, message_id: int, event: Event) -> None:
        message = Message(message_id, event.topic, event.payload)
        for subscription in list(self._subscriptions):
            if event.topic in subscription.topics:
                subscription.offer(message)

    def connected(self) -> bool:
        return self._open

    async def close(self) -> None:
        self._open = False
        for subscription in list(self._subscriptions):
            subscription.close()

    def drop(self, subscription: Subscription) -> None:
        """Publishes no longer to this subscription."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

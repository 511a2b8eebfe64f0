"""GET /events: what was committed, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

import anyio
import orjson
import structlog
from fastapi import APIRouter, Header, Query
from pydantic import WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from portfolio_service.api import examples
from portfolio_service.api.deps import EXAMPLE_ID, ID_PATTERN, Svc
from portfolio_service.api.problems import reading
from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.event_feed import EventFeed, Wanted
from portfolio_service.domain.events import TOPICS, Numbered

router = APIRouter(tags=["operations"])
log = structlog.get_logger(__name__)

HEARTBEAT_S = 15
RETRY_MS = 2000
END_WITHIN_S = 2.0
SEND_WITHIN_S = 30.0  # a client that takes nothing for so long is let go; it can resume
TOPIC = Literal[
    "portfolio.created",
    "portfolio.optimized",
    "portfolio.rebalanced",
    "portfolio.position.updated",
    "portfolio.performance.calculated",
    "portfolio.risk.alert",
]
EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9]+$", "description": "Number of the event: for Last-Event-ID"},
        "event": {"type": "string", "enum": list(TOPICS), "description": "Its topic"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "{topic, payload}, as on the message bus",
        },
    },
    "required": ["id", "event", "data"],
}
Topics = Annotated[list[TOPIC] | SkipJsonSchema[None], Query(description="Only these; may be repeated")]
# What is not sent is left out: no query and no header is ever null.
OfPortfolio = Annotated[
    str | None,
    WithJsonSchema({"type": "string", "pattern": ID_PATTERN, "examples": [EXAMPLE_ID]}),
    Query(pattern=ID_PATTERN, description="Only events of this portfolio"),
]
EVENT_ID = WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 2**53})
After = Annotated[int | None, EVENT_ID, Query(ge=0, le=2**53, description="As the header Last-Event-ID, which wins")]
Follow = Annotated[bool, Query(description="false: end after what is there, instead of waiting for more")]
LastEventId = Annotated[
    int | None,
    EVENT_ID,
    Header(alias="Last-Event-ID", ge=0, le=2**53, description="Events after this id; 0 is all that is kept"),
]


class EventStream(EventSourceResponse):
    """Counts itself as a follower, ends with the service, and lets go of a client that does not read."""

    def __init__(self, feed: EventFeed, content: AsyncIterator[dict[str, Any]]) -> None:
        self._stopping = anyio.Event()  # set when the server begins to stop
        self._feed = feed
        super().__init__(
            content,
            ping=HEARTBEAT_S,
            ping_message_factory=_heartbeat,
            send_timeout=SEND_WITHIN_S,
            sep="\n",
            shutdown_event=self._stopping,
            shutdown_grace_period=END_WITHIN_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._feed.following():
            watching = asyncio.create_task(self._close_at_the_end())
            try:
                await super().__call__(scope, receive, send)
            except SendTimeoutError:
                self._feed.dropped += 1
                log.warning("a client that did not read its events was let go", within_s=SEND_WITHIN_S)
            finally:
                watching.cancel()

    async def _close_at_the_end(self) -> None:
        await self._stopping.wait()
        self._feed.close()


@router.get(
    "/events",
    status_code=200,
    response_class=EventStream,
    responses={
        **reading(409, 422, 503, ok=None),
        200: {
            "content": {"text/event-stream": {"schema": EVENT, "example": examples.EVENT}},
            "description": "Server-sent events; each is described by the schema",
        },
    },
)
async def events(
    services: Svc,
    topic: Topics = None,
    portfolio_id: OfPortfolio = None,
    last_event_id: After = None,
    follow: Follow = True,
    header: LastEventId = None,
) -> EventStream:
    """What was committed, in order, each event once: those after Last-Event-ID first, then live."""
    position, newest = await services.feed.resume(header if header is not None else last_event_id)
    wanted = Wanted(frozenset(topic) if topic else None, portfolio_id)
    found = services.feed.follow(position, wanted, until=None if follow else newest)
    return EventStream(services.feed, _encoded(found))


async def _encoded(found: AsyncGenerator[Numbered]) -> AsyncIterator[dict[str, Any]]:
    yield {"comment": "events of the portfolio engine", "retry": RETRY_MS}
    try:
        async with aclosing(found):
            async for one in found:
                data = orjson.dumps(one.envelope()).decode()
                yield {"id": str(one.message_id), "event": one.event.topic, "data": data}
    except DomainError as error:  # the database is away: the client comes again with the last id it has
        log.warning("an event stream ended", reason=error.detail)


def _heartbeat() -> ServerSentEvent:
    return ServerSentEvent(comment="heartbeat", sep="\n")

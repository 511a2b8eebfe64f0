"""What one process takes on: bodies of bounded size that arrive in time, and a bounded number of requests at once.

Refusing is cheap and says when to come again; what was admitted is then done at its usual speed.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portfolio_service.api.errors import domain_response, error_response
from portfolio_service.domain.errors import Unavailable

MAX_BODY_BYTES = 2**20
BODY_WITHIN_S = 10.0
MAX_URL_BYTES = 8192
MAX_REQUESTS = 500
MAX_CHANGES = 256
MAX_CHANGES_EACH = 100
RETRY_AFTER_S = 1
READS = ("GET", "HEAD", "OPTIONS")
# Always answered, for whoever watches the service; and streams, which have a limit of their own.
_ALWAYS = re.compile(r"/(health|metrics)(/.*)?|/events")
_OF_PORTFOLIO = re.compile(r"/portfolios/(port_[0-9a-f]{12})(/.*)?")
_COMPUTES = re.compile(r"/(efficient-frontier|simulate)|/portfolios/[^/]+/(optimize|stress-test)")


@dataclass(frozen=True)
class Lane:
    """Requests that share a limit; `key` is None for those outside it."""

    name: str
    most: int
    key: Callable[[str, str], str | None]  # of method and path


def lanes(computations: int) -> tuple[Lane, ...]:
    """The limits of a service that has room for `computations`, running or waiting."""

    def of_portfolio(method: str, path: str) -> str | None:
        found = None if method in READS else _OF_PORTFOLIO.fullmatch(path)
        return found[1] if found else None

    return (
        Lane("computations", computations, lambda _, path: "all" if _COMPUTES.fullmatch(path) else None),
        Lane("changes of this portfolio", MAX_CHANGES_EACH, of_portfolio),
        Lane("changes", MAX_CHANGES, lambda method, _: None if method in READS else "all"),
        Lane("requests", MAX_REQUESTS, lambda _method, _path: "all"),
    )


class Load:
    """Requests under way and refused, counted by lane."""

    def __init__(self, computations: int) -> None:
        self.lanes = lanes(computations)
        self.in_flight: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[str] = Counter({lane.name: 0 for lane in self.lanes})

    @contextmanager
    def room_for(self, method: str, path: str) -> Iterator[None]:
        """Counts a request meanwhile; Unavailable("overloaded") when a lane of it is full."""
        wanted = [(lane, key) for lane in self.lanes if (key := lane.key(method, path)) is not None]
        for lane, key in wanted:
            if self.in_flight[lane.name, key] >= lane.most:
                self.refused[lane.name] += 1
                detail = f"{lane.most} {lane.name} are under way already; try again in {RETRY_AFTER_S} s"
                raise Unavailable("overloaded", detail, RETRY_AFTER_S)
        places = [(lane.name, key) for lane, key in wanted]
        self.in_flight.update(places)
        try:
            yield
        finally:
            self.in_flight.subtract(places)
            for place in places:
                if not self.in_flight[place]:
                    del self.in_flight[place]


class Overload:
    """503 with Retry-After for a request beyond the limits."""

    def __init__(self, app: ASGIApp, load: Load) -> None:
        self.app = app
        self.load = load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _ALWAYS.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return
        try:
            with self.load.room_for(scope["method"], scope["path"]):
                await self.app(scope, receive, send)
        except Unavailable as error:  # only from room_for: the application answers its own
            await domain_response(error)(scope, receive, send)


class BodyLimit:
    """Reads the body: 413 over 1 MB, by its announced length or as it arrives; 408 when it does not arrive in time."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES, within_s: float = BODY_WITHIN_S) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.within_s = within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if (size := len(scope.get("raw_path") or b"") + len(scope["query_string"])) > MAX_URL_BYTES:
            detail = f"URL: expected at most {MAX_URL_BYTES} bytes, got {size}"
            await _closing(414, "url_too_long", detail)(scope, receive, send)
            return
        if scope["method"] in READS:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if headers.get("content-encoding", "identity").lower() != "identity":
            detail = "Content-Encoding: expected none, compressed bodies are not accepted"
            await error_response(415, "unsupported_media_type", detail)(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.within_s):
                chunks = await self._read(headers.get("content-length", "0"), receive)
        except TimeoutError:
            detail = f"body: expected all of it within {self.within_s:g} s"
            await _closing(408, "request_timeout", detail)(scope, receive, send)
            return
        except OverflowError:
            detail = f"body: expected at most {self.max_bytes} bytes, got more"
            await _closing(413, "body_too_large", detail)(scope, receive, send)
            return
        if chunks[-1]["type"] == "http.disconnect":
            return  # half a request, and nobody there to answer
        replay = iter(chunks)

        async def receive_again() -> Message:
            return next(replay, None) or await receive()

        await self.app(scope, receive_again, send)

    async def _read(self, announced: str, receive: Receive) -> list[Message]:
        """The messages of the whole body; OverflowError as soon as it is known to be too large."""
        size, chunks = 0, []
        if len(announced) > 15 or (announced.isdecimal() and int(announced) > self.max_bytes):
            raise OverflowError
        while True:
            message = await receive()
            chunks.append(message)
            size += len(message.get("body", b""))
            if size > self.max_bytes:
                raise OverflowError
            if message["type"] != "http.request" or not message.get("more_body", False):
                return chunks


class Head:
    """HEAD as GET without its body (RFC 9110, section 9.3.2); an endless answer ends after its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        ended = False

        async def send_head(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not ended:
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        async def receive_until_ended() -> Message:
            return {"type": "http.disconnect"} if ended else await receive()

        inner = {**scope, "method": "GET"}
        await self.app(inner, receive_until_ended, send_head)
        scope["route"] = inner.get("route")  # for those who count and log


def _closing(status: int, code: str, detail: str) -> ASGIApp:
    """An error that ends the connection, because the rest of the request is not read."""
    return error_response(status, code, detail, headers={"Connection": "close"})

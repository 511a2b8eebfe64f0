"""What one process takes on: a bounded number of requests, changes and computations at once.

Refusing is cheap and says when to come again; what was admitted is then done at its usual speed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from portfolio_service.api.errors import domain_response
from portfolio_service.domain.errors import Unavailable

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

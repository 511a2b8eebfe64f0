"""Times every request by route, method and class of status; plain ASGI, outermost."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portfolio_service.domain.durations import Durations

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BROKEN = "aborted"  # the client went away before there was an answer


@dataclass
class RequestCounts:
    """Since the start. A route is its pattern, never a path: what a client sends makes no new series."""

    durations: dict[tuple[str, str, str], Durations] = field(default_factory=lambda: defaultdict(Durations))
    in_flight: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)  # by the limit that was reached


class RequestMeter:
    """Takes the time to the last byte of an answer, of an event stream to its first."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not hasattr(scope["app"].state, "services"):  # not started
            await self.app(scope, receive, send)
            return
        counts: RequestCounts = scope["app"].state.services.requests
        began, status, took = time.perf_counter(), 0, None

        async def noted(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status = message["status"]
                if (b"content-type", b"text/event-stream; charset=utf-8") in message["headers"]:
                    took = time.perf_counter() - began
                    counts.in_flight -= 1  # answered; a follower of events is counted as such
            await send(message)

        counts.in_flight += 1
        try:
            await self.app(scope, receive, noted)
        finally:
            counts.in_flight -= took is None
            method = scope["method"] if scope["method"] in METHODS else "other"
            key = (_route(scope), method, f"{status // 100}xx" if status else BROKEN)
            counts.durations[key].add(time.perf_counter() - began if took is None else took)


def _route(scope: Scope) -> str:
    """The pattern that matched, as in the OpenAPI document."""
    path = getattr(scope.get("route"), "path_format", None)
    if path is not None:
        return str(path)
    return "/static" if scope["path"].startswith("/static/") else "unmatched"

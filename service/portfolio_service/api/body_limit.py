"""Requests of bounded size that arrive in time."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portfolio_service.api.errors import error_response

MAX_BODY_BYTES = 2**20
BODY_WITHIN_S = 10.0
MAX_URL_BYTES = 8192
WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")


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
        if scope["method"] in WITHOUT_BODY:
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


def _closing(status: int, code: str, detail: str) -> ASGIApp:
    """An error that ends the connection, because the rest of the request is not read."""
    return error_response(status, code, detail, headers={"Connection": "close"})

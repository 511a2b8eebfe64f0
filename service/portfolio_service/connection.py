"""One HTTP/1.1 connection: uvicorn's, with a time limit for heads, a bound on connections, and no end by reset."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

import h11
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from portfolio_service.api.middleware import SECURITY_HEADERS

HEAD_WITHIN_S = 10.0
MAX_HEAD_BYTES = 32 * 1024
MAX_CONNECTIONS = 4096
LINGER_S = 1.0


class GentleTransport:
    """Closes by saying so first and reading on for a moment: closing on unread bytes would reset the peer, which then
    may never see the answer that was sent before."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self.leaving = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():  # else asyncio warns of each write until it has told us
            self._transport.write(data)

    def is_closing(self) -> bool:
        return self.leaving or self._transport.is_closing()

    def close(self) -> None:
        if self.leaving or self._transport.is_closing():
            self._transport.close()
            return
        self.leaving = True
        with suppress(OSError):  # the peer was faster
            self._transport.write_eof()
        self._transport.resume_reading()
        self._loop.call_later(LINGER_S, self._transport.close)


class Connection(H11Protocol):
    """Used by server.py; `connections` holds all that are open."""

    gentle: GentleTransport
    _late: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        self.gentle = GentleTransport(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self.gentle))
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(503, "overloaded", f"{MAX_CONNECTIONS} connections are open already; try again in a second")
        self._watch()

    @override
    def data_received(self, data: bytes) -> None:
        if not self.gentle.leaving:
            super().data_received(data)
            self._watch()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    @override
    def send_400_response(self, msg: str) -> None:
        """Our shape for what is no HTTP request; `sys.exception()` is what the parser found."""
        status = getattr(sys.exception(), "error_status_hint", 400)
        if status == 431:
            self._refuse(431, "head_too_large", f"head: expected at most {MAX_HEAD_BYTES} bytes of headers, got more")
        else:
            self._refuse(status, "http_error", f"expected an HTTP/1.1 request: {sys.exception()}")

    def _watch(self) -> None:
        """A head that has not arrived in time ends the connection; while a request is handled there is no limit."""
        between = self.cycle is None or self.cycle.response_complete
        if between and self._late is None and not self.gentle.leaving:
            self._late = self.loop.call_later(HEAD_WITHIN_S, self._head_is_late)
        elif not between and self._late is not None:
            self._late.cancel()
            self._late = None

    def _head_is_late(self) -> None:
        self._late = None
        if self.cycle is not None and not self.cycle.response_complete:
            return
        if self.conn.trailing_data[0]:
            self._refuse(408, "request_timeout", f"head: expected all of it within {HEAD_WITHIN_S:g} s")
        else:
            self.transport.close()

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Answer outside the application, then close."""
        if self.gentle.leaving or self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # what it still sends goes nowhere
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        body = {"detail": detail, "code": code, "errors": [], "request_id": f"req_{uuid.uuid4().hex[:12]}"}
        content = json.dumps(body).encode()
        headers = {
            **SECURITY_HEADERS,
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "Connection": "close",
            "X-Request-ID": body["request_id"],
        }
        if status == 503:
            headers["Retry-After"] = "1"
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{k}: {v}" for k, v in headers.items())]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        self.transport.close()

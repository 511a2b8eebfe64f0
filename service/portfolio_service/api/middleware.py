"""What happens to every request before a handler sees it; plain ASGI, outermost first in app.py."""

from __future__ import annotations

import base64
import hmac
import re
import time
import uuid
from collections import Counter

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portfolio_service.api.errors import error_response
from portfolio_service.config import is_loopback
from portfolio_service.domain.spans import collecting

SLOW_S = 1.0
MAX_WATCHED = 1000  # clients that send wrong keys
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CSP = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; script-src 'self'; "
    "connect-src 'self'; font-src 'self' data:; worker-src blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_OPEN_PATHS = frozenset({"/health", "/health/live", "/health/ready"})
log = structlog.get_logger("portfolio_service.http")


class RequestContext:
    """Request id, security headers, one log line a request, and 500 in the documented shape."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent = Headers(scope=scope).get("x-request-id", "")
        request_id = sent if _REQUEST_ID.fullmatch(sent) else f"req_{uuid.uuid4().hex[:12]}"
        scope["request_id"] = request_id
        status, started, stream = 0, time.perf_counter(), False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, stream
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                stream = headers.get("content-type", "").startswith("text/event-stream")
                headers["X-Request-ID"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                if _is_stopping(scope):  # a client that keeps its connection learns of the end by an answer
                    headers["Connection"] = "close"
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id), collecting() as spent:
            try:
                await self.app(scope, receive, send_with_headers)
            except Exception:
                log.exception("request failed", method=scope["method"], path=scope["path"])
                if status:  # the answer had begun: all that is left is to break the connection
                    raise
                detail = "an error inside the service; the log has it under this request id"
                await error_response(500, "internal_error", detail)(scope, receive, send_with_headers)
            finally:
                seconds = time.perf_counter() - started
                about = {"method": scope["method"], "path": scope["path"], "status": status}
                about["ms"] = round(seconds * 1e3, 2)
                if seconds < SLOW_S or stream:
                    log.info("request", **about)
                else:
                    parts = {f"{name}_ms": round(spent.get(name, 0.0) * 1e3, 2) for name in ("queue", "database")}
                    log.warning("slow request", route=route_of(scope), **about, **parts)


def route_of(scope: Scope) -> str:
    """The pattern of the path, as in the OpenAPI document."""
    return str(getattr(scope.get("route"), "path_format", scope["path"]))


def _is_stopping(scope: Scope) -> bool:
    stopping = getattr(scope["app"].state, "stopping", None)
    return stopping is not None and stopping.is_set()


class HostCheck:
    """Refuses a Host that is not ours: a page on another site cannot rebind its name to this machine."""

    def __init__(self, app: ASGIApp, allowed_hosts: tuple[str, ...]) -> None:
        self.app = app
        self.allowed = frozenset(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "*" not in self.allowed:
            host = Headers(scope=scope).get("host", "").lower()
            name = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
            if name not in self.allowed:
                detail = f"Host: expected one of ALLOWED_HOSTS, got {name[:100]!r}"
                await error_response(400, "host_not_allowed", detail)(scope, receive, send)
                return
        await self.app(scope, receive, send)


class Authenticate:
    """The API key when there is one; without one, only a loopback socket is served unless said otherwise."""

    def __init__(self, app: ASGIApp, api_key: str | None, allow_unauthenticated: bool) -> None:
        self.app = app
        self.key = api_key.encode() if api_key else None
        self.anyone = allow_unauthenticated
        self.wrong: Counter[str] = Counter()  # keys sent, by client; those who never got in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _OPEN_PATHS and not self._may_pass(scope):
            detail = "expected the API key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"
            if self.key is None:
                detail = "listening beyond loopback needs API_KEY, or ALLOW_UNAUTHENTICATED=1"
            self._note(scope)
            headers = {"WWW-Authenticate": 'Basic realm="Portfolio Engine", charset="UTF-8", Bearer'}
            await error_response(401, "unauthorized", detail, headers=headers)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        if self.key is None:
            host = (scope.get("server") or ("localhost", None))[0]
            return self.anyone or not re.fullmatch(r"[0-9a-fA-F.:]+", host) or is_loopback(host)
        return hmac.compare_digest(_sent_key(Headers(scope=scope)), self.key)

    def _note(self, scope: Scope) -> None:
        """Somebody tries keys: a warning at the first wrong one, the tenth, the hundredth; the log stays small."""
        client = (scope.get("client") or ("unknown", 0))[0]
        if not _sent_key(Headers(scope=scope)) or (client not in self.wrong and len(self.wrong) >= MAX_WATCHED):
            return
        self.wrong[client] += 1
        if str(self.wrong[client]).rstrip("0") == "1":
            log.warning("wrong API key", client=client, times=self.wrong[client], path=scope["path"])


def _sent_key(headers: Headers) -> bytes:
    """The key of a request: Bearer, X-API-Key, or the password of Basic, which is how a browser can send one."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip().encode()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except ValueError:
            return b""
    return headers.get("x-api-key", "").encode()

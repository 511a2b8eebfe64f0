"""Request bodies read strictly: one JSON value, no duplicate keys, no NaN, no lone surrogates, no endless nesting."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from portfolio_service.api.errors import ApiError, domain_response
from portfolio_service.api.idempotency import get_once, handle_once

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_MAX_DEPTH = 64


class StrictRequest(Request):
    """`json()` raises ApiError 400 invalid_json with the reason."""

    async def json(self) -> Any:
        raw = await self.body()
        try:
            value = json.loads(
                raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
            )
            if raw.count(b"[") + raw.count(b"{") > _MAX_DEPTH:  # else it cannot be too deep
                _check_depth(value)
            if _SURROGATE.search(raw):
                json.dumps(value, ensure_ascii=False).encode("utf-8")
        except RecursionError:
            raise ApiError(400, "invalid_json", f"body: nested deeper than {_MAX_DEPTH} levels") from None
        except UnicodeError:
            raise ApiError(400, "invalid_json", "body: expected UTF-8 text without lone surrogates") from None
        except ValueError as error:
            reason = "an integer of thousands of digits" if "integer string" in str(error) else str(error)[:200]
            raise ApiError(400, "invalid_json", f"body: expected JSON: {reason}") from None
        return value


class StrictRoute(APIRoute):
    """A route whose JSON body is read by StrictRequest and must be announced as JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_body = self.body_field is not None
        repeatable = any(dependency.call is get_once for dependency in self.dependant.dependencies)

        async def strict(request: Request) -> Response:
            value = None
            if takes_body:
                request = StrictRequest(request.scope, request.receive)
                try:
                    await _check_media_type(request)
                    request._json = value = await request.json()
                except ApiError as error:
                    return domain_response(error)
            return await handle_once(request, handle, value) if repeatable else await handle(request)

        return strict


async def _check_media_type(request: Request) -> None:
    body = await request.body()
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and not (sent == "application/json" or (sent.startswith("application/") and sent.endswith("+json"))):
        raise ApiError(415, "unsupported_media_type", f"Content-Type: expected application/json, got {sent[:80]!r}")
    if not body:
        raise ApiError(400, "invalid_json", "body: expected a JSON object, got nothing")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice[:60]!r} comes twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:60]} is beyond the range of numbers")
    return value


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise RecursionError
        level = [
            item
            for node in level
            if isinstance(node, (dict, list))
            for item in (node.values() if isinstance(node, dict) else node)
        ]

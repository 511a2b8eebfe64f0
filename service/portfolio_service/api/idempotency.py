"""Idempotency-Key: a request that changes state is done once, and its answer given again for 24 hours.

The answer is made from the domain's result before the commit and stored in the same transaction (models.Receipt), so
that whoever asks again, also after a crash, gets the first answer byte for byte. Errors and dry runs store nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import WithJsonSchema

from portfolio_service.api.deps import Services, Svc, Who
from portfolio_service.api.errors import domain_response
from portfolio_service.api.etags import etag
from portfolio_service.api.schemas.common import ResponseModel
from portfolio_service.domain.errors import Unacceptable
from portfolio_service.domain.models import Actor, Portfolio, Receipt

R = TypeVar("R")
Handle = Callable[[Request], Coroutine[Any, Any, Response]]
KEY_PATTERN = "^[!-~]{1,255}$"
NAME = "Idempotency-Key"


@dataclass(frozen=True)
class Ticket:
    """What a request with a key is known by."""

    scope: str
    fingerprint: str


class OnceOnly:
    """Runs one change and makes its answer; the dependency `Once` of every POST that changes state."""

    def __init__(self, services: Services, actor: Actor, ticket: Ticket | None) -> None:
        self._services = services
        self._actor = actor
        self._ticket = ticket

    async def __call__(
        self,
        change: Callable[[Actor], Awaitable[R]],
        answer: Callable[[R], ResponseModel],
        *,
        status: int = 200,
        about: Callable[[R], Portfolio] | None = None,
    ) -> Response:
        """`change(actor)` gives the result, `answer` the body made of it. The actor goes into the Change, which the
        answer is stored with; `about` names the portfolio of a result that came without a Change (a dry run)."""
        written: Response | None = None

        def write_down(after: Portfolio | None, result: R) -> Receipt | None:
            nonlocal written
            written = _response(answer(result), status, after)
            return self._receipt(written)

        result = await change(replace(self._actor, answer=write_down))
        return written or _response(answer(result), status, about(result) if about else None)

    def _receipt(self, response: Response) -> Receipt | None:
        if self._ticket is None:
            return None
        repeated = {name: response.headers[name] for name in ("etag", "location") if name in response.headers}
        return Receipt(
            scope=self._ticket.scope,
            fingerprint=self._ticket.fingerprint,
            status=response.status_code,
            headers=repeated,
            body=bytes(response.body),
            recorded_at=self._services.clock.now(),
        )


async def get_once(
    request: Request,
    services: Svc,
    who: Who,
    _key: Annotated[
        str | None,
        WithJsonSchema({"type": "string", "pattern": KEY_PATTERN}),  # a header is never null
        Header(
            alias=NAME,
            pattern=KEY_PATTERN,
            description="Makes the request safe to repeat: for 24 hours the same key gets the first answer again",
        ),
    ] = None,
) -> OnceOnly:
    return OnceOnly(services, who, getattr(request.state, "ticket", None))


Once = Annotated[OnceOnly, Depends(get_once)]


async def handle_once(request: Request, handle: Handle, body: Any) -> Response:
    """Give the first answer again, or handle the request while its twins wait. `body` is the parsed JSON."""
    key = request.headers.get(NAME)
    if key is None or not re.fullmatch(KEY_PATTERN, key):  # a malformed one is refused with the other parameters
        return await handle(request)
    services: Services = request.app.state.services
    query = sorted(request.query_params.multi_items())
    ticket = Ticket(_hash([request.method, request.url.path, key]), _hash([query, body]))
    async with services.turns.of(ticket.scope):
        first = await services.receipts.find(ticket.scope, services.clock.now())
        if first is None:
            request.state.ticket = ticket
            return await handle(request)
    if first.fingerprint != ticket.fingerprint:
        detail = f"{NAME}: this key came with another body before; send a new key with a new request"
        return domain_response(Unacceptable("idempotency_key_reused", detail))
    return _replayed(first)


def _response(body: ResponseModel, status: int, portfolio: Portfolio | None) -> Response:
    headers = {}
    if portfolio is not None:
        headers["ETag"] = etag(portfolio)
        if status == 201:
            headers["Location"] = f"/portfolios/{portfolio.portfolio_id}"
    return Response(body.to_json(), status, headers, "application/json")


def _replayed(first: Receipt) -> Response:
    headers = {**first.headers, "Idempotency-Replayed": "true"}
    return Response(first.body, first.status, headers, "application/json")


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

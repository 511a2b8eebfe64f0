"""OpenAPI declarations of the errors: which statuses an operation can answer with, and an example of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from portfolio_service.api.schemas.common import ErrorBody

Responses = dict[int | str, dict[str, Any]]
TAGS = [
    {"name": "portfolios", "description": "Create, list, read, restate and archive portfolios."},
    {"name": "optimization", "description": "Find weights; the answer explains itself."},
    {"name": "rebalancing", "description": "Trade to weights."},
    {"name": "cash", "description": "Deposits, withdrawals, and what came in and went out."},
    {"name": "analytics", "description": "Performance, efficient frontier, simulation."},
    {"name": "risk", "description": "Risk by position, stress tests, limits and their alerts."},
    {"name": "operations", "description": "Health and metrics."},
    {"name": "pages", "description": "For people."},
]


def _declared(description: str, code: str, detail: str, errors: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    example = {"detail": detail, "code": code, "errors": list(errors), "request_id": "req_5f0c1a2b3c4d"}
    return {"model": ErrorBody, "description": description, "content": {"application/json": {"example": example}}}


_WEIGHT = "expected a fraction from 0 to 1, got 30: did you mean 0.30?"
_DECLARED: Mapping[int, dict[str, Any]] = {
    400: _declared("Unreadable request", "host_not_allowed", "Host: expected one of ALLOWED_HOSTS, got 'evil.example'"),
    401: _declared("API key missing or wrong", "unauthorized", "expected the API key as 'Authorization: Bearer KEY'"),
    404: _declared("No such portfolio", "portfolio_not_found", "no portfolio 'port_000000000000'"),
    409: _declared(
        "The state does not allow it", "no_target", "no target weights: send target_weights or optimize first"
    ),
    408: _declared("Body too slow", "request_timeout", "body: expected all of it within 10 s"),
    412: _declared("Not the version asked for", "stale_version", 'the books are at version 4, If-Match asks for "3"'),
    413: _declared("Body over 1 MB", "body_too_large", "body: expected at most 1048576 bytes, got more"),
    415: _declared("Not JSON", "unsupported_media_type", "Content-Type: expected application/json, got 'text/plain'"),
    422: _declared(
        "Understood but wrong",
        "validation_error",
        f"constraints.max_position_weight: {_WEIGHT}",
        [{"field": "constraints.max_position_weight", "message": _WEIGHT}],
    ),
    500: _declared("An error inside the service", "internal_error", "the log has it under this request id"),
    503: _declared("Overload, or market data or storage away", "overloaded", "the queue is full; try again in 5 s"),
    504: _declared("Over OPTIMIZATION_TIMEOUT", "optimization_timeout", "no answer within 300 s; nothing was stored"),
}


def reading(*more: int, ok: Any, status: int = 200) -> Responses:
    """Declarations for an operation without a body: an example of its answer, and its errors."""
    found: Responses = {number: _DECLARED[number] for number in sorted({400, 401, 500, *more})}
    return {status: {"content": {"application/json": {"example": ok}}}, **found}


def writing(*more: int, ok: Any, status: int = 200) -> Responses:
    """Declarations for an operation with a JSON body."""
    return reading(408, 413, 415, 422, 503, *more, ok=ok, status=status)


def openapi(app: FastAPI) -> dict[str, Any]:
    """The document, without FastAPI's own 422 where an operation has nothing that could be wrong."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS
        )
        for path in document["paths"].values():
            for operation in path.values():
                if "HTTPValidationError" in str(operation["responses"].get("422")):
                    del operation["responses"]["422"]
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema

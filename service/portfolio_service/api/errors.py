"""Every error of the API has one shape: {"detail", "code", "errors", "request_id"}; the codes are in docs/api.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from portfolio_service.api.suggest import explain
from portfolio_service.domain import errors as domain

_STATUS: Mapping[type[domain.DomainError], int] = {
    domain.NotFound: 404,
    domain.Conflict: 409,
    domain.PreconditionFailed: 412,
    domain.Unacceptable: 422,
    domain.Unavailable: 503,
    domain.TimedOut: 504,
}


class ApiError(domain.DomainError):
    """An error of HTTP itself (unreadable body, wrong media type, wrong key); the domain knows nothing of it."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, detail)
        self.status = status
        self.headers = dict(headers or {})


def error_response(
    status: int,
    code: str,
    detail: str,
    errors: Sequence[domain.FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The documented error body."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    fields = [{"field": error.field, "message": error.message} for error in errors]
    body = {"detail": detail, "code": code, "errors": fields, "request_id": request_id}
    return JSONResponse(body, status, headers=dict(headers or {}))


def domain_response(error: domain.DomainError) -> JSONResponse:
    """The answer to a domain or HTTP error."""
    if isinstance(error, ApiError):
        return error_response(error.status, error.code, error.detail, headers=error.headers)
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 422)
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, domain.Unavailable) else None
    return error_response(status, error.code, error.detail, error.errors, headers)


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """The error table: one handler a family. `routes` are all the routes, to name the methods of a path."""

    async def on_domain(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, domain.DomainError)
        return domain_response(error)

    async def on_validation(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        code, fields = explain(error.errors(), request.scope.get("endpoint"))
        more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
        return error_response(422, code, f"{fields[0].field}: {fields[0].message}{more}", fields)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            return _other_method(routes, request)
        if error.status_code == 404:
            detail = f"{request.url.path}: no such path; the paths are listed at /docs"
            return error_response(404, "not_found", detail)
        return error_response(error.status_code, "http_error", str(error.detail), headers=error.headers)

    app.add_exception_handler(domain.DomainError, on_domain)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)


def _other_method(routes: Sequence[BaseRoute], request: Request) -> Response:
    """All the methods of the path in one Allow header (the router would name those of one route): 204 to OPTIONS, which
    asks for them, else 405."""
    allowed: set[str] = set()
    for route in routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            allowed |= getattr(route, "methods", None) or set()
    allowed |= {"OPTIONS", *(["HEAD"] if "GET" in allowed else [])}
    names = ", ".join(sorted(allowed))
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": names})
    detail = f"{request.method} {request.url.path}: expected {names}"
    return error_response(405, "method_not_allowed", detail, headers={"Allow": names})

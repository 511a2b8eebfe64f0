"""The OpenAPI document: every operation, an example for each, every error declared; and each one can succeed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema_rs import validator_for

from portfolio_service.app import create_app
from portfolio_service.config import load_settings
from tests.service.conftest import create_tech

DOCUMENT = create_app(load_settings(log_level="error")).openapi()
OPERATIONS = [(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item]
# One request for each operation that must succeed; {id} is a portfolio of five symbols.
SEEDS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/portfolios"): {"json": {"portfolio_name": "Seed"}},
    ("GET", "/portfolios"): {},
    ("POST", "/portfolios/with-symbols"): {"json": {"portfolio_name": "Seed", "symbols": ["AAPL"]}},
    ("GET", "/portfolios/{portfolio_id}"): {},
    ("PATCH", "/portfolios/{portfolio_id}"): {"json": {"rebalance_frequency": "weekly"}},
    ("DELETE", "/portfolios/{portfolio_id}"): {},
    ("GET", "/portfolios/{portfolio_id}/schedule"): {"params": {"limit": 1}},
    ("POST", "/portfolios/{portfolio_id}/positions"): {"json": {"positions": {"AAPL": {"quantity": 2}}}},
    ("GET", "/portfolios/{portfolio_id}/trades"): {"params": {"limit": 1}},
    ("POST", "/portfolios/{portfolio_id}/optimize"): {"json": {}},
    ("GET", "/portfolios/{portfolio_id}/optimization-history"): {},
    ("POST", "/portfolios/{portfolio_id}/rebalance"): {"json": {"target_weights": {"AAPL": 0.1}}},
    ("GET", "/portfolios/{portfolio_id}/performance"): {"params": {"period_days": 5}},
    ("POST", "/portfolios/{portfolio_id}/deposit"): {"json": {"amount": 100}},
    ("POST", "/portfolios/{portfolio_id}/withdraw"): {"json": {"amount": 100}},
    ("GET", "/portfolios/{portfolio_id}/cash-flows"): {"params": {"limit": 1}},
    ("GET", "/portfolios/{portfolio_id}/risk"): {"params": {"method": "gaussian"}},
    ("POST", "/portfolios/{portfolio_id}/stress-test"): {"json": {}},
    ("GET", "/portfolios/{portfolio_id}/limits"): {},
    ("PUT", "/portfolios/{portfolio_id}/limits"): {"json": {"max_position_weight": {"breach": 0.5}}},
    ("GET", "/portfolios/{portfolio_id}/alerts"): {"params": {"status": "all"}},
    ("GET", "/alerts"): {"params": {"severity": "breach"}},
    ("POST", "/alerts/{alert_id}/acknowledge"): {"json": {"note": "seen"}},
    ("POST", "/efficient-frontier"): {"json": {"symbols": ["AAPL", "MSFT"], "points": 3}},
    ("POST", "/simulate"): {"json": {"weights": {"AAPL": 1}, "horizon_days": 2, "scenarios": 100}},
    ("GET", "/health"): {},
    ("GET", "/health/live"): {},
    ("GET", "/health/ready"): {},
    ("GET", "/metrics"): {},
    ("GET", "/metrics/prometheus"): {},
    ("GET", "/events"): {"params": {"follow": "false", "last_event_id": 0}},
    ("GET", "/"): {},
}


def test_every_operation_is_seeded() -> None:
    assert set(OPERATIONS) == set(SEEDS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_reaches_2xx_with_the_declared_answer(
    client: httpx.AsyncClient, app: FastAPI, method: str, path: str
) -> None:
    portfolio_id = await create_tech(client)
    response = await client.request(method, await _filled(path, portfolio_id, app), **SEEDS[method, path])
    assert response.status_code in (200, 201), response.text
    declared = DOCUMENT["paths"][path][method.lower()]["responses"]
    content = declared[str(response.status_code)]["content"]
    kind = response.headers["content-type"].partition(";")[0]
    assert kind in content
    if kind == "application/json":
        schema = {**content[kind]["schema"], "components": DOCUMENT["components"]}
        validator_for(schema).validate(response.json())


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_has_examples_that_fit_their_schemas(method: str, path: str) -> None:
    operation = DOCUMENT["paths"][path][method.lower()]
    answers = [
        body
        for status, answer in operation["responses"].items()
        if status[0] == "2"
        for body in answer["content"].values()
    ]
    assert any("example" in body for body in answers)
    bodies = [body for answer in operation["responses"].values() for body in answer["content"].values()]
    for body in bodies:
        if "example" in body and "schema" in body:
            schema = {**body["schema"], "components": DOCUMENT["components"]}
            validator_for(schema).validate(body["example"])
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert schema["examples"]
        for example in schema["examples"]:
            validator_for({**schema, "components": DOCUMENT["components"]}).validate(example)
    assert operation["description"]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_declares_its_errors(method: str, path: str) -> None:
    declared = set(DOCUMENT["paths"][path][method.lower()]["responses"])
    assert declared >= {"400", "401", "500"}
    if method == "POST":
        assert declared >= {"413", "415", "422", "503"}
    if "{portfolio_id}" in path:
        assert "404" in declared


async def _filled(path: str, portfolio_id: str, app: FastAPI) -> str:
    """The path of that portfolio, or of an alert that stands."""
    if "{alert_id}" not in path:
        return path.format(portfolio_id=portfolio_id)
    risk = app.state.services.risk
    await risk.watch.run_once()
    return path.format(alert_id=risk.alerts.standing()[0].alert_id)


async def test_the_examples_of_requests_work(client: httpx.AsyncClient, app: FastAPI) -> None:
    for method, path in OPERATIONS:
        body = DOCUMENT["paths"][path][method.lower()].get("requestBody")
        if body is None:
            continue
        portfolio_id = await create_tech(client, symbols=["AAPL", "GOOGL", "MSFT", "TSLA", "AMZN"])
        for example in body["content"]["application/json"]["schema"]["examples"]:
            response = await client.request(method, await _filled(path, portfolio_id, app), json=example)
            assert response.status_code in (200, 201), (path, response.text)


def test_there_is_no_undocumented_route(app: FastAPI) -> None:
    assert DOCUMENT["info"]["version"]
    assert not [name for name in DOCUMENT["components"]["schemas"] if "HTTPValidationError" in name]

"""/health: honest about every part, 503 only when the books cannot be written."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from portfolio_service.config import Settings
from portfolio_service.domain.errors import Unavailable
from tests.service.conftest import create_tech

CONTRACT = {
    "status",
    "optimizations_completed",
    "rebalances_executed",
    "portfolios_managed",
    "active_portfolios",
    "total_portfolio_value",
    "uptime_seconds",
    "messagebus_connected",
}


async def test_healthy(client: httpx.AsyncClient) -> None:
    await create_tech(client)
    response = await client.get("/health")
    found = response.json()
    assert response.status_code == 200
    assert set(found) >= CONTRACT
    assert found["status"] == "healthy"
    assert (found["portfolios_managed"], found["active_portfolios"]) == (1, 1)
    assert found["total_portfolio_value"] == 250000
    assert (found["messagebus_connected"], found["messagebus"]) == (True, "in-process")
    assert found["market_data"]["source"] == "simulated"
    assert found["market_data"]["last_update_age_s"] == 0
    assert found["acceleration"]["device"] == "cpu"
    assert found["acceleration"]["metal"] is False
    assert found["acceleration"]["neural_engine"] is False
    assert found["acceleration"]["reason"]
    assert found["database"] == {"status": "ok"}
    assert found["version"]
    lines = response.text.splitlines()
    assert all(any(line.startswith(f'  "{key}"') for line in lines) for key in found)


async def test_a_database_that_cannot_be_written_is_503(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await create_tech(client)
    services: Any = app.state.services

    async def broken(*_: object) -> None:
        raise Unavailable("storage_unavailable", "disk full")

    monkeypatch.setattr(services.repository, "check_writable", broken)
    response = await client.get("/health")
    assert response.status_code == 503
    assert response.json()["status"] == "unhealthy"
    assert response.json()["database"] == {"status": "unavailable", "reason": "disk full"}
    assert (await client.get("/health/ready")).status_code == 503
    assert (await client.get("/health/live")).json() == {"status": "alive"}
    monkeypatch.setattr(services.repository, "counters", broken)
    assert (await client.get("/health")).status_code == 503
    assert (await client.get(f"/portfolios/{portfolio_id}")).status_code in (200, 503)


async def test_a_position_without_a_price_degrades(client: httpx.AsyncClient) -> None:
    """A statement may hold what the market does not know; the value then rests on what the client said."""
    created = (await client.post("/portfolios", json={"portfolio_name": "Private"})).json()["portfolio_id"]
    body = {"positions": {"UNLISTED": {"quantity": 10, "market_value": 1000}}}
    assert (await client.post(f"/portfolios/{created}/positions", json=body)).status_code == 200
    response = await client.get("/health")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["market_data"]["missing"] == ["UNLISTED"]


class TestExpectations:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        documented = {
            "hardware_platform": "m4_max",
            "m4_max_optimized": True,
            "enable_metal_acceleration": True,
            "enable_neural_engine": True,
            "rebalance_check_interval": 3600,
        }
        return Settings(**{**settings.model_dump(exclude_unset=True), **documented})

    async def test_what_was_asked_for_and_is_not_so_is_said(self, client: httpx.AsyncClient) -> None:
        found = (await client.get("/health")).json()
        told = " ".join(found["warnings"])
        assert found["status"] == "healthy"
        for word in ("M4 Max", "ENABLE_METAL_ACCELERATION", "ENABLE_NEURAL_ENGINE"):
            assert word in told
        assert "REBALANCE_CHECK_INTERVAL" not in told

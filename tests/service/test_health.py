"""/health: honest about every part, 503 only when the books cannot be written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import portfolio_engine as pe
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


LOST = pe.DeviceHealth(
    available=True,
    healthy=False,
    emulated=False,
    name="Apple M4 Max",
    reason="command buffer: page fault",
    fallbacks=7,
    last_fallback="command buffer: page fault",
    limits={},
)
THERE = replace(LOST, healthy=True, reason="", fallbacks=0, last_fallback="")


def with_gpu(monkeypatch: pytest.MonkeyPatch, state: pe.DeviceHealth, default: str = "auto") -> None:
    """As on a Mac."""
    devices = (pe.DeviceInfo("cpu", True, "16 threads"), pe.DeviceInfo("metal", True, state.name))
    monkeypatch.setattr(pe, "available_devices", lambda: devices)
    monkeypatch.setattr(pe, "metal_health", lambda: state)
    monkeypatch.setattr(pe, "default_device", lambda: default)


async def test_a_gpu_that_computes(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpu(monkeypatch, THERE)
    found = (await client.get("/health")).json()
    assert found["status"] == "healthy"
    assert found["acceleration"] == {
        "device": "metal",
        "metal": True,
        "healthy": True,
        "fallbacks": 0,
        "neural_engine": False,
        "reason": "Apple M4 Max",
        "cpu": "16 threads",
    }


async def test_a_gpu_that_failed_degrades_and_says_why(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpu(monkeypatch, LOST)
    response = await client.get("/health")
    found = response.json()
    assert (response.status_code, found["status"]) == (200, "degraded")
    state = found["acceleration"]
    assert (state["device"], state["metal"], state["healthy"], state["fallbacks"]) == ("cpu", False, False, 7)
    assert state["reason"] == "command buffer: page fault"
    assert "the GPU failed and is not used any more: command buffer: page fault" in found["warnings"]
    lines = (await client.get("/metrics/prometheus")).text.splitlines()
    for line in (
        'portfolio_accelerator_healthy{accelerator="metal"} 0.0',
        'portfolio_accelerator_failures_total{accelerator="metal"} 7.0',
        'portfolio_accelerator_available{accelerator="metal"} 0.0',
    ):
        assert line in lines


async def test_an_emulated_or_unwanted_gpu_does_not_compute(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpu(monkeypatch, replace(THERE, emulated=True))
    assert (await client.get("/health")).json()["acceleration"]["device"] == "cpu"
    with_gpu(monkeypatch, THERE, default="cpu")
    found = (await client.get("/health")).json()
    assert found["status"] == "healthy"
    assert (found["acceleration"]["metal"], found["acceleration"]["reason"]) == (False, "Apple M4 Max, switched off")


class TestSwitchedOff:
    @pytest.fixture
    def settings(self, settings: Settings) -> Iterator[Settings]:
        before = pe.default_device()
        yield Settings(**{**settings.model_dump(exclude_unset=True), "enable_metal_acceleration": False})
        pe.set_default_device(before)

    async def test_false_is_the_cpu_for_the_whole_process(self, client: httpx.AsyncClient) -> None:
        assert pe.default_device() == "cpu"
        result = pe.covariance([[1.0, 2.0], [3.0, 5.0]])
        assert (result.device, result.device_reason) == ("cpu", "default")
        found = (await client.get("/health")).json()
        assert not any("ENABLE_METAL_ACCELERATION" in warning for warning in found["warnings"])

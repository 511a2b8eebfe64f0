"""A byte of the database file that flips is never silently another amount of money."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from portfolio_service.app import create_app, running
from portfolio_service.config import load_settings
from portfolio_service.domain.clock import iso
from portfolio_service.domain.errors import DomainError, Unavailable
from tests.service.conftest import Sql, create_tech
from tests.service.fakes import ManualClock
from tests.service.test_storage import tamper

PLACES = int(os.environ.get("CORRUPTION_PLACES", "20"))


async def served(folder: Path, fill: bool = False) -> tuple[dict[str, Any], bool]:
    """Everything of the books that the service shows, and whether its audit found them sound."""
    settings = load_settings(data_dir=folder, market_data_provider="simulated", log_level="error")
    application = create_app(settings, ManualClock())
    transport = httpx.ASGITransport(application)
    async with (
        running(application),
        httpx.AsyncClient(transport=transport, base_url="http://localhost:8900") as client,
    ):
        if fill:
            await _fill(client)
        services = application.state.services
        await services.audit.run_once()
        shown: dict[str, Any] = {}
        for one in (await client.get("/portfolios")).json()["portfolios"]:
            path = f"/portfolios/{one['portfolio_id']}"
            found = (await client.get(path)).json()
            # what is computed from market data is not what is stored
            shown[path] = {key: value for key, value in found.items() if "performance" not in key}
            for part in ("trades", "cash-flows"):
                shown[f"{path}/{part}"] = (await client.get(f"{path}/{part}")).json()
        return shown, services.audit.status == "ok"


async def _fill(client: httpx.AsyncClient) -> None:
    for number in range(12):
        own = await create_tech(client, portfolio_name=f"Book {number}", metadata={"desk": "x" * 50 * number})
        weights = {"AAPL": 0.3, "MSFT": 0.2 + 0.01 * number, "NVDA": 0.1}
        body = {"target_weights": weights, "rebalance_threshold": 0.0, "full": True}
        assert (await client.post(f"/portfolios/{own}/rebalance", json=body)).status_code == 200
        assert (await client.post(f"/portfolios/{own}/deposit", json={"amount": 10.5 + number})).status_code == 200


@pytest.mark.slow
async def test_a_flipped_byte_is_refused_or_raises_an_alarm_or_changes_nothing(tmp_path: Path) -> None:
    sound = tmp_path / "sound"
    before, fine = await served(sound, fill=True)
    assert fine
    chance = random.Random(20251122)
    size = (sound / "portfolio.db").stat().st_size
    outcomes = {"refused": 0, "alarm": 0, "unchanged": 0}
    for number in range(PLACES):
        folder = tmp_path / str(number)
        shutil.copytree(sound, folder)
        place, bit = chance.randrange(size), 1 << chance.randrange(8)
        with (folder / "portfolio.db").open("r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ bit]))
        try:
            after, fine = await served(folder)
        except DomainError:
            outcomes["refused"] += 1
        else:
            assert not fine or after == before, f"byte {place}, bit {bit}: silently different books"
            outcomes["unchanged" if fine else "alarm"] += 1
        shutil.rmtree(folder)
    assert sum(outcomes.values()) == PLACES
    assert outcomes["refused"] + outcomes["alarm"] > 0, outcomes


async def test_damage_beside_a_running_service_stops_changes_and_shows(
    app: FastAPI, client: httpx.AsyncClient, clock: ManualClock, sql: Sql, caplog: pytest.LogCaptureFixture
) -> None:
    own = await create_tech(client)
    audit = app.state.services.audit
    await audit.run_once()
    health = (await client.get("/health")).json()
    assert health["audit"] == {"status": "ok", "checked_at": iso(clock.now()), "faults": []}
    await asyncio.to_thread(tamper, sql, "UPDATE audit SET actor = 'somebody'")
    assert not await audit.run_once(), "once a day is enough"
    clock.advance(timedelta(days=1))
    assert await audit.run_once()
    refused = await client.post(f"/portfolios/{own}/deposit", json={"amount": 5})
    assert (refused.status_code, refused.json()["code"]) == (503, "books_damaged")
    assert (await client.post("/portfolios", json={"portfolio_name": "P"})).status_code == 503
    assert (await client.get(f"/portfolios/{own}")).status_code == 200
    health = await client.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
    assert "does not follow" in health.json()["audit"]["faults"][0]
    assert (await client.get("/health/ready")).status_code == 503
    assert "portfolio_audit_ok 0.0" in (await client.get("/metrics/prometheus")).text
    assert "the stored books are damaged" in caplog.text


async def test_an_audit_waits_for_a_database_that_is_away(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = app.state.services.audit
    await audit.run_once()

    async def away() -> list[str]:
        raise Unavailable("storage_unavailable", "away")

    monkeypatch.setattr(app.state.services.repository, "audit", away)
    app.state.clock.advance(timedelta(days=2))
    with pytest.raises(Unavailable):
        await audit.run_once()
    assert audit.status == "ok"
    assert not app.state.services.books.damage

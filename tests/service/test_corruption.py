"""A byte of the database file that flips is never silently another amount of money."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from portfolio_service.app import create_app, running
from portfolio_service.config import load_settings
from portfolio_service.domain.errors import DomainError
from tests.service.conftest import create_tech
from tests.service.fakes import ManualClock

PLACES = int(os.environ.get("CORRUPTION_PLACES", "20"))
BOOKS = ("/portfolios", "/trades", "/ledger")


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
            shown[path] = (await client.get(path)).json()
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

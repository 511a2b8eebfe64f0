"""A running service on a clock that we set, looked at through its API and its database."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from portfolio_service.api.deps import Services
from portfolio_service.app import create_app, running
from portfolio_service.config import load_settings
from portfolio_service.domain.models import Decision
from tests.service.fakes import ManualClock

TECH = ["AAPL", "GOOGL", "MSFT", "NVDA", "TSLA"]
MONDAY_NOON = datetime(2025, 8, 25, 16, 0, tzinfo=UTC)  # in a session: 13:30 to 20:00


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Desk:
    """The service, its clock and its front door."""

    app: FastAPI
    http: httpx.AsyncClient
    clock: ManualClock
    folder: Path

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    async def at(self, moment: str | datetime) -> list[Decision]:
        """Set the clock and let the scheduler look."""
        self.clock.set(utc(moment) if isinstance(moment, str) else moment)
        return await self.services.scheduling.check()

    async def create(self, **changes: Any) -> str:
        body = {"portfolio_name": "Scheduled", "symbols": TECH, "initial_value": 250000, **changes}
        return str((await self.post("/portfolios/with-symbols", body))["portfolio_id"])

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._ok(await self.http.post(path, json=body))

    async def patch(self, own: str, **changes: Any) -> dict[str, Any]:
        return self._ok(await self.http.patch(f"/portfolios/{own}", json=changes))

    async def schedule(self, own: str) -> dict[str, Any]:
        return self._ok(await self.http.get(f"/portfolios/{own}/schedule"))

    async def story(self, own: str) -> list[tuple[str, str, str]]:
        """Trigger, outcome and code of every decision kept, oldest first."""
        kept = (await self.schedule(own))["decisions"]
        return [(d["trigger"], d["outcome"], d["code"]) for d in reversed(kept)]

    async def trades(self, own: str) -> list[dict[str, Any]]:
        found = self._ok(await self.http.get(f"/portfolios/{own}/trades?limit=1000"))
        return list(reversed(found["trades"]))

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.folder / "portfolio.db")) as connection:
            return connection.execute(query).fetchall()

    def _ok(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.is_success, answer.text
        return dict(answer.json())


@contextlib.asynccontextmanager
async def open_desk(folder: Path, clock: ManualClock, **settings: Any) -> AsyncIterator[Desk]:
    """The real application on SQLite in `folder`; its own jobs run too, on a clock that stands still for them."""
    given = {"market_data_provider": "simulated", "log_level": "warning", **settings}
    app = create_app(load_settings(data_dir=folder, **given), clock)
    async with (
        running(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8900", timeout=60) as http,
    ):
        desk = Desk(app, http, clock, folder)
        await desk.services.scheduling.check()  # after the job's first one, which is no longer on its way then
        yield desk

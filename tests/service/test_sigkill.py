"""SIGKILL in the middle of writes: whatever a client was told is done is there after the restart."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sqlite3
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from portfolio_service.adapters.storage import SqlRepository
from tests.service.conftest import start_server

KILLS = 5
CHANGES = 200
CLIENTS = 4
SYMBOLS = ["AAPL", "GOOGL", "MSFT"]
FUND = "OWNFUND"


@dataclass
class Known:
    """What clients were told about one portfolio, and what they asked for without getting an answer."""

    quantity: int = 0
    trades: int = 0
    asked_quantity: int | None = None
    asked_trades: bool = False


@dataclass
class Told:
    """Everything acknowledged, over all kills."""

    portfolios: dict[str, Known] = field(default_factory=dict)
    request_ids: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: count(1))

    def done(self, answer: httpx.Response, status: int) -> dict[str, Any]:
        assert answer.status_code == status, answer.text
        self.request_ids.append(answer.headers["x-request-id"])
        return dict(answer.json())


async def client(http: httpx.AsyncClient, told: Told, chance: random.Random, enough: asyncio.Event, acks: int) -> None:
    """Creates portfolios of its own and changes them until the server dies; no request is repeated."""
    own: list[str] = []
    with contextlib.suppress(httpx.TransportError):
        while True:
            step = chance.random()
            if not own or step < 0.1:
                body: dict[str, Any] = {"portfolio_name": "P", "symbols": SYMBOLS, "initial_value": 10000}
                answer = told.done(await http.post("/portfolios/with-symbols", json=body), 201)
                own.append(answer["portfolio_id"])
                told.portfolios[own[-1]] = Known()
            elif step < 0.55:
                known = told.portfolios[portfolio_id := chance.choice(own)]
                known.asked_quantity = next(told.numbers)
                body = {"positions": {FUND: {"quantity": known.asked_quantity, "market_value": 100.0}}}
                told.done(await http.post(f"/portfolios/{portfolio_id}/positions", json=body), 200)
                known.quantity, known.asked_quantity = known.asked_quantity, None
            else:
                known = told.portfolios[portfolio_id := chance.choice(own)]
                known.asked_trades = True
                weights = {"AAPL": 0.1 + 0.3 * chance.random(), "GOOGL": 0.2, "MSFT": 0.2}
                body = {"target_weights": weights, "rebalance_threshold": 0.0}
                answer = told.done(await http.post(f"/portfolios/{portfolio_id}/rebalance", json=body), 200)
                known.trades += answer["trades_executed"]
                known.asked_trades = False
            if len(told.request_ids) >= acks:
                enough.set()


async def compare(http: httpx.AsyncClient, told: Told) -> None:
    """Nothing acknowledged is missing; of what was not, at most the one last request is there."""
    for portfolio_id, known in told.portfolios.items():
        held = (await http.get(f"/portfolios/{portfolio_id}")).json()["positions"]
        trades = (await http.get(f"/portfolios/{portfolio_id}/trades")).json()["count"]
        quantity = held[FUND]["quantity"] if FUND in held else 0
        assert quantity in {known.quantity, known.asked_quantity or known.quantity}
        assert known.trades <= trades <= known.trades + (3 if known.asked_trades else 0)
        # what was in flight is now known either way
        known.quantity, known.trades = quantity, trades
        known.asked_quantity, known.asked_trades = None, False


async def one_life(folder: Path, told: Told, chance: random.Random, acks: int) -> None:
    """Start, compare with what was told before, write from several clients, die at a random moment."""
    server = start_server(folder)
    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
            await compare(http, told)
            enough = asyncio.Event()
            writing = [asyncio.create_task(client(http, told, chance, enough, acks)) for _ in range(CLIENTS)]
            stopped = asyncio.create_task(enough.wait())
            await asyncio.wait([stopped, *writing], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0.02 * chance.random())  # the moment of the kill
            server.process.kill()
            await asyncio.gather(*writing)
            stopped.cancel()
    finally:
        assert server.stop() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_to_sigkill(tmp_path: Path) -> None:
    told, chance = Told(), random.Random(20250824)
    for life in range(1, KILLS + 1):
        await one_life(tmp_path, told, chance, acks=life * CHANGES // KILLS)
    assert len(told.request_ids) >= CHANGES
    server = start_server(tmp_path)
    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
            await compare(http, told)
    finally:
        assert server.stop() == 0
    path = tmp_path / "data" / "portfolio.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        recorded = {row[0] for row in connection.execute("SELECT request_id FROM audit")}
    assert set(told.request_ids) <= recorded
    repository = await SqlRepository.open(path)
    assert await repository.verify_audit() == []
    await repository.close()


@pytest.mark.slow
async def test_books_in_use_or_damaged_are_not_served_and_it_says_why(tmp_path: Path) -> None:
    first = start_server(tmp_path)
    try:
        async with httpx.AsyncClient(base_url=first.url, timeout=30) as http:
            body = {"portfolio_name": "P", "symbols": SYMBOLS, "initial_value": 10000}
            portfolio_id = (await http.post("/portfolios/with-symbols", json=body)).json()["portfolio_id"]
        with pytest.raises(AssertionError, match="another process already keeps its books"):
            start_server(tmp_path)
    finally:
        assert first.stop() == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "portfolio.db")) as connection, connection:
        connection.execute("UPDATE positions SET quantity = quantity + 1 WHERE symbol = 'AAPL'")
    with pytest.raises(AssertionError, match=f"{portfolio_id}: position AAPL is") as refusal:
        start_server(tmp_path)
    assert "Traceback" not in str(refusal.value)

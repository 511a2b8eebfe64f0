"""A source that breaks: the last good values stay, it shows, nothing answers 5xx but a create without any price."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina

from portfolio_service.adapters.market_data.engine import EngineFeed, Limits
from portfolio_service.adapters.market_data.remote import RemoteMarketData
from portfolio_service.adapters.market_data.resilience import Breaker
from portfolio_service.adapters.market_data.simulated import SimulatedMarket
from portfolio_service.adapters.market_data.simulated_model import shared_history
from portfolio_service.app import create_app, running
from portfolio_service.config import load_settings
from portfolio_service.domain.sources import SourceState, SourceUnavailable
from tests.service.conftest import TECH, create_tech, start_market_data, start_server
from tests.service.fakes import ManualClock
from tests.service.fault_proxy import FAULTS, FaultProxy
from tests.service.market_support import ServerThread

CALL_S = 2.0
# those of the service's promise; what else an engine may answer is tried on the provider alone
PROMISED = ("down", "slow", "drip", "reset", "status_500", "garbage", "truncated", "negative", "nan", "jump", "half")
HELD_BACK = {"jump"}  # prices that are withheld, from a source that answers
PART = {"half"}  # the other half of the symbols is there


@asynccontextmanager
async def service(folder: Path, proxy: FaultProxy, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """The application on the engine behind the proxy, with short times; polls every 50 ms."""
    state = SourceState()
    limits = Limits(snapshot_s=CALL_S, bars_s=CALL_S, snapshots_s=2 * CALL_S, histories_s=2 * CALL_S)
    breaker = Breaker(state, open_s=(0.1, 0.2, 0.4))
    feed = EngineFeed(proxy.url, clock, limits=limits, state=state, breaker=breaker, wait_s=0.01)
    market = RemoteMarketData(feed, clock, tick_seconds=0.05, remember_s=0.05, spare_s=0.1)
    settings = load_settings(
        data_dir=folder, market_data_provider="engine", market_data_url=proxy.url, log_level="error"
    )
    app = create_app(settings, clock, market)
    async with running(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8900", timeout=30) as client:
            yield client


@pytest.fixture
def proxy(clock: ManualClock) -> Iterator[FaultProxy]:
    market = SimulatedMarket(clock)
    shared_history().cover(clock.now())  # read before anything is timed
    with ServerThread(market) as server, FaultProxy(server.url) as found:
        yield found


async def market_data(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get("/health")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()["market_data"]
    return found


async def until(holds: Callable[[], Awaitable[bool]], within_s: float = 10) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while not await holds():
        assert time.monotonic() - began < within_s, "it never came to hold"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("fault", PROMISED)
async def test_a_fault(tmp_path: Path, proxy: FaultProxy, clock: ManualClock, fault: str) -> None:
    async with service(tmp_path, proxy, clock) as client:
        portfolio_id = await create_tech(client)
        await until(lambda: _measured(client, portfolio_id))
        before = (await client.get(f"/portfolios/{portfolio_id}")).json()
        opened = (await market_data(client))["breaker_opened"]
        proxy.set(fault)
        clock.advance(400)  # beyond PRICE_STALE_SECONDS, in the same session: every price is asked for again
        await until(lambda: _noticed(client, fault, opened))
        found = await market_data(client)
        kept = (await client.get(f"/portfolios/{portfolio_id}")).json()
        good = [symbol for symbol, position in kept["positions"].items() if not position["stale"]]
        if fault in PART:
            assert 0 < len(good) < len(TECH)
        else:
            assert good == []
            assert kept["total_value"] == before["total_value"]
            for symbol, position in kept["positions"].items():
                assert position["price"] == before["positions"][symbol]["price"]
        assert found["status"] == ("stale_prices" if fault in HELD_BACK | PART else "unavailable")
        assert found["source"] == "engine"
        assert set(found["stale"]) == set(TECH) - set(good)
        for path in ("/portfolios", f"/portfolios/{portfolio_id}/performance", "/metrics", "/metrics/prometheus", "/"):
            assert (await client.get(path)).status_code == 200, path
        body = {"portfolio_name": "New", "symbols": ["KO", "PG", "JNJ", "PEP"]}
        created = await client.post("/portfolios/with-symbols", json=body)
        if fault in PART:
            assert created.json()["code"] == "unknown_symbol"
        elif fault not in HELD_BACK:  # a first price has no last good one; the day's range tells only of its own day
            assert (created.status_code, created.json()["code"]) == (503, "market_data_unavailable")
            assert created.headers["Retry-After"]
        own = {"positions": {"KO": {"quantity": 10, "market_value": 600}}}
        assert (await client.post(f"/portfolios/{portfolio_id}/positions", json=own)).status_code == 200
        proxy.set("ok")
        took = await until(lambda: _recovered(client, portfolio_id))
        assert took < 10
        assert (await client.post("/portfolios/with-symbols", json=body)).status_code == 201


async def _measured(client: httpx.AsyncClient, portfolio_id: str) -> bool:
    """Its histories are read."""
    found = (await client.get(f"/portfolios/{portfolio_id}")).json()
    return bool(found["performance_basis"] == "current_holdings_1y")


async def _noticed(client: httpx.AsyncClient, fault: str, opened: int) -> bool:
    found = await market_data(client)
    if fault in HELD_BACK:
        return set(found["held_back"]) == set(TECH)
    if fault in PART:
        return 0 < len(found["stale"]) < len(TECH)
    return bool(found["breaker_opened"] > opened)


async def _recovered(client: httpx.AsyncClient, portfolio_id: str) -> bool:
    found = await market_data(client)
    positions = (await client.get(f"/portfolios/{portfolio_id}")).json()["positions"]
    fresh = all(not position["stale"] for position in positions.values())
    return bool(found["breaker"] == "closed" and found["status"] == "ok" and fresh)


async def test_any_fault_of_the_source_is_one_clear_error(proxy: FaultProxy, clock: ManualClock) -> None:
    for fault in sorted(set(FAULTS) - {"slow", "drip", *PART}):
        limits = Limits(snapshot_s=20, snapshots_s=40)
        market = RemoteMarketData(EngineFeed(proxy.url, clock, limits=limits, wait_s=0.001), clock, remember_s=0)
        before = await market.get_multiple_prices(["AAPL"])
        proxy.set(fault)
        clock.advance(1)
        with (
            stamina.set_testing(True, attempts=3),
            pytest.raises(SourceUnavailable, match="engine does not answer for AAPL: ") as error,
        ):
            await market.get_multiple_prices(["AAPL"])
        assert "\n" not in error.value.detail, fault
        proxy.set("ok")
        after = await market.get_multiple_prices(["AAPL"])
        assert before["AAPL"].time < after["AAPL"].time, fault
        assert "not_understood" not in market.state.failures, fault
        await market.close()


@pytest.mark.slow
async def test_five_failures_open_the_breaker_and_spare_the_source(
    tmp_path: Path, proxy: FaultProxy, clock: ManualClock
) -> None:
    async with service(tmp_path, proxy, clock) as client:
        await create_tech(client)
        before = await market_data(client)
        proxy.set("status_500")

        async def opened() -> bool:
            return bool((await market_data(client))["breaker_opened"] > before["breaker_opened"])

        await until(opened)
        failures = sum((await market_data(client))["errors"].values()) - sum(before["errors"].values())
        assert 5 <= failures <= 5 + Limits().at_once  # those that were on their way when it opened
        asked = proxy.requests
        await asyncio.sleep(1)
        assert proxy.requests - asked <= 15  # probes only: without the breaker it would be a hundred


async def test_the_engine_may_be_away_at_the_start(tmp_path: Path, proxy: FaultProxy, clock: ManualClock) -> None:
    proxy.set("down")
    async with service(tmp_path, proxy, clock) as client:
        assert (await client.get("/health/ready")).status_code == 200
        created = await client.post("/portfolios", json={"portfolio_name": "Own prices"})
        portfolio_id = created.json()["portfolio_id"]
        own = {"positions": {"KO": {"quantity": 10, "market_value": 600}}}
        updated = await client.post(f"/portfolios/{portfolio_id}/positions", json=own)
        assert updated.json()["total_value"] == 600 + 10000
        found = (await client.get(f"/portfolios/{portfolio_id}")).json()
        assert found["positions"]["KO"]["price_source"] == "client"
        assert found["performance_basis"] == "market_data_unavailable"
        assert (await client.post(f"/portfolios/{portfolio_id}/optimize", json={})).status_code == 503
        proxy.set("ok")
        await until(lambda: _has_price(client, portfolio_id))


async def _has_price(client: httpx.AsyncClient, portfolio_id: str) -> bool:
    health = await market_data(client)
    found = (await client.get(f"/portfolios/{portfolio_id}")).json()
    return health["status"] == "ok" and found["performance_basis"] == "current_holdings_1y"


@pytest.mark.slow
def test_two_real_processes(tmp_path: Path) -> None:
    """As an operator has them, with the times as they ship: the source is stopped, and comes back."""
    with start_market_data(tmp_path) as neighbour, FaultProxy(neighbour.url) as proxy:
        server = start_server(
            tmp_path, MARKET_DATA_PROVIDER="engine", MARKET_DATA_URL=proxy.url, PRICE_STALE_SECONDS="1"
        )
        try:
            _two_processes(server.url, proxy)
        finally:
            assert server.stop() == 0
        written = server.log.read_text()
        assert "Traceback" not in written
        events = [json.loads(line)["event"] for line in written.splitlines()]
        assert events.count("market data source is unavailable") == 2
        assert events.count("market data source is back") == 2


def _two_processes(url: str, proxy: FaultProxy) -> None:
    with httpx.Client(base_url=url, timeout=60) as http:
        body = {"portfolio_name": "Tech", "symbols": TECH, "initial_value": 250000}
        created = http.post("/portfolios/with-symbols", json=body)
        assert created.status_code == 201, created.text
        portfolio_id = created.json()["portfolio_id"]
        for fault in ("down", "slow"):
            _wait(lambda: _state(http)["status"] == "ok", 10)
            opened = _state(http)["breaker_opened"]
            proxy.set(fault)
            _wait(lambda before=opened: _state(http)["breaker_opened"] == before + 1, 15)
            first = http.get(f"/portfolios/{portfolio_id}").json()["total_value"]
            again = http.get(f"/portfolios/{portfolio_id}")
            assert (again.status_code, again.json()["total_value"]) == (200, first)
            refused = http.post("/portfolios/with-symbols", json={**body, "symbols": ["KO"]})
            assert (refused.status_code, refused.json()["code"]) == (503, "market_data_unavailable")
            assert _state(http)["last_update_age_s"] > 0
            proxy.set("ok")
            assert _wait(lambda: _state(http)["status"] == "ok" and _state(http)["breaker"] == "closed", 10) < 10


def _state(http: httpx.Client) -> dict[str, Any]:
    response = http.get("/health")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()["market_data"]
    return found


def _wait(holds: Callable[[], bool], within_s: float) -> float:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within_s, "it never came to hold"
        time.sleep(0.05)
    return time.monotonic() - began

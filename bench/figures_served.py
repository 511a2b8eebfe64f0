"""The contract's figures as a client of the real service sees them: over HTTP, with 1000 portfolios of 50 positions."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import aiohttp

from bench.figure import Figure, median_ms_of
from bench.load import simulated_symbols
from bench.served import Served
from bench.traffic import Client, Tally, create

BENCH, API, LIVE, ENGINES = (
    "Performance Benchmarks",
    "API Reference",
    "Real-time Portfolio Management",
    "Inter-Engine Communication",
)
FIVE = ["AAPL", "GOOGL", "MSFT", "TSLA", "AMZN"]
CENT = Decimal("0.01")


async def figures(portfolios: int = 1000) -> AsyncIterator[Figure]:
    """All of them on one service."""
    symbols = simulated_symbols()
    with tempfile.TemporaryDirectory() as name, Served(Path(name), MAX_PORTFOLIOS=str(portfolios + 10)) as service:
        base = service.memory_mib()
        async with Client(service.url, Tally()) as client:
            ids = await create(client, portfolios, symbols, 50)
            each = (service.memory_mib() - base) / portfolios
            count = (await client.call("list", "GET", "/portfolios?limit=1"))[1]["count"]
            size = f"{portfolios} x 50 positions"
            yield Figure(BENCH, "concurrent portfolios", 1000, "", size, count, "least")
            yield Figure(BENCH, "memory per portfolio", 2.3, "MB", size, each * 1.048576)
            yield await accuracy(client, ids, size)
            for part in (optimisation(client), changes(client, ids), risk(client, ids)):
                async for figure in part:
                    yield figure
            yield await propagation(client, ids[0])
        service.stop()


async def accuracy(client: Client, ids: Sequence[str], size: str) -> Figure:
    """Per cent of served valuations that equal quantity x price in exact decimals, and totals that equal their sum."""
    right = checked = 0
    for portfolio_id in ids:
        _, found = await client.call("read", "GET", f"/portfolios/{portfolio_id}")
        values = []
        for position in found["positions"].values():
            exact = (decimal(position["quantity"]) * decimal(position["price"])).quantize(CENT, ROUND_HALF_EVEN)
            values.append(exact)
            right += exact == decimal(position["market_value"])
            checked += 1
        total = sum(values, decimal(found["cash_balance"]) + decimal(found["unallocated_capital"]))
        right += total == decimal(found["total_value"])
        checked += 1
    why = f"{checked} valuations recomputed in exact decimals, on live ticks"
    return Figure(BENCH, "accuracy with market data", 99.97, "%", size, 100 * right / checked, "least", why)


def decimal(number: float) -> Decimal:
    """A JSON number as it was written."""
    return Decimal(repr(number))


async def optimisation(client: Client) -> AsyncIterator[Figure]:
    """The documented request on five names: alone, and among eight at once; never from the cache."""
    body = {"portfolio_name": "Five", "symbols": FIVE}
    _, created = await client.call("create", "POST", "/portfolios/with-symbols", body)
    path = f"/portfolios/{created['portfolio_id']}/optimize"

    async def optimise(k: int) -> Any:
        constraints = {"max_position_weight": 0.30 + k * 1e-6, "min_position_weight": 0.05}
        return await client.call("optimize", "POST", path, {"method": "mean_variance", "constraints": constraints})

    def told(k: int) -> float:
        return k + random.random()

    took = await median_ms_of(lambda k: optimise(told(k)))
    why = "the whole request: prices, history, estimate, solution, commit"
    yield Figure(BENCH, "portfolio optimization", 9, "ms", "5 assets, over HTTP", took, why=why)
    times = [(await optimise(told(k)))[1]["optimization_time_ms"] for k in range(20)]
    median = statistics.median(times)
    yield Figure(BENCH, "portfolio optimization: optimization_time_ms", 9, "ms", "5 assets", median, why="as answered")
    yield Figure(API, "optimization_time_ms of the sample", 15.3, "ms", "5 assets", median, why="as answered")
    rounds = [await asyncio.gather(*(optimise(told(8 * k + j)) for j in range(8))) for k in range(10)]
    median = statistics.median(answer["optimization_time_ms"] for one in rounds for _, answer in one)
    shared = "eight computations share the machine's cores"
    what = "response under heavy portfolio calculations"
    yield Figure(BENCH, what, 9, "ms", "8 at once, 5 assets", median, why=shared)


async def changes(client: Client, ids: Sequence[str]) -> AsyncIterator[Figure]:
    """POST positions of a hundred: validated, valued, committed to disk."""

    async def update(k: int) -> None:
        positions = {f"OWN{j}": {"quantity": 10 + k % 7, "market_value": 1000.0} for j in range(100)}
        await client.call("positions", "POST", f"/portfolios/{ids[0]}/positions?replace=true", {"positions": positions})

    took = await median_ms_of(update)
    why = "validated, valued and on disk, over HTTP"
    yield Figure(LIVE, "position updates", 0.5, "ms", "one of 100 positions", took / 100, why=why)


async def risk(client: Client, ids: Sequence[str]) -> AsyncIterator[Figure]:
    """The risk report of a portfolio that was not asked about before."""

    async def report(k: int) -> None:
        await client.call("risk", "GET", f"/portfolios/{ids[1 + k]}/risk")

    took = await median_ms_of(report, most=min(100, len(ids) - 2))
    yield Figure(
        ENGINES,
        "risk calculations",
        10,
        "ms",
        "50 positions, over HTTP",
        took,
        why="not cached: with history and estimate",
    )


async def propagation(client: Client, portfolio_id: str) -> Figure:
    """From the answer to a change until its event arrives at a follower of GET /events."""
    late: list[float] = []
    arrived: asyncio.Queue[float] = asyncio.Queue()
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{client.url}/events") as stream:

        async def follow() -> None:
            async for line in stream.content:
                if line.startswith(b"data:") and json.loads(line[5:])["payload"]["portfolio_id"] == portfolio_id:
                    arrived.put_nowait(time.perf_counter())

        following = asyncio.create_task(follow())
        for k in range(60):
            body = {"positions": {"OWNFUND": {"quantity": 5 + k, "market_value": 1000.0}}}
            await client.call("positions", "POST", f"/portfolios/{portfolio_id}/positions", body)
            answered = time.perf_counter()
            late.append(max(0.0, await asyncio.wait_for(arrived.get(), 10) - answered))
        following.cancel()
    why = "at a follower of GET /events, after the answer to the change"
    return Figure(
        ENGINES, "portfolio updates: propagation", 5, "ms", "one change", 1e3 * statistics.median(late[10:]), why=why
    )

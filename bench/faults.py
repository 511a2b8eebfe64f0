"""What happens at the edges: many changes of one portfolio, too much work, a stop under load, a restart."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from bench.promises import Row
from bench.served import Served
from bench.traffic import Client, Tally, visitor

if TYPE_CHECKING:
    from bench.load import Plan

AT_ONCE = 50
COUNTERS = ("optimizations_completed", "rebalances_executed", "portfolios_managed", "active_portfolios")


async def one_portfolio(service: Served, portfolio_id: str) -> list[Row]:
    """Row 16: fifty rebalances of one portfolio at once; each is done once, on the books the one before it left."""
    tally, chance = Tally(), random.Random(16)
    async with Client(service.url, tally) as client:
        path = f"/portfolios/{portfolio_id}"
        _, before = await client.call("read", "GET", path)
        _, earlier = await client.call("trades", "GET", f"{path}/trades?limit=1")

        async def one() -> int:
            weights = {"AAPL": 0.01 + 0.01 * chance.random(), "MSFT": 0.01 + 0.01 * chance.random()}
            body = {"target_weights": weights, "rebalance_threshold": 0.0}
            status, document = await client.call("rebalance", "POST", f"{path}/rebalance", body, expect=(200, 409))
            return int(document["trades_executed"]) if status == 200 else 0

        executed = sum(await asyncio.gather(*(one() for _ in range(AT_ONCE))))
        _, trades = await client.call("trades", "GET", f"{path}/trades?limit=1")
        _, after = await client.call("read", "GET", path)
        stale = f'"{before["version"]}"'
        status, _ = await client.call(
            "stale", "POST", f"{path}/rebalance", {"target_weights": {"AAPL": 0.01}}, (412,), If_Match=stale
        )
    parts = sum(position["market_value"] for position in after["positions"].values())
    off = abs(parts + after["cash_balance"] + after["unallocated_capital"] - after["total_value"])
    return [
        Row(
            "16",
            f"trades told and trades in the books differ by, after {AT_ONCE} at once",
            0,
            abs(trades["count"] - earlier["count"] - executed),
        ),
        Row(
            "16",
            "books out of balance after them",
            0.005,
            off,
            unit="money",
            note=f"{sum(tally.errors.values())} errors",
        ),
        Row("16", "a stale If-Match is refused with 412", 1, status == 412, "least"),
    ]


async def overload(service: Served, ids: Sequence[str], plan: Plan) -> list[Row]:
    """Row 12: ten times the clients ask for frontiers at once; refused ones hear 503 and when to come again."""
    burst, calm = Tally(), Tally()
    async with Client(service.url, burst, 10 * plan.clients) as client:

        async def frontier(k: int) -> int:
            body = {"symbols": plan.symbols, "points": 50, "lookback_days": 756 - k % 400}
            return (await client.call("frontier", "POST", "/efficient-frontier", body, expect=(200, 503)))[0]

        statuses = await asyncio.gather(*(frontier(k) for k in range(10 * plan.clients)))
    ended = time.perf_counter()
    normal_after = float("nan")
    async with Client(service.url, calm) as client:
        while time.perf_counter() - ended < 30:
            began = time.perf_counter()
            answers = await asyncio.gather(*(client.call("read", "GET", f"/portfolios/{k}") for k in ids[:20]))
            if all(status == 200 for status, _ in answers) and time.perf_counter() - began < 0.5:
                normal_after = time.perf_counter() - ended
                break
    said = f"{statuses.count(200)} done, {statuses.count(503)} refused with Retry-After"
    wrong = sum(burst.errors.values()) + burst.refused
    return [
        Row(
            "12",
            f"answers to {10 * plan.clients} frontiers at once that are neither 200 nor such a 503",
            0,
            wrong,
            note=said,
        ),
        Row("12", "normal again after the burst (20 portfolios read within 0.5 s)", 5, normal_after, unit="s"),
    ]


async def stop_and_restart(service: Served, ids: Sequence[str], plan: Plan) -> list[Row]:
    """Rows 17 and 18: SIGTERM while clients write, then the same books again."""
    before: dict[str, float] = {}
    tally = Tally()
    async with Client(service.url, tally, plan.clients) as client:
        until = time.perf_counter() + 20
        clients = [visitor(client, ids, random.Random(k), until, 0.2) for k in range(min(plan.clients, 50))]
        tasks = [asyncio.create_task(one) for one in clients]
        await asyncio.sleep(min(5.0, plan.seconds))
        code, took = await asyncio.to_thread(service.stop)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    rows = [
        Row("17", "exit code after SIGTERM under load", 0, code),
        Row("17", "seconds until it has stopped", 10, took, unit="s", note=f"{tally.requests} requests before"),
        Row("17", "requests that were accepted and then reset", 0, tally.resets, note=f"{tally.refused} refused after"),
    ]
    if not plan.database:
        rows.append(Row("17", "events left in the outbox", 0, outbox(service)))
    with Served(service.folder, **plan.environment()) as again:
        health = await asyncio.to_thread(again.get, "/health")
        before = {name: health[name] for name in COUNTERS}
        again.stop()
    with Served(service.folder, **plan.environment()) as third:
        health = await asyncio.to_thread(third.get, "/health")
        same = all(health[name] == before[name] for name in COUNTERS)
        took = third.ready_after_s
        third.stop()
    note = ", ".join(f"{name} {value}" for name, value in before.items())
    rows.append(Row("18", f"ready after a restart with {before['portfolios_managed']} portfolios", 3, took, unit="s"))
    rows.append(Row("18", "the same counters", 1, same, "least", note=note))
    return rows


def outbox(service: Served) -> int:
    """Events that were committed and not delivered."""
    with closing(sqlite3.connect(service.folder / "data" / "portfolio.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM outbox WHERE NOT published").fetchone()[0])

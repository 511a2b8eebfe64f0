"""Clients on loopback: who asks what how often, how long it took, and what went wrong."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

READ, WRITE = "read", "write"


@dataclass
class Tally:
    """Latencies in seconds by kind of request, and every answer that was not expected."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    resets: int = 0
    refused: int = 0

    def add(self, kind: str, seconds: float) -> None:
        self.seconds.setdefault(kind, []).append(seconds)

    @property
    def requests(self) -> int:
        return sum(len(times) for times in self.seconds.values())

    def percentile_ms(self, prefix: str, share: float) -> float:
        """The percentile over every kind that starts with `prefix`, in milliseconds; nan when there was none."""
        times = sorted(t for kind, found in self.seconds.items() if kind.startswith(prefix) for t in found)
        return 1e3 * times[min(int(share * len(times)), len(times) - 1)] if times else float("nan")


class Client:
    """One session; a request's time ends with the last byte of its answer."""

    def __init__(self, url: str, tally: Tally, connections: int = 200) -> None:
        self.url = url
        self.tally = tally
        self._connector = aiohttp.TCPConnector(limit=connections)
        self._session = aiohttp.ClientSession(
            connector=self._connector, timeout=aiohttp.ClientTimeout(total=120), trust_env=False
        )

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        expect: Sequence[int] = (200, 201),
        *,
        parse: bool = True,
        **headers: str,
    ) -> tuple[int, Any]:
        """Status and JSON; what is not expected is counted under its kind, status 0 means no answer. Without `parse`
        the bytes: megabytes of JSON would hold up every other client of this process, and be counted as theirs."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        began = time.perf_counter()
        try:
            async with self._session.request(method, self.url + path, json=body, headers=names) as answer:
                status = answer.status
                raw = await answer.read()
                document = json.loads(raw) if parse and "json" in answer.content_type else raw
                retry_after = answer.headers.get("Retry-After")
        except aiohttp.ClientConnectorError:
            self.tally.refused += 1
            return 0, None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.tally.resets += 1
            self.tally.errors[f"{kind}: {type(error).__name__}"] += 1
            return 0, None
        self.tally.add(kind, time.perf_counter() - began)
        if status not in expect:
            code = document.get("code") if isinstance(document, dict) else ""
            self.tally.errors[f"{kind}: {status} {code}"] += 1
        elif status == 503 and retry_after is None:
            self.tally.errors[f"{kind}: 503 without Retry-After"] += 1
        return status, document


async def create(client: Client, count: int, symbols: Sequence[str], positions: int, seed: int = 1) -> list[str]:
    """Portfolios of `positions` names each, by the API, eight at a time; their ids."""
    chance, gate = random.Random(seed), asyncio.Semaphore(8)

    async def one(k: int) -> str:
        body = {"portfolio_name": f"Book {k}", "symbols": chance.sample(list(symbols), positions)}
        async with gate:
            status, document = await client.call("create", "POST", "/portfolios/with-symbols", body)
        if status != 201:
            raise RuntimeError(f"creating portfolio {k}: {status} {document}")
        return str(document["portfolio_id"])

    return list(await asyncio.gather(*(one(k) for k in range(count))))


async def visitor(client: Client, ids: Sequence[str], chance: random.Random, until: float, pause_s: float) -> None:
    """Reads and writes as a platform would (one write in ten), with a pause of `pause_s` on average between them."""
    await asyncio.sleep(chance.expovariate(1 / pause_s) if pause_s else 0)  # as if they had been there for long
    while time.perf_counter() < until:
        portfolio_id, step = chance.choice(ids), chance.random()
        path = f"/portfolios/{portfolio_id}"
        if step < 0.65:
            await client.call("read portfolio", "GET", path)
        elif step < 0.75:
            await client.call("read trades", "GET", f"{path}/trades?limit=20")
        elif step < 0.80:
            await client.call("read list", "GET", f"/portfolios?limit=20&offset={chance.randrange(max(len(ids), 1))}")
        elif step < 0.85:
            await client.call("read optimizations", "GET", f"{path}/optimization-history?limit=5")
        elif step < 0.90:
            await client.call("read health", "GET", chance.choice(("/health", "/metrics")))
        else:
            await _write(client, path, step, chance)
        await asyncio.sleep(chance.expovariate(1 / pause_s) if pause_s else 0)


async def _write(client: Client, path: str, step: float, chance: random.Random) -> None:
    key = uuid.UUID(int=chance.getrandbits(128)).hex
    if step < 0.95:
        body: dict[str, Any] = {"positions": {"OWNFUND": {"quantity": chance.randrange(1, 50), "market_value": 900.0}}}
        await client.call("write positions", "POST", f"{path}/positions", body, Idempotency_Key=key)
    else:
        weights = {
            name: 0.01 + 0.02 * chance.random() for name in ("AAPL", "MSFT", "GOOGL")
        }  # room beside what is held
        body = {"target_weights": weights, "rebalance_threshold": 0.001}
        await client.call("write rebalance", "POST", f"{path}/rebalance", body, Idempotency_Key=key)

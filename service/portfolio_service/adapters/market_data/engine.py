"""The Market Data Engine on port 8800: one call a symbol, so they are fanned out, bounded, and read with distrust."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from portfolio_service.adapters.market_data.engine_bars import closes_of
from portfolio_service.adapters.market_data.engine_shapes import SYMBOL, Bars, Snapshot, time_of
from portfolio_service.adapters.market_data.fan_out import Failed, FanOut
from portfolio_service.adapters.market_data.history_cache import Closes
from portfolio_service.adapters.market_data.remote import ATTEMPTS
from portfolio_service.adapters.market_data.resilience import Breaker, CallFailed, Link
from portfolio_service.adapters.market_data.screening import Reading, as_price
from portfolio_service.domain.models import Price
from portfolio_service.domain.ports import Clock
from portfolio_service.domain.sources import SourceState

MAX_SNAPSHOT_BYTES = 64 * 1024
MAX_BARS_BYTES = 8 * 2**20
MAX_SKEW = timedelta(seconds=5)  # a clock may be so far ahead of ours
UNKNOWN = frozenset({404, 422})  # what an engine may say to a symbol that it does not have


@dataclass(frozen=True)
class Limits:
    """How long and how much at once."""

    snapshot_s: float = 2.0  # one call
    bars_s: float = 5.0
    snapshots_s: float = 4.5  # all calls of one question: two slow calls, one after the other, and some
    histories_s: float = 20.0
    at_once: int = 4  # more cost the client more than they gain


class EngineFeed:
    """`url` is http(s)://host:port; a loopback one is never reached through a proxy."""

    source = "engine"

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        limits: Limits | None = None,
        state: SourceState | None = None,
        breaker: Breaker | None = None,
        wait_s: float = 0.1,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.state = state or SourceState()
        self._clock = clock
        self._limits = limits or Limits()
        self._link = Link(self.state, breaker or Breaker(self.state), wait_s)
        self._fan_out = FanOut(self._link, self._limits.at_once)
        address = httpx.URL(url)
        host = address.host
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=60,  # Link bounds the whole call more closely, a slow drip included
            limits=httpx.Limits(max_connections=self._limits.at_once, max_keepalive_connections=self._limits.at_once),
            follow_redirects=False,
            verify=address.scheme == "https",  # reading the certificates takes a while
            trust_env=not (host == "localhost" or host.startswith("127.") or host == "::1"),
            transport=transport,
        )

    async def readings(self, symbols: Sequence[str], attempts: int) -> dict[str, Reading | Failed | None]:
        async def one(symbol: str) -> Reading | None:
            if not SYMBOL.fullmatch(symbol):
                return None
            return await self._link.call(lambda: self._snapshot(symbol), self._limits.snapshot_s, attempts)

        return await self._fan_out.ask(symbols, one, self._limits.snapshots_s)

    async def closes(self, symbols: Sequence[str], days: int) -> dict[str, Closes | Failed | None]:
        async def one(symbol: str) -> Closes | None:
            if not SYMBOL.fullmatch(symbol):
                return None
            return await self._link.call(lambda: self._bars(symbol, days), self._limits.bars_s, ATTEMPTS)

        return await self._fan_out.ask(symbols, one, self._limits.histories_s)

    async def close(self) -> None:
        await self._http.aclose()

    async def _snapshot(self, symbol: str) -> Reading | None:
        body = await self._body("POST", f"/symbols/{quote(symbol, safe='')}/snapshot", MAX_SNAPSHOT_BYTES)
        return None if body is None else self._reading(symbol, body)

    def _reading(self, symbol: str, body: bytes) -> Reading | None:
        try:
            found = Snapshot.model_validate_json(body)
        except ValidationError as error:
            raise _malformed(error) from None
        if found.symbol.upper() != symbol:
            raise CallFailed("wrong_symbol", f"asked for {symbol}, got {found.symbol[:40]!r}")
        trade, parts = found.snapshot.last_trade, found.snapshot
        if trade is None:
            both = parts.quote and parts.quote.bid and parts.quote.ask
            if not both or parts.quote is None or parts.quote.bid is None or parts.quote.ask is None:
                return None  # known to the engine, but it has no price
            value, stamp = (parts.quote.bid + parts.quote.ask) / 2, found.timestamp
        else:
            value, stamp = trade.price, trade.timestamp
        now = self._clock.now()
        try:
            price, at, as_of = as_price(value), time_of(stamp), time_of(found.timestamp)
        except ValueError as error:
            raise CallFailed("bad_price", f"{symbol}: {error}") from None
        if at > now + MAX_SKEW:
            raise CallFailed("bad_time", f"{symbol}: a price of {at.isoformat()}, which is in the future")
        day = parts.daily_stats
        low, high = (day.low, day.high) if day and day.low and day.high and 0 < day.low <= day.high else (None, None)
        return Reading(Price(symbol, price, min(at, now), self.source), low, high, min(as_of, now))

    async def _bars(self, symbol: str, days: int) -> Closes | None:
        path = f"/data/{quote(symbol, safe='')}?data_type=bar&limit={days}"
        body = await self._body("GET", path, MAX_BARS_BYTES)
        return None if body is None else await asyncio.to_thread(_closes, symbol, body, days)

    async def _body(self, method: str, path: str, max_bytes: int) -> bytes | None:
        """The body of a 200, None for an unknown symbol, CallFailed for anything else."""
        try:
            async with self._http.stream(method, path) as response:
                body = await _bounded(response, max_bytes)
        except httpx.TransportError as error:
            raise CallFailed("connection", f"{type(error).__name__}: {error}", retry=True) from None
        except httpx.HTTPError as error:
            raise CallFailed("malformed", f"{type(error).__name__}: {error}") from None
        if response.status_code in UNKNOWN:
            return None
        if response.status_code != 200:
            again = response.status_code == 429 or response.status_code >= 500
            raise CallFailed(
                f"status_{response.status_code}",
                f"{method} answered {response.status_code}",
                retry=again,
                retry_after_s=_seconds(response.headers.get("retry-after")) if again else None,
            )
        return body


async def _bounded(response: httpx.Response, max_bytes: int) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise CallFailed("malformed", "a compressed body, which was not asked for")
    chunks, size = [], 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > max_bytes:
            raise CallFailed("too_large", f"a body of more than {max_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _closes(symbol: str, body: bytes, days: int) -> Closes:
    try:
        found = Bars.model_validate_json(body)
    except ValidationError as error:
        raise _malformed(error) from None
    if found.symbol.upper() != symbol:
        raise CallFailed("wrong_symbol", f"asked for {symbol}, got {found.symbol[:40]!r}")
    if len(found.data) > days or found.count != len(found.data):
        raise CallFailed("malformed", f"asked for {days} bars, got {len(found.data)} and a count of {found.count}")
    try:
        return closes_of(found.data)
    except ValueError as error:
        raise CallFailed("malformed", f"{symbol}: {error}") from None


def _malformed(error: ValidationError) -> CallFailed:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"])) or "body"
    return CallFailed("malformed", f"{where}: {first['msg']}")


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; a date or nonsense counts as not said."""
    try:
        value = float(json.loads(text)) if text and len(text) < 10 else None
    except (ValueError, TypeError):
        return None
    return value if value is not None and 0 <= value < 1e6 else None

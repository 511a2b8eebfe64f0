"""The two calls of a Market Data Engine and /health, in the documented shapes; thin over a MarketDataClient."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
import pandas as pd
from fastapi import FastAPI, HTTPException, Path, Query, Request, Response

from portfolio_service import __version__
from portfolio_service.adapters.market_data.engine_shapes import Bars, Snapshot
from portfolio_service.api.body_limit import BodyLimit
from portfolio_service.api.middleware import HostCheck
from portfolio_service.domain.clock import iso
from portfolio_service.domain.models import Price
from portfolio_service.domain.ports import MarketDataClient

MAX_BARS = 10_000
Symbol = Annotated[str, Path(description="Such as AAPL", min_length=1, max_length=32)]
Limit = Annotated[int, Query(ge=1, le=MAX_BARS, description="Most bars to return, the latest ones")]
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "A symbol that the source does not know"}}


def create_app(market: MarketDataClient, allowed_hosts: tuple[str, ...]) -> FastAPI:
    """The server over `market`, which it closes at its end."""

    @asynccontextmanager
    async def closing(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await market.close()

    app = FastAPI(
        title="Market data",
        version=__version__,
        description=f"Snapshots and daily bars from the source {market.source!r}.",
        lifespan=closing,
        docs_url=None,  # its pages would come from another site
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.market = market
    app.add_api_route(
        "/symbols/{symbol}/snapshot", snapshot, methods=["POST"], response_model=Snapshot, responses=_UNKNOWN
    )
    app.add_api_route("/data/{symbol}", bars, response_model=Bars, responses=_UNKNOWN)
    app.add_api_route("/health", health)
    app.add_middleware(BodyLimit)
    app.add_middleware(HostCheck, allowed_hosts=allowed_hosts)
    return app


async def snapshot(symbol: Symbol, request: Request) -> Response:
    """The current price. The sources know one price and no depth: bid and ask are it, sizes and volume are 0."""
    market: MarketDataClient = request.app.state.market
    name = symbol.upper()
    price = (await market.get_multiple_prices([name])).get(name)
    if price is None:
        raise _unknown(market, name)
    return _json(_snapshot(price, await market.get_histories([name], 1)))


async def bars(
    symbol: Symbol,
    request: Request,
    data_type: Annotated[Literal["bar"], Query(description="This server has daily bars only")] = "bar",
    limit: Limit = 252,
) -> Response:
    """The last `limit` daily bars, oldest first, stamped with their close; they are made of closes alone."""
    market: MarketDataClient = request.app.state.market
    name, began = symbol.upper(), time.perf_counter()
    frame = await market.get_histories([name], limit)
    if name not in frame:
        raise _unknown(market, name)
    closes = frame[name].dropna()
    stamps = [iso(_close_of(market, day)) for day in closes.index]
    latency_ms = round((time.perf_counter() - began) * 1e3, 3)
    rows = [
        {
            "timestamp": stamp,
            "data_type": data_type,
            "source": market.source,
            "data": {"open": close, "high": close, "low": close, "close": close, "volume": 0},
            "latency_ms": latency_ms,
        }
        for stamp, close in zip(stamps, closes.tolist(), strict=True)
    ]
    return _json({"symbol": name, "data_type": data_type, "data": rows, "count": len(rows)})


async def health(request: Request) -> dict[str, Any]:
    """That it serves, from what, and how many symbols."""
    market: MarketDataClient = request.app.state.market
    known = market.known_symbols()
    return {"status": "healthy", "source": market.source, "symbols": None if known is None else len(known)}


def _snapshot(price: Price, last: pd.DataFrame) -> dict[str, Any]:
    now = float(price.price)
    # the day's range as far as one close and one price tell it
    opened = float(last[price.symbol].iloc[-1]) if price.symbol in last and len(last) else now
    opened = now if opened != opened else opened
    time_ = iso(price.time)
    return {
        "symbol": price.symbol,
        "timestamp": time_,
        "snapshot": {
            "last_trade": {"price": now, "size": 0, "timestamp": time_},
            "quote": {"bid": now, "ask": now, "bid_size": 0, "ask_size": 0},
            "daily_stats": {"open": opened, "high": max(opened, now), "low": min(opened, now), "volume": 0},
        },
    }


def _close_of(market: MarketDataClient, day: pd.Timestamp) -> datetime:
    return market.last_close(datetime.fromisoformat(f"{day.date()}T23:59:59+00:00"))


def _unknown(market: MarketDataClient, symbol: str) -> HTTPException:
    known = market.known_symbols()
    count = f"; it knows {len(known)} symbols" if known is not None else ""
    return HTTPException(404, f"{symbol[:32]!r} is unknown to the source {market.source!r}{count}")


def _json(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")

"""The contract's figures of the service's own steps, measured inside one process on its real books (SQLite)."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from bench.figure import Figure, median_ms, median_ms_of
from portfolio_service.api.deps import Services
from portfolio_service.app import create_app, running
from portfolio_service.config import load_settings
from portfolio_service.domain.models import Actor, Portfolio
from portfolio_service.domain.rebalancing import RebalanceRequest
from portfolio_service.domain.valuation import LiveValuation, value

BENCH, LIVE, REBALANCING, MARKET, ENGINES = (
    "Performance Benchmarks",
    "Real-time Portfolio Management",
    "Automated Rebalancing",
    "Market Data Integration",
    "Inter-Engine Communication",
)
NO_NETWORK = "simulated market, no network"


async def figures() -> AsyncIterator[Figure]:
    """All of them, on portfolios of 50 and 100 positions and a hundred smaller ones."""
    with tempfile.TemporaryDirectory() as name:
        settings = load_settings(data_dir=Path(name), market_data_provider="simulated", log_level="error")
        app = create_app(settings)
        async with running(app):
            services: Services = app.state.services
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8900") as client:
                symbols = list(services.market.known_symbols() or ())
                fifty, hundred = [await hold(client, services, symbols[:n]) for n in (50, 100)]
                for part in (valuing(services, hundred), metrics(services, fifty), rebalance(services, fifty)):
                    async for figure in part:
                        yield figure
                async for figure in market_data(services, client, symbols):
                    yield figure


async def hold(client: httpx.AsyncClient, services: Services, symbols: Sequence[str]) -> Portfolio:
    """A portfolio of these symbols in equal weights."""
    body = {"portfolio_name": "Bench", "symbols": list(symbols), "initial_value": 1_000_000}
    answer = await client.post("/portfolios/with-symbols", json=body)
    return services.books.get(answer.raise_for_status().json()["portfolio_id"])


async def valuing(services: Services, portfolio: Portfolio) -> AsyncIterator[Figure]:
    """Exact valuation of one portfolio, and the pass that a batch of ticks starts."""
    prices, clock = services.prices, services.clock
    took = median_ms(lambda _: value(portfolio, prices, clock.now()))
    whole = "exact decimals: value, weight, P&L, age of the price"
    yield Figure(BENCH, "position valuation", 0.5, "ms", "one of 100 positions", took / 100, why=whole)
    yield Figure(LIVE, "portfolio revaluation, 100 positions", 9, "ms", "100 positions", took, why=whole)
    live = LiveValuation(services.books, prices)
    batch = [price for symbol in portfolio.book.holdings if (price := prices.get(symbol))]
    took = median_ms(lambda _: live.on_ticks(batch))
    pass_ = "from a batch of 100 ticks to revalued books"
    yield Figure(LIVE, "market data integration", 2, "ms", "100 positions", took, why=pass_)
    yield Figure(ENGINES, "market data updates: position revaluation", 2, "ms", "100 positions", took, why=pass_)
    yield Figure(MARKET, "position values updated", 0.5, "ms", "one of 100 positions", took / 100, why=pass_)


async def metrics(services: Services, portfolio: Portfolio) -> AsyncIterator[Figure]:
    """The eight metrics, never from the cache: each call is given another version of the books."""
    valuation = value(portfolio, services.prices, services.clock.now())

    async def compute(k: int) -> None:
        await services.analytics.metrics(replace(portfolio, version=1000 + k), valuation)

    size = "50 positions, 252 days, with history and benchmark"
    yield Figure(BENCH, "performance metrics", 12, "ms", size, await median_ms_of(compute))


async def rebalance(services: Services, portfolio: Portfolio) -> AsyncIterator[Figure]:
    """A dry run: prices, weights, plan, costs; nothing is committed."""
    held = list(portfolio.book.holdings)
    targets = {symbol: 0.9 * (k + 1) / (len(held) * (len(held) + 1) / 2) for k, symbol in enumerate(held)}
    request = RebalanceRequest(target_weights=targets, rebalance_threshold=0.0, dry_run=True)

    async def plan(_: int) -> None:
        await services.rebalancing.rebalance(portfolio.portfolio_id, request, Actor("bench", "bench"))

    took = await median_ms_of(plan)
    yield Figure(
        BENCH,
        "rebalancing calculation, 50 positions",
        15,
        "ms",
        "50 positions",
        took,
        why="a dry run of POST rebalance",
    )


async def market_data(services: Services, client: httpx.AsyncClient, symbols: Sequence[str]) -> AsyncIterator[Figure]:
    """Prices and history as the service asks for them."""
    market = services.market
    took = await median_ms_of(lambda _: market.get_multiple_prices(symbols))
    size = f"{len(symbols)} symbols"
    yield Figure(MARKET, "bulk price retrieval, 100+ symbols", 10, "ms", size, took, why=NO_NETWORK)
    took = await median_ms_of(lambda k: market.get_historical_data(symbols[k % len(symbols)], "1y"))
    yield Figure(MARKET, "1-year data retrieval", 50, "ms", "one symbol", took, why=NO_NETWORK)
    took = await median_ms_of(lambda _: market.get_histories(symbols[:50], 253))
    yield Figure(MARKET, "1-year data retrieval", 50, "ms", "50 symbols", took, why=NO_NETWORK)
    share = await cache_share(services, client, symbols)
    yield Figure(
        MARKET, "cache hit ratio for recent prices", 95, "%", "100 portfolios read three times", share, "least"
    )


async def cache_share(services: Services, client: httpx.AsyncClient, symbols: Sequence[str]) -> float:
    """Per cent of the prices that requests needed and that were held already."""
    ids = [(await hold(client, services, symbols[k % 50 : k % 50 + 10])).portfolio_id for k in range(100)]
    needed = fetched = 0
    ask, look_up = services.market.get_multiple_prices, services.prices.current

    async def asked(names: Sequence[str]) -> Mapping[str, Any]:
        nonlocal fetched
        fetched += len(names)
        return await ask(names)

    async def looked_up(names: Sequence[str]) -> dict[str, Any]:
        nonlocal needed
        needed += len(names)
        return await look_up(names)

    services.market.get_multiple_prices = asked
    services.prices.current = looked_up
    try:
        for portfolio_id in ids * 3:
            (await client.get(f"/portfolios/{portfolio_id}")).raise_for_status()
    finally:
        services.market.get_multiple_prices = ask
        services.prices.current = look_up
    return 100 * (1 - fetched / needed)

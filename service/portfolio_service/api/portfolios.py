"""Portfolios and their positions."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from portfolio_service.api import examples
from portfolio_service.api.body import StrictRoute
from portfolio_service.api.deps import ID, Limit, Offset, Services, Svc, ThePortfolio, Who
from portfolio_service.api.etags import IfMatch, etag
from portfolio_service.api.idempotency import Once
from portfolio_service.api.problems import reading, writing
from portfolio_service.api.schemas.analytics import Metrics
from portfolio_service.api.schemas.portfolios import (
    Archived,
    Created,
    CreatedWithSymbols,
    Details,
    PortfolioIn,
    PortfolioList,
    PortfolioWithSymbolsIn,
    Summary,
    positions_of,
)
from portfolio_service.api.schemas.trading import PositionsIn, PositionsUpdated, TradeList, TradeOut
from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.models import Portfolio, Valuation
from portfolio_service.domain.valuation import total_value, value

router = APIRouter(prefix="/portfolios", tags=["portfolios"], route_class=StrictRoute)
VALUED_AT_ONCE = 20

NEW = {
    "portfolio_name": "Growth Portfolio",
    "initial_value": 500000,
    "cash_balance": 50000,
    "optimization_method": "max_sharpe",
    "rebalance_frequency": "monthly",
}
NEW_WITH_SYMBOLS = {
    "portfolio_name": "Tech Focus Portfolio",
    "symbols": ["AAPL", "GOOGL", "MSFT", "NVDA", "TSLA"],
    "initial_value": 250000,
    "cash_balance": 25000,
    "optimization_method": "mean_variance",
    "rebalance_frequency": "weekly",
}
POSITIONS = {"positions": {"AAPL": {"quantity": 1500.0, "avg_cost": 150.25, "market_value": 225375.0}}}


async def valued(services: Services, portfolio: Portfolio) -> Valuation:
    """The portfolio at current prices; a price that cannot be had shows as stale, it is no error here."""
    with suppress(Unavailable):
        await services.prices.current(list(portfolio.book.holdings))
    return value(portfolio, services.prices, services.clock.now())


@router.post("", status_code=201, response_model=Created, responses=writing(409, ok=examples.CREATED, status=201))
async def create_portfolio(body: Annotated[PortfolioIn, Body(examples=[NEW])], services: Svc, once: Once) -> Response:
    """Create a portfolio without positions; all but cash is unallocated capital until it is invested."""
    return await once(lambda who: services.portfolios.create(body.to_domain(), who), Created.of, status=201)


@router.post(
    "/with-symbols",
    status_code=201,
    response_model=CreatedWithSymbols,
    responses=writing(409, ok=examples.CREATED_WITH_SYMBOLS, status=201),
)
async def create_portfolio_with_symbols(
    body: Annotated[PortfolioWithSymbolsIn, Body(examples=[NEW_WITH_SYMBOLS])],
    services: Svc,
    once: Once,
) -> Response:
    """Create a portfolio that holds the symbols in equal weights, in fractional quantities."""
    new = body.to_domain(tuple(dict.fromkeys(body.symbols)))
    return await once(lambda who: services.portfolios.create(new, who), CreatedWithSymbols.of, status=201)


@router.get("", response_model=PortfolioList, responses=reading(422, ok=examples.LIST))
async def list_portfolios(services: Svc, limit: Limit = 100, offset: Offset = 0) -> dict[str, object]:
    """Every portfolio that is not archived, oldest first."""
    portfolios = services.books.all()
    rows = []
    for k, portfolio in enumerate(portfolios[offset : offset + limit], start=1):
        total = total_value(portfolio, services.prices)
        rows.append(Summary.of(portfolio, total, services.books.status(portfolio)))
        if k % VALUED_AT_ONCE == 0:
            await asyncio.sleep(0)  # the exact values of a thousand books: other requests get their turn
    return {"portfolios": rows, "count": len(portfolios), "total_aum": round(services.live.total_aum(), 2)}


@router.get(ID, response_model=Details, responses=reading(404, 503, ok=examples.DETAILS))
async def get_portfolio(portfolio: ThePortfolio, services: Svc, response: Response) -> dict[str, object]:
    """One portfolio at current prices, with its target and its performance."""
    response.headers["ETag"] = etag(portfolio)
    valuation = await valued(services, portfolio)
    metrics, basis = await services.analytics.metrics(portfolio, valuation)
    realised = await services.analytics.realised(portfolio)
    return {
        **Summary.of(portfolio, valuation.total_value, services.books.status(portfolio)).model_dump(),
        "unallocated_capital": float(valuation.unallocated_capital),
        "initial_value": float(portfolio.initial_value),
        "positions": positions_of(valuation),
        "target_weights": dict(portfolio.target.weights) if portfolio.target else {},
        "performance_metrics": Metrics.of(metrics),
        "performance_basis": basis,
        "realised_performance": realised,
        "valued_at": valuation.valued_at,
        "version": portfolio.version,
        "provider": portfolio.provider,
        "provider_mismatch": portfolio.provider != services.market.source,
        "metadata": dict(portfolio.metadata),
    }


@router.delete(
    ID, response_model=Archived, responses=reading(404, 408, 409, 412, 413, 415, 422, 503, ok=examples.ARCHIVED)
)
async def archive_portfolio(portfolio: ThePortfolio, services: Svc, who: Who, if_match: IfMatch) -> dict[str, object]:
    """Archive a portfolio: its id is gone from the API, its slot is free, the audit trail keeps it."""
    await services.portfolios.archive(portfolio.portfolio_id, who, if_match)
    return {"status": "archived", "portfolio_id": portfolio.portfolio_id}


@router.post(
    f"{ID}/positions", response_model=PositionsUpdated, responses=writing(404, 409, 412, ok=examples.POSITIONS_UPDATED)
)
async def update_positions(
    portfolio: ThePortfolio,
    body: Annotated[PositionsIn, Body(examples=[POSITIONS])],
    services: Svc,
    if_match: IfMatch,
    once: Once,
    replace: Annotated[bool, Query(description="Remove every position that is not named")] = False,
) -> Response:
    """Set positions (an opening statement or a correction): books transfers, never moves cash."""
    updates = [item.to_domain(symbol) for symbol, item in body.positions.items()]
    restate = services.portfolios.update_positions
    return await once(lambda who: restate(portfolio.portfolio_id, updates, replace, who, if_match), PositionsUpdated.of)


@router.get(f"{ID}/trades", response_model=TradeList, responses=reading(404, 422, 503, ok=examples.TRADES))
async def list_trades(
    portfolio: ThePortfolio, services: Svc, limit: Limit = 100, offset: Offset = 0
) -> dict[str, object]:
    """Executed trades, newest first; count is the number of all of them."""
    trades, count = await services.portfolios.trades(portfolio.portfolio_id, limit, offset)
    return {"portfolio_id": portfolio.portfolio_id, "trades": [TradeOut.of(trade) for trade in trades], "count": count}

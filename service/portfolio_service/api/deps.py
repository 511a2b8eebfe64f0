"""What handlers are given: the services that app.py wired, the portfolio of the path, who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from starlette.convertors import StringConvertor, register_url_convertor

from portfolio_service.api.request_meter import RequestCounts
from portfolio_service.api.turns import Turns
from portfolio_service.config import Settings
from portfolio_service.domain.analytics import Analytics
from portfolio_service.domain.book_audit import BookAudit
from portfolio_service.domain.books import Books
from portfolio_service.domain.cash_flows import CashService
from portfolio_service.domain.durations import Durations
from portfolio_service.domain.event_feed import EventFeed
from portfolio_service.domain.models import Actor, Portfolio
from portfolio_service.domain.monitor import Monitor
from portfolio_service.domain.optimisation import OptimisationService
from portfolio_service.domain.portfolio import PortfolioService
from portfolio_service.domain.ports import Clock, MarketDataClient, Receipts, RecordStore, Repository
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.rebalancing import RebalanceService
from portfolio_service.domain.risk_desk import RiskDesk
from portfolio_service.domain.scheduling import Scheduling
from portfolio_service.domain.valuation import LiveValuation

ID_PATTERN = "^port_[0-9a-f]{12}$"
EXAMPLE_ID = "port_1f3a5c7e9b0d"


@dataclass(frozen=True)
class Services:
    """The domain's services of one running process."""

    settings: Settings
    clock: Clock
    books: Books
    prices: Prices
    market: MarketDataClient
    repository: Repository
    receipts: Receipts
    live: LiveValuation
    feed: EventFeed
    portfolios: PortfolioService
    optimisation: OptimisationService
    rebalancing: RebalanceService
    scheduling: Scheduling
    cash: CashService
    records: RecordStore
    analytics: Analytics
    risk: RiskDesk
    monitor: Monitor
    audit: BookAudit
    transactions: Mapping[str, Durations] = field(default_factory=dict)  # of the database, by mode
    requests: RequestCounts = field(default_factory=RequestCounts)
    turns: Turns = field(default_factory=Turns)  # of requests with one Idempotency-Key


# Coroutines: FastAPI would send a plain function to a thread, for each request and each dependency.
async def get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def get_actor(request: Request) -> Actor:
    return Actor("api", request.scope.get("request_id", ""))


async def get_portfolio(
    services: Annotated[Services, Depends(get_services)],
    # The pattern is documentation: any other id is 404 like an unknown one.
    portfolio_id: Annotated[
        str, Path(description="From POST /portfolios", json_schema_extra={"pattern": ID_PATTERN, "example": EXAMPLE_ID})
    ],
) -> Portfolio:
    return services.books.get(portfolio_id)


Svc = Annotated[Services, Depends(get_services)]
Who = Annotated[Actor, Depends(get_actor)]
ThePortfolio = Annotated[Portfolio, Depends(get_portfolio)]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most rows to return")]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000, description="Rows to skip")]
# One path for every route of a portfolio; "with-symbols" is no id, so that GET of it is 405.
ID = "/{portfolio_id:portfolio_id}"


class PortfolioIdConvertor(StringConvertor):
    """Any path segment but the one that names a collection route."""

    regex = "(?!with-symbols(?:/|$))[^/]+"


register_url_convertor("portfolio_id", PortfolioIdConvertor())

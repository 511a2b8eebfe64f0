"""Deposits, withdrawals, and what came in and went out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response

from portfolio_service.api import examples
from portfolio_service.api.body import StrictRoute
from portfolio_service.api.deps import ID, Limit, Offset, Svc, ThePortfolio
from portfolio_service.api.etags import IfMatch
from portfolio_service.api.idempotency import Once
from portfolio_service.api.problems import reading, writing
from portfolio_service.api.schemas.cash import CashFlowList, CashFlowOut, CashFlowTotals, CashIn, CashMoved

router = APIRouter(prefix="/portfolios", tags=["cash"], route_class=StrictRoute)

DEPOSIT = {"amount": 2500.5, "note": "monthly savings"}
WITHDRAW = {"amount": 1000}


@router.post(f"{ID}/deposit", response_model=CashMoved, responses=writing(404, 409, 412, ok=examples.DEPOSITED))
async def deposit(
    portfolio: ThePortfolio,
    body: Annotated[CashIn, Body(examples=[DEPOSIT])],
    services: Svc,
    if_match: IfMatch,
    once: Once,
) -> Response:
    """Pay cash in: an external flow, not performance; the next rebalance invests it."""
    pay_in, amount = services.cash.deposit, body.money()
    return await once(lambda who: pay_in(portfolio.portfolio_id, amount, body.note, who, if_match), CashMoved.of)


@router.post(f"{ID}/withdraw", response_model=CashMoved, responses=writing(404, 409, 412, ok=examples.WITHDRAWN))
async def withdraw(
    portfolio: ThePortfolio,
    body: Annotated[CashIn, Body(examples=[WITHDRAW])],
    services: Svc,
    if_match: IfMatch,
    once: Once,
) -> Response:
    """Take cash out, at most what is there; unallocated capital is set aside and is no cash."""
    take_out, amount = services.cash.withdraw, body.money()
    return await once(lambda who: take_out(portfolio.portfolio_id, amount, body.note, who, if_match), CashMoved.of)


@router.get(f"{ID}/cash-flows", response_model=CashFlowList, responses=reading(404, 422, 503, ok=examples.CASH_FLOWS))
async def list_cash_flows(
    portfolio: ThePortfolio, services: Svc, limit: Limit = 100, offset: Offset = 0
) -> dict[str, object]:
    """Everything that came from outside or left (deposits, withdrawals, transfers), newest first, with its sums."""
    flows, count, totals = await services.cash.listing(portfolio.portfolio_id, limit, offset)
    return {
        "portfolio_id": portfolio.portfolio_id,
        "cash_flows": [CashFlowOut.of(flow) for flow in flows],
        "totals": CashFlowTotals.of(totals),
        "count": count,
    }

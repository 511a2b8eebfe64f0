"""Deposits, withdrawals and the record of external flows."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from portfolio_service.api.schemas.common import TEXT_PATTERN, Number, RequestModel, ResponseModel, Utc
from portfolio_service.domain.cash_flows import CashMove
from portfolio_service.domain.models import EntryKind, ExternalFlow, FlowTotals
from portfolio_service.domain.money import exact, money

MOVED = {EntryKind.DEPOSIT: "deposited", EntryKind.WITHDRAWAL: "withdrawn"}


class CashIn(RequestModel):
    """POST deposit and withdraw."""

    amount: Annotated[Number, Field(ge=0.01, lt=1e12, description="Money, kept to the cent")]
    note: Annotated[
        str | None,
        Field(min_length=1, max_length=200, pattern=TEXT_PATTERN, description="Kept and listed beside it"),
    ] = None

    def money(self) -> Decimal:
        return money(exact(self.amount))


class CashMoved(ResponseModel):
    """The answer to POST deposit and withdraw."""

    status: str
    portfolio_id: str
    amount: float
    cash_balance: float
    total_value: float

    @classmethod
    def of(cls, move: CashMove) -> CashMoved:
        valuation = move.portfolio.valuation
        assert valuation is not None  # a change leaves the valuation that it was made at
        return cls(
            status=MOVED[move.kind],
            portfolio_id=move.portfolio.portfolio_id,
            amount=float(move.amount),
            cash_balance=float(valuation.cash_balance),
            total_value=float(valuation.total_value),
        )


class CashFlowOut(ResponseModel):
    """What one change brought in (+) or took out (-); value_after is null when the books could not be valued then."""

    kind: str
    amount: float
    value_after: float | None
    note: str | None
    recorded_at: Utc
    version: int

    @classmethod
    def of(cls, flow: ExternalFlow) -> CashFlowOut:
        return cls(
            kind=flow.kind,
            amount=float(flow.amount),
            value_after=None if flow.value_after is None else float(flow.value_after),
            note=flow.note,
            recorded_at=flow.recorded_at,
            version=flow.version,
        )


class CashFlowTotals(ResponseModel):
    """Sums over all flows of the portfolio: net = deposits - withdrawals + transfers."""

    deposits: float
    withdrawals: float
    transfers: float
    net: float

    @classmethod
    def of(cls, totals: FlowTotals) -> CashFlowTotals:
        return cls(
            deposits=float(totals.deposits),
            withdrawals=float(totals.withdrawals),
            transfers=float(totals.transfers),
            net=float(totals.deposits - totals.withdrawals + totals.transfers),
        )


class CashFlowList(ResponseModel):
    """GET cash-flows; count is the number of all flows."""

    portfolio_id: str
    cash_flows: list[CashFlowOut]
    totals: CashFlowTotals
    count: int

"""The audit trail's hashes: a state, what a change wrote, and the chain of records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolio_service.domain.clock import iso
from portfolio_service.domain.models import ExternalFlow, LedgerEntry, Portfolio, Trade

GENESIS = "0" * 64


def state_hash(portfolio: Portfolio) -> str:
    """Hash of everything a portfolio is, its book included; not of prices."""
    state = {f.name: getattr(portfolio, f.name) for f in fields(portfolio) if f.name not in ("book", "valuation")}
    if state["limits"] is None:
        del state["limits"]  # so were states hashed before there were limits
    state["target"] = None if portfolio.target is None else vars(portfolio.target)
    state["cash"] = portfolio.book.cash
    state["unallocated_capital"] = portfolio.book.unallocated_capital
    state["client_prices"] = {symbol: [price.price, price.time] for symbol, price in portfolio.client_prices.items()}
    state["holdings"] = {symbol: [held.quantity, held.basis] for symbol, held in portfolio.book.holdings.items()}
    return _hash(state)


def content_hash(entries: Sequence[LedgerEntry], trades: Sequence[Trade]) -> str:
    """Hash of the ledger entries and trades of one change."""
    return _hash([[vars(entry) for entry in entries], [vars(trade) for trade in trades]])


def flow_hash(flow: ExternalFlow) -> str:
    """Hash of one external flow, kept in its row: what it says beyond the ledger is in no other place."""
    return _hash(vars(flow))


def record_hash(previous: str, record: dict[str, Any]) -> str:
    """The next link of the chain: `record` without its own hash, after `previous`."""
    return _hash([previous, record])


def _hash(value: Any) -> str:
    text = json.dumps(value, default=_plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize() + 0:f}"  # the tables keep no -0
    if isinstance(value, datetime):
        return iso(value)
    return dict(value)

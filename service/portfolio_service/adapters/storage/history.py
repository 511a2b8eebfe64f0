"""What the database can check of the history by itself: no version is missing, trades and targets are as booked."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from portfolio_service.adapters.storage import tables

MOST = 20  # faults named of one kind


def history_faults(connection: Connection) -> list[str]:
    """What the database can count by itself: versions without gaps, trades as booked, targets that were computed."""
    return [fault for check in (_gaps, _other_trades, _lost_targets) for fault in check(connection)]


def _gaps(connection: Connection) -> Iterator[str]:
    records, states = tables.audit, tables.portfolios
    count, newest = func.count(records.c.audit_id), func.coalesce(func.max(records.c.version), 0)
    query = (
        select(states.c.portfolio_id, states.c.version, count, newest)
        .outerjoin(records)
        .group_by(states.c.portfolio_id)
    )
    query = query.having((count != states.c.version) | (newest != states.c.version))
    for owner, version, found, last in connection.execute(query):
        yield f"{owner}: at version {version}, with {found} audit records up to version {last}"


def _other_trades(connection: Connection) -> Iterator[str]:
    """Every trade is one ledger entry of the same amounts, and the other way round."""
    ledger, trades = tables.ledger, tables.trades
    same = (
        (ledger.c.trade_id == trades.c.trade_id)
        & (ledger.c.kind == trades.c.side)
        & (ledger.c.portfolio_id == trades.c.portfolio_id)
        & (ledger.c.version == trades.c.version)
        & (ledger.c.symbol == trades.c.symbol)
        & (ledger.c.quantity == trades.c.quantity)
        & (ledger.c.price == trades.c.price)
        & (ledger.c.amount == trades.c.value)
    )
    sides = ledger.c.kind.in_(("buy", "sell"))
    without_trade = select(ledger.c.portfolio_id, ledger.c.trade_id).outerjoin(trades, same)
    without_trade = without_trade.where(ledger.c.trade_id.is_not(None), sides, trades.c.trade_id.is_(None))
    without_entry = select(trades.c.portfolio_id, trades.c.trade_id).outerjoin(ledger, same)
    without_entry = without_entry.where(ledger.c.trade_id.is_(None))
    for query, words in ((without_trade, "has no such trade"), (without_entry, "has no such entry in the ledger")):
        for owner, trade_id in connection.execute(query.limit(MOST)):
            yield f"{owner}: {trade_id} {words}"


def _lost_targets(connection: Connection) -> Iterator[str]:
    states, done = tables.portfolios, tables.optimizations
    known = {row[0] for row in connection.execute(select(done.c.optimization_id))}
    for owner, target in connection.execute(select(states.c.portfolio_id, states.c.target)):
        if target is not None and target["optimization_id"] not in known:
            yield f"{owner}: its target is of {target['optimization_id']}, which is not there"

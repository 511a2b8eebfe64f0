"""Writes one Change, inside the transaction that the caller holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from portfolio_service.adapters.storage import audit, rows, tables
from portfolio_service.adapters.storage.decisions import decision_row
from portfolio_service.adapters.storage.idempotency import write_receipt
from portfolio_service.domain.cash_flows import flow_of
from portfolio_service.domain.errors import Conflict, Unavailable
from portfolio_service.domain.models import Change, Event, Portfolio


def write_change(connection: Connection, change: Change, heads: Collection[str] = ()) -> frozenset[str]:
    """State, positions, ledger, trades, optimisation, audit record and outbox; Conflict on another version.

    One of `heads`, where there are any, must be the head of the audit chain. Gives what it may be next: that one,
    should the COMMIT fail, or the new one.
    """
    after_hash = audit.state_hash(change.portfolio)
    before_hash = _write_portfolio(connection, change, after_hash)
    if change.portfolio.valuation is not None:
        _write_positions(connection, change.portfolio)
    elif change.entries:
        raise ValueError(f"[commit] {change.action}: expected a valuation with a change of the books, got none")
    if change.entries:
        connection.execute(insert(tables.ledger), rows.entry_rows(change))
    if (flow := flow_of(change)) is not None:
        connection.execute(insert(tables.external_flows), {**vars(flow), "flow_hash": audit.flow_hash(flow)})
    if change.trades:
        version = change.portfolio.version
        connection.execute(insert(tables.trades), [{**vars(trade), "version": version} for trade in change.trades])
    if change.optimization:
        connection.execute(insert(tables.optimizations), rows.optimization_row(change.optimization))
    next_heads = _write_audit(connection, change, heads, before_hash, after_hash)
    append_events(connection, change.events)
    if change.decision:
        connection.execute(insert(tables.decisions), decision_row(change.decision))
    if change.receipt:
        write_receipt(connection, change.receipt)
    return next_heads


def was_written(connection: Connection, change: Change) -> bool:
    """Whether `change`, and not another one of the same version, is in the audit trail."""
    table, portfolio = tables.audit, change.portfolio
    same = (table.c.portfolio_id == portfolio.portfolio_id) & (table.c.version == portfolio.version)
    same &= (table.c.after_hash == audit.state_hash(portfolio)) & (table.c.request_id == change.actor.request_id)
    return connection.scalar(select(table.c.audit_id).where(same)) is not None


def _write_portfolio(connection: Connection, change: Change, after_hash: str) -> str | None:
    """Insert, or update if the stored version is the expected one; the hash of the state before."""
    table, row = tables.portfolios, rows.portfolio_row(change.portfolio, after_hash)
    if change.expected_version is None:
        connection.execute(insert(table), row)
        return None
    expected = (table.c.portfolio_id == change.portfolio.portfolio_id) & (table.c.version == change.expected_version)
    before: str | None = connection.scalar(select(table.c.state_hash).where(expected, table.c.status != "archived"))
    if before is None:
        raise Conflict("version_conflict", "the portfolio was changed by somebody else meanwhile; read it again")
    connection.execute(update(table).where(expected).values(row))
    return before


def _write_positions(connection: Connection, portfolio: Portfolio) -> None:
    connection.execute(delete(tables.positions).where(tables.positions.c.portfolio_id == portfolio.portfolio_id))
    if found := rows.position_rows(portfolio):
        connection.execute(insert(tables.positions), found)


def head_of(connection: Connection) -> str:
    """The newest record's hash: nobody can have changed the books without changing it."""
    table = tables.audit
    newest: str | None = connection.scalar(select(table.c.record_hash).order_by(table.c.audit_id.desc()).limit(1))
    return newest or audit.GENESIS


def _write_audit(
    connection: Connection, change: Change, heads: Collection[str], before_hash: str | None, after_hash: str
) -> frozenset[str]:
    table, previous = tables.audit, head_of(connection)
    if heads and previous not in heads:
        raise Unavailable("storage_in_use", "another process has changed the books meanwhile; restart this one")
    record = {
        "portfolio_id": change.portfolio.portfolio_id,
        "version": change.portfolio.version,
        "at": change.at,
        "actor": change.actor.name,
        "request_id": change.actor.request_id,
        "action": change.action,
        "before_hash": before_hash,
        "after_hash": after_hash,
        "content_hash": audit.content_hash(change.entries, change.trades),
    }
    head = audit.record_hash(previous, record)
    connection.execute(insert(table), {**record, "record_hash": head})
    return frozenset({previous, head})


def append_events(connection: Connection, events: Sequence[Event]) -> None:
    if events:
        found = [{"topic": event.topic, "payload": dict(event.payload), "published": False} for event in events]
        connection.execute(insert(tables.outbox), found)

"""Checks the audit trail: every record follows from the one before, every change wrote what it says it wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from portfolio_service.adapters.storage import audit, rows, tables
from portfolio_service.domain.models import LedgerEntry, Trade

Key = tuple[str, int]  # portfolio_id, version


def verify(connection: Connection) -> list[str]:
    """Every contradiction found, in words; an empty list says that the whole trail holds."""
    records = connection.execute(select(tables.audit).order_by(tables.audit.c.audit_id)).mappings().all()
    faults = list(_broken_links([dict(record) for record in records]))
    told: dict[Key, str] = {(r["portfolio_id"], r["version"]): r["content_hash"] for r in records}
    entries, trades = _contents(connection)
    for key in sorted(told.keys() | entries.keys() | trades.keys()):
        if told.get(key) != audit.content_hash(entries.get(key, []), trades.get(key, [])):
            faults.append(f"{key[0]} version {key[1]}: its ledger entries or trades are not those it was booked with")
    last = {r["portfolio_id"]: r["after_hash"] for r in records}
    for owner, state in connection.execute(select(tables.portfolios.c.portfolio_id, tables.portfolios.c.state_hash)):
        if last.get(owner) != state:
            faults.append(f"{owner}: its state is not the one its last audit record left")
    return faults


def _broken_links(records: list[dict[str, Any]]) -> Iterator[str]:
    previous, last = audit.GENESIS, dict[str, str]()
    for record in records:
        number, claimed = record.pop("audit_id"), record.pop("record_hash")
        if audit.record_hash(previous, record) != claimed:
            yield f"audit record {number}: does not follow from the one before"
        if record["before_hash"] != last.get(record["portfolio_id"]):
            yield f"audit record {number}: starts from a state that {record['portfolio_id']} was not in"
        previous, last[record["portfolio_id"]] = claimed, record["after_hash"]


def _contents(connection: Connection) -> tuple[dict[Key, list[LedgerEntry]], dict[Key, list[Trade]]]:
    entries: dict[Key, list[LedgerEntry]] = defaultdict(list)
    ledger = tables.ledger
    query = select(ledger.c.portfolio_id, ledger.c.version, *rows.ENTRY).order_by(ledger.c.entry_id)
    for owner, version, *entry in connection.execute(query):
        entries[owner, version].append(rows.entry_of(*entry))
    trades: dict[Key, list[Trade]] = defaultdict(list)
    for row in connection.execute(select(tables.trades).order_by(tables.trades.c.trade_number)):
        trades[row.portfolio_id, row.version].append(rows.trade_of(row))
    return entries, trades

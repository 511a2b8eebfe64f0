"""Checks the audit trail: every record follows from the one before, every change wrote what it says it wrote."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import groupby, islice
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row, select, text
from sqlalchemy.exc import DatabaseError

from portfolio_service.adapters.storage import audit, rows, tables
from portfolio_service.adapters.storage.flows import FLOW
from portfolio_service.adapters.storage.recovery import UNREADABLE, book_faults
from portfolio_service.domain.cash_flows import moved
from portfolio_service.domain.models import ExternalFlow, LedgerEntry, Trade

BATCH = 1000  # rows in memory at a time
MOST = 20  # faults named; one broken page can make thousands


def examine(connection: Connection, stopped: Callable[[], bool] = lambda: False) -> list[str]:
    """The file itself where that can be asked, then the books and the whole trail."""
    try:
        return file_faults(connection) or book_faults(connection, stopped) or verify(connection, stopped)
    except UNREADABLE as error:
        return [f"a stored value cannot be read: {error!r}"]
    except DatabaseError as error:
        # "malformed", "not a database" are of this very class; a lost connection or a full disk are of another
        if type(error.orig) is sqlite3.DatabaseError:
            return [f"the file is damaged: {error.orig}"]
        raise


def file_faults(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []  # PostgreSQL checks the checksum of every page it reads
    found = [row[0] for row in connection.execute(text(f"PRAGMA integrity_check({MOST})"))]
    return [] if found == ["ok"] else [f"the file is damaged: {fault}" for fault in found]


def verify(connection: Connection, stopped: Callable[[], bool] = lambda: False) -> list[str]:
    """The contradictions found, in words; an empty list says that the whole trail holds."""
    return list(islice(_faults(connection, stopped), MOST))


def _faults(connection: Connection, stopped: Callable[[], bool]) -> Iterator[str]:
    last: dict[str, str] = {}
    yield from _broken_links(connection, last, stopped)
    portfolios = connection.execute(select(tables.portfolios.c.portfolio_id, tables.portfolios.c.state_hash)).all()
    for portfolio_id, state in portfolios:
        if stopped():
            return
        if last.get(portfolio_id) != state:
            yield f"{portfolio_id}: its state is not the one its last audit record left"
        yield from _other_contents(connection, portfolio_id)


def _broken_links(connection: Connection, last: dict[str, str], stopped: Callable[[], bool]) -> Iterator[str]:
    """The chain, oldest first; leaves the hash of each portfolio's last state in `last`."""
    previous, versions = audit.GENESIS, dict[str, int]()
    query = select(tables.audit).order_by(tables.audit.c.audit_id).execution_options(yield_per=BATCH)
    with connection.execute(query) as records:
        for row in records.mappings():
            if stopped():
                return
            record = dict(row)
            number, claimed, owner = record.pop("audit_id"), record.pop("record_hash"), record["portfolio_id"]
            if audit.record_hash(previous, record) != claimed:
                yield f"audit record {number}: does not follow from the one before"
            if record["before_hash"] != last.get(owner):
                yield f"audit record {number}: starts from a state that {owner} was not in"
            if record["version"] != versions.get(owner, 0) + 1:
                yield f"audit record {number}: version {record['version']} of {owner} after {versions.get(owner, 0)}"
            previous, last[owner], versions[owner] = claimed, record["after_hash"], record["version"]


def _other_contents(connection: Connection, portfolio_id: str) -> Iterator[str]:
    """Versions whose entries and trades are not those of their audit record, or whose external flow is not theirs."""
    table = tables.audit
    query = select(table.c.version, table.c.content_hash).where(table.c.portfolio_id == portfolio_id)
    told: dict[int, str] = {row.version: row.content_hash for row in connection.execute(query)}
    entries, trades = _entries(connection, portfolio_id), _trades(connection, portfolio_id)
    flows = _flows(connection, portfolio_id)
    for version in sorted(told.keys() | entries.keys() | trades.keys() | flows.keys()):
        booked, (flow, claimed) = entries.get(version, []), flows.get(version, (None, None))
        if told.get(version) != audit.content_hash(booked, trades.get(version, [])):
            yield f"{portfolio_id} version {version}: its ledger entries or trades are not those it was booked with"
        if (None if flow is None else (flow.kind, flow.amount, flow.recorded_at)) != moved(booked):
            yield f"{portfolio_id} version {version}: its external flow is not that of its ledger entries"
        elif flow is not None and audit.flow_hash(flow) != claimed:
            yield f"{portfolio_id} version {version}: its external flow does not have the hash that was stored with it"


def _entries(connection: Connection, portfolio_id: str) -> dict[int, list[LedgerEntry]]:
    table, found = tables.ledger, defaultdict[int, list[LedgerEntry]](list)
    query = select(table.c.version, *rows.ENTRY).where(table.c.portfolio_id == portfolio_id).order_by(table.c.entry_id)
    for version, *entry in connection.execute(query):
        found[version].append(rows.entry_of(*entry))
    return found


def _flows(connection: Connection, portfolio_id: str) -> dict[int, tuple[ExternalFlow | None, str | None]]:
    """Each flow with its hash."""
    table = tables.external_flows
    query = select(table.c.flow_hash, *FLOW).where(table.c.portfolio_id == portfolio_id)
    return {row[2]: (ExternalFlow(*row[1:]), row[0]) for row in connection.execute(query)}


def _trades(connection: Connection, portfolio_id: str) -> dict[int, list[Trade]]:
    table = tables.trades
    query = select(table).where(table.c.portfolio_id == portfolio_id).order_by(table.c.trade_number)
    grouped: Iterator[tuple[int, Iterator[Row[Any]]]] = groupby(connection.execute(query), key=attrgetter("version"))
    found = defaultdict[int, list[Trade]](list)
    for version, group in grouped:
        found[version] += [rows.trade_of(row) for row in group]
    return found

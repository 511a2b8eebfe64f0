"""What external flows say is under the audit: their amounts follow from the ledger, the rest from their hash."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from portfolio_service.adapters.storage import SqlRepository
from portfolio_service.adapters.storage.database import Database
from portfolio_service.adapters.storage.flows import ExternalFlowStore
from portfolio_service.domain.cash_flows import CashService
from portfolio_service.domain.portfolio import NewPortfolio
from tests.service.fakes import ACTOR, Desk, ManualClock, TableMarket


async def _fill(path: Path) -> None:
    database = await Database.open(path)
    clock = ManualClock()
    desk = Desk(clock, TableMarket(clock, {"A": "10"}), SqlRepository(database))
    cash = CashService(books=desk.books, prices=desk.prices, flows=ExternalFlowStore(database), clock=clock)
    own = (await desk.portfolios.create(NewPortfolio("P", Decimal(1000)), ACTOR)).portfolio_id
    await cash.deposit(own, Decimal("12.34"), "kept", ACTOR)
    await cash.withdraw(own, Decimal("2.34"), None, ACTOR)
    await database.close()


async def _faults(path: Path) -> str:
    database = await Database.open(path)
    try:
        return "; ".join(await SqlRepository(database).audit())
    finally:
        await database.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE external_flows SET amount = amount + 1 WHERE version = 2", "its external flow is not that of"),
        ("UPDATE external_flows SET kind = 'deposit' WHERE version = 3", "its external flow is not that of"),
        ("DELETE FROM external_flows WHERE version = 1", "its external flow is not that of"),
        ("UPDATE external_flows SET value_after = value_after + 1 WHERE version = 3", "does not have the hash"),
        ("UPDATE external_flows SET note = 'other' WHERE version = 2", "does not have the hash"),
    ],
)
async def test_a_changed_flow_is_found(tmp_path: Path, change: str, fault: str) -> None:
    path = tmp_path / "portfolio.db"
    await _fill(path)
    assert await _faults(path) == ""
    connection = sqlite3.connect(path)
    for trigger in ("external_flows_no_update", "external_flows_no_delete"):
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute(change)
    connection.commit()
    connection.close()
    assert fault in await _faults(path)

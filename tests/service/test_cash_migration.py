"""Books from before external flows were recorded: they are taken from the ledger, days keep the return they had."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select

from portfolio_service.adapters.storage import SqlRepository, tables
from portfolio_service.adapters.storage.daily_records import DailyRecordStore
from portfolio_service.adapters.storage.database import Database
from portfolio_service.adapters.storage.flows import ExternalFlowStore
from portfolio_service.adapters.storage.migrate import downgrade, upgrade
from portfolio_service.domain.cash_flows import CashService
from portfolio_service.domain.measures import nothing
from portfolio_service.domain.models import DailyRecord
from portfolio_service.domain.portfolio import NewPortfolio, PositionUpdate
from portfolio_service.domain.rebalancing import RebalanceRequest
from tests.service.fakes import ACTOR, Desk, ManualClock, TableMarket

D = Decimal


async def _fill(path: Path) -> str:
    """Every kind of flow, a trade between them, and two days of record."""
    database = await Database.open(path)
    repository = SqlRepository(database)
    clock = ManualClock()
    desk = Desk(clock, TableMarket(clock, {"A": "10.005", "B": "20"}), repository)
    cash = CashService(books=desk.books, prices=desk.prices, flows=ExternalFlowStore(database), clock=clock)
    own = (await desk.portfolios.create(NewPortfolio("P", D(1000)), ACTOR)).portfolio_id
    stated = [PositionUpdate("A", D("33.3")), PositionUpdate("B", D(7))]
    await desk.portfolios.update_positions(own, stated, False, ACTOR)
    await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.5, "B": 0.4}), ACTOR)
    await cash.deposit(own, D("12.34"), "kept", ACTOR)
    await cash.withdraw(own, D("2.34"), None, ACTOR)
    days = [(D(1000), D(1000), 0.0), (D(1210), D(100), 0.1)]
    for k, (value, flow, earned) in enumerate(days):
        day = clock.now().replace(hour=0) + timedelta(days=k)
        record = DailyRecord(own, day, value, flow, nothing(own, clock.now()), earned)
        await repository.save_daily_records([record], [])
    await repository.close()
    return own


def _stored(path: Path) -> list[Any]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        found = list(connection.execute(select(tables.external_flows).order_by(tables.external_flows.c.version)))
    engine.dispose()
    return found


async def test_flows_and_returns_come_back_from_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.db"
    own = await _fill(path)
    before = _stored(path)
    assert [(row.kind, row.amount) for row in before] == [
        ("deposit", D(1000)),
        ("transfer", D("-426.83")),  # 900 of capital left, 333.17 of A and 140 of B came in
        ("deposit", D("12.34")),
        ("withdrawal", D("-2.34")),
    ]
    assert all(row.value_after is not None for row in before)
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        downgrade(connection, "0004")
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()
    after = _stored(path)
    keep = ("portfolio_id", "version", "kind", "amount", "recorded_at")
    assert [[getattr(row, name) for name in keep] for row in after] == [
        [getattr(row, name) for name in keep] for row in before
    ]
    assert [row.value_after for row in after] == [D(1000), None, None, None]
    database = await Database.open(path)
    assert await SqlRepository(database).audit() == []
    course = await DailyRecordStore(database).course(own)
    await database.close()
    assert course.returns == pytest.approx([0.0, 0.1])

"""Decisions in both databases: kept once, read back as they were, remembered by a new process, never changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from portfolio_service.adapters.storage import SqlRepository
from portfolio_service.adapters.storage.database import Database
from portfolio_service.adapters.storage.decisions import DecisionStore
from portfolio_service.domain.models import Decision, Memory
from portfolio_service.domain.portfolio import NewPortfolio
from tests.service.conftest import DATABASES
from tests.service.fakes import ACTOR, START, Desk, ManualClock, TableMarket

pytestmark = pytest.mark.parametrize("database_kind", DATABASES)


@pytest.fixture
async def database(where: Path | str) -> AsyncIterator[Database]:
    found = await Database.open(where)
    yield found
    await found.close()


@pytest.fixture
async def owner(database: Database) -> str:
    clock = ManualClock()
    desk = Desk(clock, TableMarket(clock, {"A": "10"}), SqlRepository(database))
    return (await desk.portfolios.create(NewPortfolio("P", symbols=("A",)), ACTOR)).portfolio_id


def decision(owner: str, **changes: Any) -> Decision:
    said: dict[str, Any] = {"trigger": "scheduled", "outcome": "traded", "code": "rebalanced", "reason": "said so"}
    about = {"period": date(2025, 8, 25), "concludes": "weekly:2025-08-25", "numbers": {"max_drift": 0.07}}
    return Decision(**{"portfolio_id": owner, "at": START, **said, **about, **changes})


async def test_what_was_kept_is_read_newest_first(database: Database, owner: str) -> None:
    store = DecisionStore(database)
    kept = [decision(owner, concludes=None, at=START + timedelta(hours=k)) for k in range(3)]
    await store.append(kept[:2])
    await store.append(kept[2:])
    assert await store.page(owner, 2, 0) == (kept[:0:-1], 3)
    assert await store.page(owner, 2, 2) == (kept[:1], 3)
    assert await store.page("port_000000000000", 2, 0) == ([], 0)


async def test_memories_of_a_new_process(database: Database, owner: str) -> None:
    store = DecisionStore(database)
    assert await store.memories() == {}
    done = decision(owner)
    began = replace(done, trigger="change", code="resumed", period=None, concludes=None, at=START + timedelta(days=1))
    last = replace(done, outcome="refused", period=date(2025, 9, 1), concludes=None, at=START + timedelta(days=7))
    await store.append([done, began, last])
    expected = Memory(date(2025, 8, 25), began.at, last)
    assert await store.memories() == {owner: expected}
    assert await store.memories(owner) == {owner: expected}
    assert await store.memories("port_000000000000") == {}


async def test_a_period_is_concluded_once_and_nothing_is_changed_later(database: Database, owner: str) -> None:
    store = DecisionStore(database)
    await store.append([decision(owner)])
    with pytest.raises(DBAPIError, match=r"(?i)unique"):
        await store.append([decision(owner, concludes="monthly:2025-08-01"), decision(owner)])
    assert (await store.page(owner, 10, 0))[1] == 1
    for statement in ("UPDATE decisions SET outcome = 'refused'", "DELETE FROM decisions"):
        with pytest.raises(DBAPIError, match="append-only"):
            await database.write(Connection.execute, text(statement))

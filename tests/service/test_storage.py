"""SQLite storage: what is committed comes back exactly, what fails leaves nothing, damage is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from portfolio_service.adapters.storage import BooksDamaged, SqlRepository
from portfolio_service.adapters.storage import repository as repository_module
from portfolio_service.domain import events
from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import Conflict, Unavailable
from portfolio_service.domain.models import (
    Change,
    DailyRecord,
    OptimizationMethod,
    OptimizationRecord,
    PerformanceMetrics,
    Portfolio,
    PortfolioStatus,
    RebalanceFrequency,
    Target,
)
from portfolio_service.domain.portfolio import NewPortfolio, PositionUpdate
from portfolio_service.domain.rebalancing import RebalanceRequest
from tests.service.fakes import ACTOR, START, Desk, ManualClock, TableMarket

D = Decimal
NEW = NewPortfolio(
    "Tëch 📈 'quoted'",
    D("123456.78"),
    D("1234.56"),
    OptimizationMethod.MAX_SHARPE,
    RebalanceFrequency.WEEKLY,
    {"desk": {"a": [1, 2.5, None, "ü"]}},
    ("A", "B", "C"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "portfolio.db"


@pytest.fixture
async def repository(path: Path) -> AsyncIterator[SqlRepository]:
    opened = await SqlRepository.open(path)
    yield opened
    await opened.close()


@pytest.fixture
def desk(repository: SqlRepository) -> Desk:
    clock = ManualClock()
    return Desk(clock, TableMarket(clock, {"A": "100", "B": "0.00000701", "C": "33.33333333"}), repository)


async def busy_life(desk: Desk) -> Portfolio:
    """A portfolio that has seen every kind of change."""
    portfolio = await desk.portfolios.create(NEW, ACTOR)
    own = portfolio.portfolio_id
    desk.clock.advance(timedelta(microseconds=1234567))
    fund = PositionUpdate("MY FUND", D("0.00000001"), D("7.77777777"), D("0.01"))
    await desk.portfolios.update_positions(own, [fund, PositionUpdate("A", D("1.5"))], False, ACTOR)
    await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.5, "B": 0.1, "C": 0.3}), ACTOR)
    before = desk.books.get(own)
    record = optimization(own, desk.clock.now())
    after = replace(
        before,
        version=before.version + 1,
        target=Target(record.target_weights, True, record.optimization_id),
        policy={"method": "max_sharpe", "constraints": {"max_position_weight": 0.3}},
    )
    told = (events.optimized(record),)
    return await desk.books.apply(
        Change("portfolio.optimize", after, before.version, ACTOR, desk.clock.now(), optimization=record, events=told)
    )


def optimization(own: str, at: datetime, number: int = 1) -> OptimizationRecord:
    weights = {"A": 0.1, "B": 1 / 3, "C": 0.0}
    return OptimizationRecord(
        f"opt_{number:012x}", own, OptimizationMethod.MAX_SHARPE, "optimization_relaxed", weights, 0.1, 0.2, 0.4,
        12.5, at, {"violations": [{"constraint": "target_return", "requested": 0.2, "achieved": 0.1}]},
    )  # fmt: skip


def sql(path: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        found = connection.execute(statement, values).fetchall()
    connection.close()
    return found


async def test_everything_comes_back_exactly(desk: Desk, repository: SqlRepository) -> None:
    portfolio = await busy_life(desk)
    other = await desk.portfolios.create(NewPortfolio("plain"), ACTOR)
    books = Books(repository)
    await books.load()
    assert books.all() == [portfolio, other]
    loaded = books.get(portfolio.portfolio_id)
    assert loaded.client_prices["MY FUND"].price == 1000000
    assert loaded.book.holdings == portfolio.book.holdings
    assert loaded.last_rebalanced == portfolio.last_rebalanced
    (record,), total = await repository.optimizations(portfolio.portfolio_id, 10, 0)
    assert (record, total) == (optimization(portfolio.portfolio_id, desk.clock.now()), 1)
    assert await repository.load_portfolio("port_nope") is None


async def test_documented_tables_and_columns_hold_readable_values(desk: Desk, path: Path) -> None:
    portfolio = await busy_life(desk)
    value = desk.value(portfolio.portfolio_id)
    row = sql(
        path,
        "SELECT portfolio_id, portfolio_name, total_value, cash_balance, optimization_method, rebalance_frequency,"
        " created_at, last_rebalanced FROM portfolios",
    )[0]
    assert row == (
        portfolio.portfolio_id, NEW.portfolio_name, int(value.total_value * 100), int(value.cash_balance * 100),
        "max_sharpe", "weekly", "2025-08-25T15:00:00.000000Z", "2025-08-25T15:00:01.234567Z",
    )  # fmt: skip
    held = sql(
        path,
        "SELECT position_id, portfolio_id, symbol, quantity, avg_cost, market_value, weight, last_updated"
        " FROM positions WHERE symbol = 'MY FUND'",
    )[0]
    own = portfolio.portfolio_id
    assert held[:6] == (f"{own}:MY FUND", own, "MY FUND", 1, 0, 1)
    assert held[6] == value.positions["MY FUND"].weight
    optimizations = sql(
        path, "SELECT method, target_weights, expected_return, expected_risk, sharpe_ratio FROM optimizations"
    )
    assert optimizations == [("max_sharpe", '{"A": 0.1, "B": 0.3333333333333333, "C": 0.0}', 0.1, 0.2, 0.4)]


async def test_the_audit_trail_names_who_and_what_and_verifies(
    desk: Desk, repository: SqlRepository, path: Path
) -> None:
    portfolio = await busy_life(desk)
    await desk.portfolios.archive(portfolio.portfolio_id, ACTOR)
    found = sql(path, "SELECT version, action, actor, request_id, before_hash, after_hash FROM audit ORDER BY audit_id")
    assert [row[:4] for row in found] == [
        (1, "portfolio.create", "test", "req-1"),
        (2, "portfolio.positions", "test", "req-1"),
        (3, "portfolio.rebalance", "test", "req-1"),
        (4, "portfolio.optimize", "test", "req-1"),
        (5, "portfolio.archive", "test", "req-1"),
    ]
    assert [row[4] for row in found] == [None, *(row[5] for row in found[:-1])]
    assert await repository.verify_audit() == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE audit SET actor = 'somebody' WHERE audit_id = 2", "audit record 2: does not follow"),
        ("DELETE FROM audit WHERE audit_id = 2", "audit record 3"),
        ("UPDATE ledger SET recorded_at = '2020-01-01T00:00:00.000000Z' WHERE entry_id = 6", "version 2"),
        ("DELETE FROM trades WHERE trade_number = 1", "version 3"),
        ("UPDATE portfolios SET state_hash = 'x'", "not the one its last audit record left"),
    ],
)
async def test_a_rewritten_history_does_not_verify(
    desk: Desk, repository: SqlRepository, path: Path, damage: str, words: str
) -> None:
    await busy_life(desk)
    tamper(path, damage)
    assert any(words in fault for fault in await repository.verify_audit())


def tamper(path: Path, statement: str) -> None:
    """What an attacker or a disk does: the guards against ordinary mistakes are taken away first."""
    for table in ("audit", "ledger", "trades"):
        for what in ("update", "delete"):
            sql(path, f"DROP TRIGGER {table}_no_{what}")
    sql(path, statement)


@pytest.mark.parametrize("table", ["ledger", "trades", "audit"])
async def test_history_cannot_be_changed_by_mistake(desk: Desk, path: Path, table: str) -> None:
    await busy_life(desk)
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET version = 0"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            sql(path, statement)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE positions SET quantity = quantity + 1 WHERE symbol = 'A'", "position A is"),
        ("DELETE FROM positions WHERE symbol = 'B'", "position B is absent"),
        ("UPDATE portfolios SET cash_balance = cash_balance + 1", "cash_balance is"),
        ("UPDATE portfolios SET unallocated_capital = 5", "unallocated_capital is 0.05"),
        ("UPDATE portfolios SET portfolio_name = 'other'", "hash"),
        ("UPDATE ledger SET amount = amount + 1 WHERE kind = 'deposit'", "its ledger says"),
        ("UPDATE ledger SET quantity = quantity * 2 WHERE kind = 'sell'", "its ledger"),
    ],
)
async def test_books_that_contradict_their_ledger_are_not_served(
    desk: Desk, repository: SqlRepository, path: Path, damage: str, words: str
) -> None:
    portfolio = await busy_life(desk)
    fine = await desk.portfolios.create(NewPortfolio("fine"), ACTOR)
    tamper(path, damage + (" AND " if "WHERE" in damage else " WHERE ") + f"portfolio_id = '{portfolio.portfolio_id}'")
    with pytest.raises(BooksDamaged, match=portfolio.portfolio_id) as failure:
        await Books(repository).load()
    assert words in str(failure.value)
    assert fine.portfolio_id not in str(failure.value)


async def test_an_archived_portfolio_is_kept_but_not_loaded(desk: Desk, repository: SqlRepository, path: Path) -> None:
    portfolio = await busy_life(desk)
    await desk.portfolios.archive(portfolio.portfolio_id, ACTOR)
    assert await repository.load_portfolios() == []
    assert sql(path, "SELECT status FROM portfolios") == [("archived",)]
    assert len(await repository.ledger(portfolio.portfolio_id)) > 5
    again = replace(portfolio, version=portfolio.version + 2, status=PortfolioStatus.ACTIVE)
    with pytest.raises(Conflict):
        await repository.commit(Change("portfolio.revive", again, portfolio.version + 1, ACTOR, START))


async def test_another_version_is_a_conflict_and_writes_nothing(desk: Desk, repository: SqlRepository) -> None:
    portfolio = await desk.portfolios.create(NewPortfolio("P"), ACTOR)
    renamed = replace(portfolio, portfolio_name="new", version=9)
    told = (events.risk_alert(portfolio.portfolio_id, "position", 0.2, 0.3, "too much", START),)
    with pytest.raises(Conflict) as failure:
        await repository.commit(Change("portfolio.rename", renamed, 8, ACTOR, START, events=told))
    assert failure.value.code == "version_conflict"
    assert [event.topic for _, event in await repository.pending_events(10)] == ["portfolio.created"]
    assert await repository.load_portfolios() == [portfolio]


async def test_a_change_that_fails_half_way_leaves_nothing(desk: Desk, repository: SqlRepository) -> None:
    """The optimisation's id is taken, which shows only after ledger and positions were written."""
    portfolio = await busy_life(desk)
    again = optimization(portfolio.portfolio_id, START)
    change = Change(
        "portfolio.optimize", replace(portfolio, version=portfolio.version + 1), portfolio.version, ACTOR, START,
        entries=tuple(await repository.ledger(portfolio.portfolio_id)), optimization=again,
    )  # fmt: skip
    before = await repository.ledger(portfolio.portfolio_id)
    with pytest.raises(Exception, match="UNIQUE"):
        await repository.commit(change)
    assert await repository.ledger(portfolio.portfolio_id) == before
    assert await repository.load_portfolios() == [portfolio]
    assert await repository.verify_audit() == []


async def pragma(repository: SqlRepository, statement: str) -> None:
    """Set on the writer itself, outside any transaction."""
    async with repository._database._writer.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await (await driver.execute(f"PRAGMA {statement}")).close()


@pytest.mark.parametrize(
    ("break_it", "mend_it", "words"),
    [
        ("max_page_count = 1", "max_page_count = 1000000", "full"),
        ("query_only = ON", "query_only = OFF", "readonly"),
    ],
)
async def test_a_full_or_read_only_disk_is_unavailable_and_recovers(
    desk: Desk, repository: SqlRepository, monkeypatch: pytest.MonkeyPatch, break_it: str, mend_it: str, words: str
) -> None:
    monkeypatch.setattr(repository_module, "WRITABLE_FOR_S", 0.0)
    portfolio = await desk.portfolios.create(NewPortfolio("P", metadata={"pad": "x" * 20000}), ACTOR)
    await repository.check_writable()
    await pragma(repository, break_it)
    with pytest.raises(Unavailable, match=words) as failure:
        await desk.portfolios.create(NewPortfolio("Q", metadata={"pad": "x" * 20000}), ACTOR)
    assert failure.value.code == "storage_unavailable"
    assert desk.books.all() == [portfolio]
    assert await repository.load_portfolios() == [portfolio]
    await pragma(repository, mend_it)
    await desk.portfolios.create(NewPortfolio("Q"), ACTOR)
    await repository.check_writable()
    assert await repository.verify_audit() == []


async def test_a_read_only_database_is_not_writable(repository: SqlRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_module, "WRITABLE_FOR_S", 0.0)
    await pragma(repository, "query_only = ON")
    with pytest.raises(Unavailable):
        await repository.check_writable()


async def test_a_lock_held_by_another_program_is_unavailable_for_as_long(
    desk: Desk, repository: SqlRepository, path: Path
) -> None:
    await pragma(repository, "busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await desk.portfolios.create(NewPortfolio("P"), ACTOR)
    other.execute("ROLLBACK")
    other.close()
    await desk.portfolios.create(NewPortfolio("P"), ACTOR)
    assert len(desk.books.all()) == 1


async def test_a_second_service_on_the_same_file_is_refused(repository: SqlRepository, path: Path) -> None:
    with pytest.raises(Unavailable, match="another process") as failure:
        await SqlRepository.open(path)
    assert failure.value.code == "storage_in_use"


async def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Unavailable, match="file"):
        await SqlRepository.open(tmp_path / "file" / "portfolio.db")


async def test_what_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "portfolio.db").write_bytes(b"this is not a database, it is a text" * 200)
    with pytest.raises(Unavailable, match="not a database"):
        await SqlRepository.open(tmp_path / "portfolio.db")


async def test_the_connections_are_set_as_promised(repository: SqlRepository) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "mmap_size": 0, "foreign_keys": 1, "fullfsync": 1}
    async with repository._database.write() as connection:
        found = {name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in expected}
    assert found == expected
    async with repository._database.read() as connection:
        with pytest.raises(Exception, match="readonly"):
            await connection.exec_driver_sql("DELETE FROM outbox")


async def test_outbox_ids_only_grow_and_published_events_do_not_come_again(
    desk: Desk, repository: SqlRepository
) -> None:
    portfolio = await desk.portfolios.create(NEW, ACTOR)
    alert = events.risk_alert(portfolio.portfolio_id, "position", 0.2, 0.3, "too much", START)
    await repository.append_events([alert, alert])
    await repository.append_events([])
    pending = await repository.pending_events(10)
    assert [event.topic for _, event in pending] == [
        "portfolio.created",
        "portfolio.risk.alert",
        "portfolio.risk.alert",
    ]
    assert pending[1][1] == alert
    ids = [message_id for message_id, _ in pending]
    assert ids == sorted(set(ids))
    await repository.mark_published(ids[:2])
    assert [message_id for message_id, _ in await repository.pending_events(10)] == ids[2:]
    assert len(await repository.pending_events(0)) == 0


async def test_pages_come_newest_first_with_the_whole_count(desk: Desk, repository: SqlRepository) -> None:
    portfolio = await busy_life(desk)
    own = portfolio.portfolio_id
    everything, total = await repository.trades(own, 100, 0)
    assert total == len(everything) == 3
    assert await repository.trades(own, 1, 1) == (everything[1:2], 3)
    assert await repository.trades(own, 5, 5) == ([], 3)
    assert (await repository.optimizations(own, 0, 0))[1] == 1


async def test_daily_records_replace_the_same_day(desk: Desk, repository: SqlRepository) -> None:
    portfolio = await desk.portfolios.create(NEW, ACTOR)
    own = portfolio.portfolio_id
    metrics = PerformanceMetrics(own, 0.1, 0.2, 0.3, 0.4, -0.5, 0.6, 0.7, -8.5, START)
    days = [datetime(2025, 8, day, tzinfo=UTC) for day in (20, 21, 22)]
    records = [DailyRecord(own, day, D("123.45"), D("-1.00"), metrics, 0.25) for day in days]
    told = [events.performance_calculated(metrics)]
    await repository.save_daily_records(records, told)
    changed = replace(records[2], total_value=D("200.00"))
    await repository.save_daily_records([changed], [])
    assert await repository.daily_records(own, date(2025, 8, 21)) == [records[1], changed]
    (_, event) = (await repository.pending_events(10))[-1]
    assert event.payload["var_95"] == -8.5
    assert event.payload["portfolio_id"] == own


async def test_counters_come_from_the_database(desk: Desk, repository: SqlRepository) -> None:
    await busy_life(desk)
    now = desk.clock.now()
    counters = await repository.counters(now)
    assert vars(counters) == {
        "optimizations_total": 1, "rebalances_total": 1, "optimizations_24h": 1, "rebalances_24h": 1,
    }  # fmt: skip
    later = await repository.counters(now + timedelta(hours=25))
    assert (later.rebalances_total, later.rebalances_24h, later.optimizations_24h) == (1, 0, 0)

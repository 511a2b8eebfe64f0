"""Storage on both databases: what is committed comes back exactly, what fails leaves nothing, damage is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from portfolio_service.adapters.storage import BooksDamaged, SqlRepository, postgresql
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
from tests.service.conftest import DATABASES, Sql
from tests.service.fakes import ACTOR, START, Desk, ManualClock, TableMarket
from tests.service.postgres import PASSWORD

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


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def repository(where: Path | str) -> AsyncIterator[SqlRepository]:
    opened = await SqlRepository.open(where)
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


async def test_documented_tables_and_columns_hold_readable_values(desk: Desk, sql: Sql, where: Path | str) -> None:
    portfolio = await busy_life(desk)
    value = desk.value(portfolio.portfolio_id)

    def kept(number: Decimal, places: int = 2) -> Decimal:
        return number.scaleb(places) if sql.kind == "sqlite" else number

    times = (START, portfolio.last_rebalanced)
    if sql.kind == "sqlite":
        times = ("2025-08-25T15:00:00.000000Z", "2025-08-25T15:00:01.234567Z")
    row = sql(
        "SELECT portfolio_id, portfolio_name, total_value, cash_balance, optimization_method, rebalance_frequency,"
        " created_at, last_rebalanced FROM portfolios",
    )[0]
    assert row == (
        portfolio.portfolio_id, NEW.portfolio_name, kept(value.total_value), kept(value.cash_balance),
        "max_sharpe", "weekly", *times,
    )  # fmt: skip
    held = sql(
        "SELECT position_id, portfolio_id, symbol, quantity, avg_cost, market_value, weight, last_updated"
        " FROM positions WHERE symbol = 'MY FUND'",
    )[0]
    own = portfolio.portfolio_id
    assert held[:6] == (f"{own}:MY FUND", own, "MY FUND", kept(D("0.00000001"), 8), 0, kept(D("0.01")))
    assert held[6] == value.positions["MY FUND"].weight
    optimizations = sql(
        "SELECT method, target_weights, expected_return, expected_risk, sharpe_ratio FROM optimizations"
    )
    weights = '{"A": 0.1, "B": 0.3333333333333333, "C": 0.0}'
    found = weights if sql.kind == "sqlite" else json.loads(weights)
    assert optimizations == [("max_sharpe", found, 0.1, 0.2, 0.4)]


async def test_the_audit_trail_names_who_and_what_and_verifies(desk: Desk, repository: SqlRepository, sql: Sql) -> None:
    portfolio = await busy_life(desk)
    await desk.portfolios.archive(portfolio.portfolio_id, ACTOR)
    found = sql("SELECT version, action, actor, request_id, before_hash, after_hash FROM audit ORDER BY audit_id")
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
    desk: Desk, repository: SqlRepository, sql: Sql, damage: str, words: str
) -> None:
    await busy_life(desk)
    tamper(sql, damage)
    assert any(words in fault for fault in await repository.verify_audit())


def tamper(sql: Sql, statement: str) -> None:
    """What an attacker or a disk does: the guards against ordinary mistakes are taken away first."""
    for table in ("audit", "ledger", "trades"):
        if sql.kind == "sqlite":
            sql(f"DROP TRIGGER {table}_no_update")
            sql(f"DROP TRIGGER {table}_no_delete")
        else:
            sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    sql(statement)


@pytest.mark.parametrize("table", ["ledger", "trades", "audit"])
async def test_history_cannot_be_changed_by_mistake(desk: Desk, sql: Sql, table: str) -> None:
    await busy_life(desk)
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET version = 0"):
        with pytest.raises(IntegrityError, match="append-only"):
            sql(statement)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE positions SET quantity = quantity + 1 WHERE symbol = 'A'", "position A is"),
        ("DELETE FROM positions WHERE symbol = 'B'", "position B is absent"),
        ("UPDATE portfolios SET cash_balance = cash_balance + 1", "cash_balance is"),
        ("UPDATE portfolios SET unallocated_capital = 5", "unallocated_capital is"),
        ("UPDATE portfolios SET portfolio_name = 'other'", "hash"),
        ("UPDATE ledger SET amount = amount + 1 WHERE kind = 'deposit'", "its ledger says"),
        ("UPDATE ledger SET quantity = quantity * 2 WHERE kind = 'sell'", "its ledger"),
    ],
)
async def test_books_that_contradict_their_ledger_are_not_served(
    desk: Desk, repository: SqlRepository, sql: Sql, damage: str, words: str
) -> None:
    portfolio = await busy_life(desk)
    fine = await desk.portfolios.create(NewPortfolio("fine"), ACTOR)
    tamper(sql, damage + (" AND " if "WHERE" in damage else " WHERE ") + f"portfolio_id = '{portfolio.portfolio_id}'")
    with pytest.raises(BooksDamaged, match=portfolio.portfolio_id) as failure:
        await Books(repository).load()
    assert words in str(failure.value)
    assert fine.portfolio_id not in str(failure.value)


async def test_an_archived_portfolio_is_kept_but_not_loaded(desk: Desk, repository: SqlRepository, sql: Sql) -> None:
    portfolio = await busy_life(desk)
    await desk.portfolios.archive(portfolio.portfolio_id, ACTOR)
    assert await repository.load_portfolios() == []
    assert sql("SELECT status FROM portfolios") == [("archived",)]
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
    with pytest.raises(IntegrityError):
        await repository.commit(change)
    assert await repository.ledger(portfolio.portfolio_id) == before
    assert await repository.load_portfolios() == [portfolio]
    assert await repository.verify_audit() == []


async def test_a_second_service_on_the_same_books_is_refused(
    repository: SqlRepository, where: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "WAIT_FOR_LOCK_MS", 100)
    with pytest.raises(Unavailable, match="another process already keeps its books in") as failure:
        await SqlRepository.open(where)
    assert failure.value.code == "storage_in_use"
    assert PASSWORD not in str(failure.value)
    assert await repository.load_portfolios() == []


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

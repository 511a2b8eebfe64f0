"""Migrations: up and down with data in the tables, and the schema they make is the one the code uses."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from portfolio_service.adapters.storage import SqlRepository
from portfolio_service.adapters.storage.migrate import MIGRATIONS, downgrade, newest, upgrade
from portfolio_service.adapters.storage.tables import metadata
from portfolio_service.adapters.storage.verify import verify
from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.models import DailyRecord, PerformanceMetrics
from portfolio_service.domain.portfolio import NewPortfolio, PositionUpdate
from portfolio_service.domain.rebalancing import RebalanceRequest
from tests.service.conftest import DATABASES, Sql
from tests.service.fakes import ACTOR, START, Desk, ManualClock, TableMarket

BOOKS = ("portfolios", "positions", "ledger", "trades", "audit", "optimizations", "performance_history")
REVISIONS = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]
DOCUMENTED = {
    "portfolios": {
        "portfolio_id", "portfolio_name", "total_value", "cash_balance", "optimization_method",
        "rebalance_frequency", "created_at", "last_rebalanced",
    },
    "positions": {
        "position_id", "portfolio_id", "symbol", "quantity", "avg_cost", "market_value", "weight", "last_updated",
    },
    "optimizations": {
        "optimization_id", "portfolio_id", "method", "target_weights", "expected_return", "expected_risk",
        "sharpe_ratio", "created_at",
    },
    "performance_history": {
        "history_id", "portfolio_id", "calculation_date", "total_return", "annualized_return", "volatility",
        "sharpe_ratio", "max_drawdown", "alpha", "beta", "var_95",
    },
}  # fmt: skip


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def fill(where: Path | str) -> int:
    """Books with some data, through the front door; the number of ledger entries."""
    repository = await SqlRepository.open(where)
    clock = ManualClock()
    desk = Desk(clock, TableMarket(clock, {"A": "10", "B": "20"}), repository)
    portfolio = await desk.portfolios.create(NewPortfolio("P", symbols=("A", "B")), ACTOR)
    own = portfolio.portfolio_id
    await desk.portfolios.update_positions(own, [PositionUpdate("A", Decimal("7.5"), Decimal(9))], False, ACTOR)
    await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.8, "B": 0.1}), ACTOR)
    metrics = PerformanceMetrics(own, 0.1, 0.2, 0.3, 0.4, -0.5, 0.6, 0.7, -8.5, START)
    day = DailyRecord(own, START, Decimal("123.45"), Decimal("-1.00"), metrics, 0.01)
    await repository.save_daily_records([day], [])
    entries = await repository.ledger(own)
    await repository.close()
    return len(entries)


def counts(connection: Connection) -> dict[str, int]:
    names = [name for name in inspect(connection).get_table_names() if name in metadata.tables]
    return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}


def test_the_newest_revision_is_read_off_the_file_names() -> None:
    assert newest() == REVISIONS[-1]


def test_the_migrated_schema_is_the_one_in_the_code(sql: Sql) -> None:
    with sql.engine.begin() as connection:
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        for table, columns in DOCUMENTED.items():
            assert columns <= {column["name"] for column in inspect(connection).get_columns(table)}


@pytest.mark.parametrize("revision", REVISIONS)
async def test_each_revision_goes_down_and_up_again_with_data(sql: Sql, where: Path | str, revision: str) -> None:
    assert await fill(where) > 3
    below = REVISIONS[REVISIONS.index(revision) - 1] if revision != REVISIONS[0] else "base"
    with sql.engine.begin() as connection:
        before = counts(connection)
        assert before["portfolios"] == before["performance_history"] == 1
        downgrade(connection, below)
    with sql.engine.begin() as connection:
        if below == "base":
            assert counts(connection) == {}
        upgrade(connection)
        after = counts(connection)
        assert set(after) == set(metadata.tables)
        kept = {name: before[name] for name in BOOKS}
        assert {name: after[name] for name in BOOKS} == (dict.fromkeys(BOOKS, 0) if below == "base" else kept)
        assert not verify(connection)
    await fill(where)


async def test_opening_a_database_of_today_changes_nothing(sql: Sql, where: Path | str) -> None:
    entries = await fill(where)
    with sql.engine.begin() as connection:
        before = counts(connection)
    repository = await SqlRepository.open(where)
    (portfolio,) = await repository.load_portfolios()
    assert len(await repository.ledger(portfolio.portfolio_id)) == entries
    await repository.close()
    with sql.engine.begin() as connection:
        assert counts(connection) == before


async def test_a_failed_migration_leaves_the_old_schema(sql: Sql, where: Path | str) -> None:
    with sql.engine.begin() as connection:
        connection.execute(text("CREATE TABLE audit (surprise INTEGER)"))
    with pytest.raises(Exception, match="audit"):
        await SqlRepository.open(where)
    with sql.engine.begin() as connection:
        assert inspect(connection).get_table_names() == ["audit"]


async def test_a_newer_schema_is_not_opened(sql: Sql, where: Path | str) -> None:
    await fill(where)
    sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unavailable, match="schema 9999, made by a newer program"):
        await SqlRepository.open(where)

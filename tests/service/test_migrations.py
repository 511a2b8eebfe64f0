"""Migrations: up and down with data in the tables, and the schema they make is the one the code uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from portfolio_service.adapters.storage import SqlRepository
from portfolio_service.adapters.storage.migrate import MIGRATIONS, downgrade, newest, upgrade
from portfolio_service.adapters.storage.tables import metadata
from portfolio_service.domain.portfolio import NewPortfolio
from portfolio_service.domain.rebalancing import RebalanceRequest
from tests.service.fakes import ACTOR, Desk, ManualClock, TableMarket

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


async def fill(path: Path) -> int:
    """Books with some data, through the front door; the number of ledger entries."""
    repository = await SqlRepository.open(path)
    clock = ManualClock()
    desk = Desk(clock, TableMarket(clock, {"A": "10", "B": "20"}), repository)
    portfolio = await desk.portfolios.create(NewPortfolio("P", symbols=("A", "B")), ACTOR)
    await desk.rebalancing.rebalance(portfolio.portfolio_id, RebalanceRequest({"A": 0.8, "B": 0.1}), ACTOR)
    entries = await repository.ledger(portfolio.portfolio_id)
    await repository.close()
    return len(entries)


def counts(connection: Connection) -> dict[str, int]:
    names = [name for name in inspect(connection).get_table_names() if name in metadata.tables]
    return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}


def test_the_newest_revision_is_read_off_the_file_names() -> None:
    assert newest() == REVISIONS[-1]


def test_the_migrated_schema_is_the_one_in_the_code(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.begin() as connection:
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        for table, columns in DOCUMENTED.items():
            assert columns <= {column["name"] for column in inspect(connection).get_columns(table)}
    engine.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
async def test_each_revision_goes_down_and_up_again_with_data(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "portfolio.db"
    assert await fill(path) > 3
    below = REVISIONS[REVISIONS.index(revision) - 1] if revision != REVISIONS[0] else "base"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        before = counts(connection)
        assert before["portfolios"] == 1
        downgrade(connection, below)
    with engine.begin() as connection:
        if below == "base":
            assert counts(connection) == {}
        upgrade(connection)
        assert set(counts(connection)) == set(metadata.tables)
    engine.dispose()
    await fill(path)


async def test_opening_a_database_of_today_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.db"
    entries = await fill(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        before = counts(connection)
    repository = await SqlRepository.open(path)
    (portfolio,) = await repository.load_portfolios()
    assert len(await repository.ledger(portfolio.portfolio_id)) == entries
    await repository.close()
    with engine.begin() as connection:
        assert counts(connection) == before
    engine.dispose()


async def test_a_failed_migration_leaves_the_old_schema(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE audit (surprise INTEGER)"))
    with pytest.raises(Exception, match="audit"):
        await SqlRepository.open(path)
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == ["audit"]
    engine.dispose()

"""What only SQLite has: files, pragmas, locks of other programs."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from portfolio_service.adapters.storage import SqlRepository
from portfolio_service.adapters.storage import repository as repository_module
from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.portfolio import NewPortfolio
from tests.service.fakes import ACTOR, Desk, ManualClock, TableMarket


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
    return Desk(clock, TableMarket(clock, {"A": "100"}), repository)


def pragma(repository: SqlRepository, statement: str) -> None:
    """Set on the writer itself, outside any transaction."""
    raw = repository._database._engines.writer.raw_connection()
    assert raw.driver_connection is not None
    raw.driver_connection.execute(f"PRAGMA {statement}").close()
    raw.close()


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
    pragma(repository, break_it)
    with pytest.raises(Unavailable, match=words) as failure:
        await desk.portfolios.create(NewPortfolio("Q", metadata={"pad": "x" * 20000}), ACTOR)
    assert failure.value.code == "storage_unavailable"
    assert desk.books.all() == [portfolio]
    assert await repository.load_portfolios() == [portfolio]
    pragma(repository, mend_it)
    await desk.portfolios.create(NewPortfolio("Q"), ACTOR)
    await repository.check_writable()
    assert await repository.verify_audit() == []


async def test_a_read_only_database_is_not_writable(repository: SqlRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_module, "WRITABLE_FOR_S", 0.0)
    pragma(repository, "query_only = ON")
    with pytest.raises(Unavailable):
        await repository.check_writable()


async def test_a_lock_held_by_another_program_is_unavailable_for_as_long(
    desk: Desk, repository: SqlRepository, path: Path
) -> None:
    pragma(repository, "busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await desk.portfolios.create(NewPortfolio("P"), ACTOR)
    other.execute("ROLLBACK")
    other.close()
    await desk.portfolios.create(NewPortfolio("P"), ACTOR)
    assert len(desk.books.all()) == 1


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
    expected["journal_size_limit"] = 64 * 2**20
    found = await repository._database.write(
        lambda connection: {name: connection.scalar(text(f"PRAGMA {name}")) for name in expected}
    )
    assert found == expected
    with pytest.raises(Unavailable, match="readonly"):
        await repository._database.read(Connection.execute, text("DELETE FROM outbox"))

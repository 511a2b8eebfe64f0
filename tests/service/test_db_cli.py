"""`portfolio-engine db` on both databases, beside a running service where that is allowed."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfolio_service.adapters.storage import SqlRepository, postgresql
from portfolio_service.cli.run import run
from portfolio_service.domain.books import Books
from portfolio_service.domain.portfolio import NewPortfolio
from tests.service.conftest import DATABASES, Sql
from tests.service.fakes import ACTOR, Desk, ManualClock, TableMarket
from tests.service.postgres import PASSWORD, Postgres
from tests.service.test_storage import busy_life, tamper


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def other(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path | str]:
    """An empty place in the other kind of database."""
    if database_kind == "postgresql":
        yield tmp_path / "other.db"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture
async def filled(where: Path | str) -> Path | str:
    """Books that have seen every kind of change, closed."""
    repository = await SqlRepository.open(where)
    clock = ManualClock()
    desk = Desk(clock, TableMarket(clock, {"A": "100", "B": "0.00000701", "C": "33.33333333"}), repository)
    gone = await desk.portfolios.create(NewPortfolio("gone"), ACTOR)
    await busy_life(desk)
    await desk.portfolios.archive(gone.portfolio_id, ACTOR)
    await repository.close()
    return where


def db(command: str, *arguments: object, on: Path | str) -> int:
    url = on if isinstance(on, str) else f"sqlite:///{on}"
    return run(["db", command, *map(str, arguments), "--database-url", url])


def read_all(where: Path | str, kind: str) -> dict[str, list[Any]]:
    """Every row of every table that has the same form in both databases."""
    sql = Sql(kind, where)
    shown = {
        "audit": "audit_id, portfolio_id, version, actor, action, before_hash, after_hash, content_hash, record_hash",
        "outbox": "message_id, topic, published",
        "portfolios": "portfolio_id, portfolio_name, version, status, state_hash",
    }
    return {table: sql(f"SELECT {columns} FROM {table} ORDER BY 1") for table, columns in shown.items()}


async def portfolios_of(where: Path | str) -> list[Any]:
    repository = await SqlRepository.open(where)
    books = Books(repository)
    await books.load()
    assert await repository.audit() == []
    await repository.close()
    return books.all()


def test_upgrade_makes_a_database_and_check_finds_it_sound(
    where: Path | str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert db("upgrade", on=where) == 0
    assert db("check", on=where) == 0
    out = capfd.readouterr().out
    assert "schema" in out
    assert "0 portfolios folded" in out
    assert "FAILED" not in out
    assert PASSWORD not in out


@pytest.mark.slow
def test_a_backup_is_restored_into_the_other_database_and_back(
    filled: Path | str, other: Path | str, tmp_path: Path, database_kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first.gz", tmp_path / "second.gz"
    assert db("backup", first, on=filled) == 0
    assert first.stat().st_mode & 0o077 == 0
    assert db("restore", first, on=other) == 0, capfd.readouterr().err
    assert db("check", on=other) == 0
    assert db("backup", second, on=other) == 0
    kinds = [database_kind, "sqlite" if database_kind == "postgresql" else "postgresql"]
    assert read_all(filled, kinds[0]) == read_all(other, kinds[1])

    def rows(path: Path) -> list[str]:
        with gzip.open(path, "rt") as file:
            return file.readlines()[1:]  # the first line names the database and the time

    assert rows(first) == rows(second)


@pytest.mark.slow
async def test_restored_books_live_on(filled: Path | str, other: Path | str, tmp_path: Path) -> None:
    before = await portfolios_of(filled)
    file = tmp_path / "books.gz"
    assert await asyncio.to_thread(db, "backup", file, on=filled) == 0
    assert await asyncio.to_thread(db, "restore", file, on=other) == 0
    assert await portfolios_of(other) == before
    repository = await SqlRepository.open(other)
    clock = ManualClock()
    desk = Desk(clock, TableMarket(clock, {"A": "100"}), repository)
    await desk.portfolios.create(NewPortfolio("next", symbols=("A",)), ACTOR)
    assert await repository.audit() == []
    ids = [number for number, _ in await repository.pending_events(100)]
    assert ids == sorted(set(ids))
    await repository.close()


@pytest.mark.slow
async def test_a_backup_is_taken_while_the_service_writes(filled: Path | str, tmp_path: Path) -> None:
    repository = await SqlRepository.open(filled)
    clock = ManualClock()
    desk = Desk(clock, TableMarket(clock, {"A": "100"}), repository)
    backup = asyncio.create_task(asyncio.to_thread(db, "backup", tmp_path / "b.gz", on=filled))
    for number in range(5):
        await desk.portfolios.create(NewPortfolio(f"meanwhile {number}", symbols=("A",)), ACTOR)
    assert await backup == 0
    assert await asyncio.to_thread(db, "check", on=filled) == 0
    await repository.close()


@pytest.mark.slow
async def test_upgrade_and_restore_are_refused_while_a_service_uses_the_database(
    filled: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(postgresql, "WAIT_FOR_LOCK_MS", 100)
    assert await asyncio.to_thread(db, "backup", tmp_path / "b.gz", on=filled) == 0
    repository = await SqlRepository.open(filled)
    for command in (("upgrade",), ("restore", tmp_path / "b.gz")):
        assert await asyncio.to_thread(db, *command, on=filled) == 1
        assert "another process already keeps its books" in capfd.readouterr().err
    await repository.close()


@pytest.mark.slow
def test_a_restore_needs_an_empty_database_and_a_whole_backup(
    filled: Path | str, other: Path | str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.gz", tmp_path / "bad.gz"
    assert db("backup", good, on=filled) == 0
    assert db("backup", good, on=filled) == 1
    assert "exists already" in capfd.readouterr().err
    assert db("restore", good, on=filled) == 1
    assert "not empty: it has rows in" in capfd.readouterr().err
    with gzip.open(good, "rt") as file:
        lines = file.readlines()
    head = {**json.loads(lines[0]), "schema": "9999"}
    number = next(i for i, line in enumerate(lines) if "deposit" in line)
    for change, words in (
        (
            [*lines[:number], lines[number].replace("deposit", "fee"), *lines[number + 1 :]],
            "not those that were written",
        ),
        (lines[:-1], "cut off"),
        ([f"{json.dumps(head)}\n", *lines[1:]], "newer program"),
        (["{}\n"], "not a backup"),
    ):
        with gzip.open(bad, "wt") as file:
            file.writelines(change)
        assert db("restore", bad, on=other) == 1
        assert words in capfd.readouterr().err
    bad.write_bytes(good.read_bytes()[:-100])
    assert db("restore", bad, on=other) == 1
    assert "not a complete backup" in capfd.readouterr().err
    assert db("restore", good, on=other) == 0


@pytest.mark.slow
def test_damage_is_found_named_and_not_restored(
    filled: Path | str, other: Path | str, sql: Sql, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tamper(sql, "UPDATE ledger SET amount = amount + 1 WHERE kind = 'deposit'")
    assert db("check", on=filled) == 1
    assert "its ledger says" in capfd.readouterr().out
    assert db("audit", on=filled) == 1
    assert "DOES NOT VERIFY" in capfd.readouterr().out
    assert db("backup", tmp_path / "b.gz", on=filled) == 1
    assert "damaged" in capfd.readouterr().err
    assert db("restore", tmp_path / "b.gz", on=other) == 1
    assert "does not hold" in capfd.readouterr().err
    assert db("check", on=other) == 0


def test_audit_lists_who_changed_what(filled: Path | str, capfd: pytest.CaptureFixture[str]) -> None:
    assert db("audit", "--json", on=filled) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["verified"]
    actions = [row["action"] for row in told["changes"]]
    assert actions[0] == "portfolio.create"
    assert actions[-1] == "portfolio.archive"
    own = told["changes"][1]["portfolio_id"]
    assert db("audit", "--portfolio", own, "--since", "2025-08-25T15:00:01", on=filled) == 0
    out = capfd.readouterr().out
    assert "portfolio.rebalance" in out
    assert "portfolio.create" not in out
    assert "req-1" in out


@pytest.mark.slow
def test_what_is_not_there_or_cannot_be_reached_is_one_line(
    tmp_path: Path, postgres_database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["db", "check", "--data-dir", str(tmp_path)]) == 1
    assert "no database at" in capfd.readouterr().err
    assert db("check", on=postgres_database) == 1
    assert "db upgrade" in capfd.readouterr().out
    wrong = postgres_database.replace(PASSWORD, "not-this-one")
    assert db("check", on=wrong) == 1
    said = capfd.readouterr().err
    assert "password authentication failed" in said
    assert "not-this-one" not in said
    assert run(["db", "check", "--database-url", "x", "--data-dir", "y"]) == 2


@pytest.mark.slow
def test_the_recipe_of_the_document_runs(
    filled: Path | str, other: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of docs/storage.md, in its order; the restore goes into the other, empty database."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "storage.md").read_text()
    commands = re.findall(r"^portfolio-engine (db [^#\n]*)", text, re.MULTILINE)
    assert [command.split()[1] for command in commands] == ["check", "audit", "backup", "restore", "upgrade"]
    monkeypatch.chdir(tmp_path)
    for command in commands:
        place = other if " restore " in command else filled
        monkeypatch.setenv("DATABASE_URL", place if isinstance(place, str) else f"sqlite:///{place}")
        assert run(shlex.split(command)) == 0, command

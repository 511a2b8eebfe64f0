"""`portfolio-engine db`: the database of the service from the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portfolio_service.cli import options as o
from portfolio_service.cli.run import FAILED, USAGE, CommandError

if TYPE_CHECKING:
    from sqlalchemy import Connection

db = typer.Typer(no_args_is_help=True, help="The database: upgrade, check, backup, restore, audit.")

UrlOption = Annotated[
    str | None,
    typer.Option("--database-url", help="sqlite:///PATH or postgresql://... (DATABASE_URL).", show_default=False),
]
FolderOption = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the SQLite database (DATA_DIR).", show_default=False)
]


@db.command()
def upgrade(database_url: UrlOption = None, data_dir: FolderOption = None) -> None:
    """Create the database or bring it to the newest schema; refused while a service uses it."""
    from portfolio_service.adapters.storage.database import Database
    from portfolio_service.adapters.storage.migrate import newest

    async def run() -> str:
        database = await Database.open(_where(database_url, data_dir))
        await database.close()
        return database.name

    with _errors():
        print(f"{asyncio.run(run())}: schema {newest()}")


@db.command()
def check(database_url: UrlOption = None, data_dir: FolderOption = None) -> int:
    """Schema, file, foreign keys, every ledger folded against its books, the audit trail; a service may run."""
    from portfolio_service.adapters.storage.checks import checks
    from portfolio_service.cli import output

    with _reading(database_url, data_dir) as connection, output.working("checking"):
        found = list(checks(connection))
    for name, faults, note in found:
        print(f"{name:<14} {'FAILED' if faults else 'ok':<7} {note}")
        for fault in faults:
            print(f"  {fault}")
    return FAILED if any(faults for _, faults, _ in found) else 0


@db.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file, such as books.jsonl.gz.")],
    database_url: UrlOption = None,
    data_dir: FolderOption = None,
) -> int:
    """Write all books of one moment into FILE and read it again; a service may run meanwhile."""
    from portfolio_service.adapters.storage.backup import write_backup
    from portfolio_service.adapters.storage.verify import examine
    from portfolio_service.cli import output

    with _reading(database_url, data_dir) as connection, output.working("writing the backup"):
        summary = write_backup(connection, file)
        faults = examine(connection)
    _told(f"{file}: {file.stat().st_size} bytes", summary)
    for fault in faults:
        output.note(f"the books in it are damaged: {fault}")
    return FAILED if faults else 0


@db.command()
def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file written by db backup.")],
    database_url: UrlOption = None,
    data_dir: FolderOption = None,
) -> None:
    """Fill an empty database of either kind from FILE, and audit it; on any fault it stays empty."""
    from portfolio_service.adapters.storage.backup import Summary, restore_backup
    from portfolio_service.adapters.storage.database import Database
    from portfolio_service.cli import output

    async def run() -> tuple[str, Summary]:
        database = await Database.open(_where(database_url, data_dir))
        try:
            return database.name, await database.write(restore_backup, file)
        finally:
            await database.close()

    with _errors(), output.working("restoring"):
        name, summary = asyncio.run(run())
    _told(f"{name}: restored and audited", summary)


@db.command()
def audit(
    portfolio: Annotated[str | None, typer.Option("--portfolio", help="Only this portfolio's changes.")] = None,
    since: Annotated[datetime | None, typer.Option("--since", help="Only changes since then, UTC.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    as_json: o.JsonOption = False,
    database_url: UrlOption = None,
    data_dir: FolderOption = None,
) -> int:
    """Who changed what, and whether the whole trail verifies; exit code 1 when it does not."""
    from portfolio_service.adapters.storage.checks import changes
    from portfolio_service.adapters.storage.verify import examine
    from portfolio_service.cli import output

    with _reading(database_url, data_dir) as connection:
        found = changes(connection, portfolio, since.replace(tzinfo=UTC) if since else None, limit)
        with output.working("verifying the trail"):
            faults = examine(connection)
    if as_json:
        output.print_json({"verified": not faults, "faults": faults, "changes": found})
    else:
        columns = ["at", "portfolio_id", "version", "action", "actor", "request_id"]
        output.table("Changes", columns, [[str(row[name]) for name in columns] for row in found], left=6)
        print("the trail verifies" if not faults else "THE TRAIL DOES NOT VERIFY")
        for fault in faults:
            print(f"  {fault}")
    return FAILED if faults else 0


def _where(database_url: str | None, data_dir: Path | None) -> Path | str:
    from portfolio_service.config import load_settings

    if database_url and data_dir:
        raise CommandError("--database-url and --data-dir: expected one of them", USAGE)
    if data_dir:
        return data_dir / "portfolio.db"
    return load_settings(database_url=database_url).database


@contextmanager
def _reading(database_url: str | None, data_dir: Path | None) -> Iterator[Connection]:
    from portfolio_service.adapters.storage.database import reading

    where = _where(database_url, data_dir)
    if isinstance(where, Path) and not where.exists():
        raise CommandError(f"no database at {where}", FAILED)
    with _errors(), reading(where) as connection:
        yield connection


@contextmanager
def _errors() -> Iterator[None]:
    from portfolio_service.adapters.storage.backup import BackupError
    from portfolio_service.domain.errors import DomainError

    try:
        yield
    except DomainError as error:
        raise CommandError(error.detail, FAILED) from error
    except BackupError as error:
        raise CommandError(str(error), FAILED) from error


def _told(what: str, summary: Any) -> None:
    rows = ", ".join(f"{count} {name}" for name, count in summary.rows.items() if count)
    print(f"{what}\nbackup of {summary.database}, schema {summary.schema}, {summary.created_at}: {rows or 'empty'}")

"""A backup of either database as one file that can be restored into either: gzip, JSON lines, a checksum a table.

First line: what it is. For each table, parents first: {"table", "columns"}, one array a row, {"rows", "sha256"}.
Last line: {"end": true, "tables"}; a file without it was cut off.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Column, Connection, Date, LargeBinary, Table, func, insert, inspect, select, text

from portfolio_service.adapters.storage.migrate import current, downgrade, newest, upgrade
from portfolio_service.adapters.storage.tables import metadata
from portfolio_service.adapters.storage.types import Scaled, Utc
from portfolio_service.adapters.storage.verify import examine

FORMAT, VERSION = "portfolio-engine backup", 1
BATCH = 1000


class BackupError(ValueError):
    """The file cannot be used, or the database is not one to restore into; nothing was changed."""


@dataclass(frozen=True)
class Summary:
    """What a backup holds."""

    created_at: str
    schema: str
    database: str
    rows: dict[str, int]


def write_backup(connection: Connection, path: Path) -> Summary:
    """Every table of one snapshot into a new file, which appears complete and read again or not at all."""
    if path.exists():
        raise BackupError(f"{path} exists already; a backup does not replace a file")
    schema = current(connection)
    if schema != newest():
        raise BackupError(f"the database has schema {schema or 'none'}, this program {newest()}; run: db upgrade")
    partial = path.with_name(f"{path.name}.partial")
    try:
        with _private(partial) as raw, gzip.open(raw, "wt", encoding="utf-8", newline="\n", compresslevel=6) as file:
            _dump(connection, file, schema)
        summary = read_backup(partial)
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    return summary


def read_backup(path: Path) -> Summary:
    """Check the whole file; BackupError when a line is missing or different."""
    rows: dict[str, int] = {}
    with _lines(path) as lines:
        head = _head(lines)
        for table, batches in _tables(lines):
            rows[table.name] = sum(map(len, batches))
    return Summary(head["created_at"], head["schema"], head["database"], rows)


def restore_backup(connection: Connection, path: Path) -> Summary:
    """Into an empty database, within the caller's transaction; the books are audited before it may commit."""
    rows: dict[str, int] = {}
    with _lines(path) as lines:
        head = _head(lines)
        _make_empty(connection, head["schema"])
        for table, batches in _tables(lines):
            rows[table.name] = 0
            for batch in batches:
                connection.execute(insert(table), batch)
                rows[table.name] += len(batch)
    _count_on(connection)
    upgrade(connection)
    if faults := examine(connection):
        raise BackupError("what was restored does not hold: " + "; ".join(faults))
    return Summary(head["created_at"], head["schema"], head["database"], rows)


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """A new file for its owner only, on disk at the end."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
        yield raw
        raw.flush()
        os.fsync(raw.fileno())


def _dump(connection: Connection, file: IO[str], schema: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    head = {"format": FORMAT, "version": VERSION, "schema": schema, "database": connection.dialect.name}
    _line(file, {**head, "created_at": now})
    for table in metadata.sorted_tables:
        _line(file, {"table": table.name, "columns": [column.name for column in table.columns]})
        digest, count = hashlib.sha256(), 0
        query = select(table).order_by(*table.primary_key).execution_options(yield_per=BATCH)
        for row in connection.execute(query):
            digest.update(_line(file, [_plain(value) for value in row]))
            count += 1
        _line(file, {"rows": count, "sha256": digest.hexdigest()})
    _line(file, {"end": True, "tables": len(metadata.sorted_tables)})


def _line(file: IO[str], value: Any) -> bytes:
    line = json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n"
    file.write(line)
    return line.encode()


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            yield iter(file)
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise BackupError(f"{path}: not a complete backup: {error}") from error


def _head(lines: Iterator[str]) -> dict[str, Any]:
    head: Any = json.loads(next(lines, "null"))
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise BackupError("not a backup of this program")
    if head["version"] != VERSION or head["schema"] > newest():
        raise BackupError(f"a backup of schema {head['schema']}: made by a newer program, this one has {newest()}")
    return head


def _tables(lines: Iterator[str]) -> Iterator[tuple[Table, Iterator[list[dict[str, Any]]]]]:
    """Each table with its rows in batches, which the caller must use up before the next one."""
    for count, line in enumerate(lines):
        start = json.loads(line)
        if start.get("end"):
            if start["tables"] != count or next(lines, None) is not None:
                raise BackupError("the backup does not end where it says")
            return
        table = metadata.tables[start["table"]]
        yield table, _rows(lines, [table.columns[name] for name in start["columns"]])
    raise BackupError("the backup was cut off")


def _rows(lines: Iterator[str], columns: list[Column[Any]]) -> Iterator[list[dict[str, Any]]]:
    digest = hashlib.sha256()
    batch: list[dict[str, Any]] = []
    for count, line in enumerate(lines):
        values = json.loads(line)
        if isinstance(values, dict):
            if (values["rows"], values["sha256"]) != (count, digest.hexdigest()):
                raise BackupError(f"table {columns[0].table.name}: its rows are not those that were written")
            break
        digest.update(line.encode())
        batch.append({column.name: _typed(column, value) for column, value in zip(columns, values, strict=True)})
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return value


def _typed(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    match column.type:
        case Scaled():
            return Decimal(value)
        case Utc():
            return datetime.fromisoformat(value)
        case Date():
            return date.fromisoformat(value)
        case LargeBinary():
            return base64.b64decode(value)
        case _:
            return value


def _make_empty(connection: Connection, schema: str) -> None:
    """The schema of the backup with nothing in it; BackupError when there is something already."""
    there = set(inspect(connection).get_table_names())
    for table in metadata.sorted_tables:
        if table.name in there and connection.execute(select(text("1")).select_from(table).limit(1)).first():
            raise BackupError(f"the database is not empty: it has rows in {table.name}")
    if current(connection) is not None:
        downgrade(connection, "base")
    upgrade(connection, schema)


def _count_on(connection: Connection) -> None:
    """PostgreSQL counts keys apart from their table: go on after the highest one."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        for column in islice(table.primary_key, 1):
            sequence = connection.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
            highest = connection.scalar(select(func.max(column))) if sequence else None
            if highest is not None:
                connection.execute(select(func.setval(sequence, highest)))

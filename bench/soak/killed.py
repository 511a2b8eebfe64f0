"""Rows 1 to 3: the kills of tests/acceptance, in full."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.soak.result import Result
from tests.acceptance.kills import Kills, Outcome

KILLS, WRITES = 25, 2000
SHORT = "5 kills, 200 writes, on each database"


def results() -> Iterator[Result]:
    """On SQLite and on PostgreSQL."""
    with tempfile.TemporaryDirectory() as name:
        yield from told("SQLite", Kills(Path(name), KILLS, WRITES).run())
    from tests.service.postgres import Postgres

    server = Postgres()
    try:
        with tempfile.TemporaryDirectory() as name:
            yield from told("PostgreSQL", Kills(Path(name), KILLS, WRITES, server.create()).run())
    finally:
        server.close()


def told(database: str, found: Outcome) -> Iterator[Result]:
    """The three rows of one run."""
    command = "./run soak --only kills"
    size = f"{database}: {found.kills} kills, {found.writes} acknowledged writes"
    done = found.kills >= KILLS and found.writes >= WRITES
    yield Result(
        1,
        "nothing acknowledged is lost on SIGKILL",
        f"{size}, {found.lost} lost",
        done and found.lost == 0,
        command,
        SHORT,
    )
    again = f"{size}, {found.repeated} repeated by 32 threads, {found.twice} done twice"
    right = done and found.twice == 0 and not found.differences
    yield Result(2, "nothing is done twice under retries with one Idempotency-Key", again, right, command, SHORT)
    came = f"{size}, {found.events} events, {found.events_missing} missing, {found.events_out_of_order} out of order"
    met = done and found.events_missing == 0 and found.events_out_of_order == 0
    yield Result(3, "events at least once and in order (on GET /events)", came, met, command, SHORT)

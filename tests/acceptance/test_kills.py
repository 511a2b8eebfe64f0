"""SIGKILL at random moments: nothing acknowledged is lost, nothing is done twice, every event comes (short form)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.kills import Kills, Outcome

if TYPE_CHECKING:
    from tests.service.postgres import Postgres

KILLS, WRITES = 5, 200  # ./run soak: 25 and 2000


def check(outcome: Outcome) -> None:
    assert outcome.kills == KILLS
    assert outcome.writes >= WRITES
    assert outcome.events >= WRITES
    wrong = (outcome.lost, outcome.twice, outcome.events_missing, outcome.events_out_of_order, outcome.differences)
    assert wrong == (0, 0, 0, 0, [])


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_sqlite_keeps_and_does_once_what_32_threads_repeat_through_kills(tmp_path: Path) -> None:
    check(Kills(tmp_path, KILLS, WRITES).run())


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_postgresql_keeps_and_does_once_what_32_threads_repeat_through_kills(
    tmp_path: Path, postgres: Postgres
) -> None:
    url = postgres.create()
    check(Kills(tmp_path, KILLS, WRITES, url).run())
    postgres.drop(url)

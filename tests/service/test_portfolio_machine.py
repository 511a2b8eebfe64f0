"""Random lives of several portfolios over the whole API, with restarts, held against naive books to the cent.

MACHINE_RUNS lives of MACHINE_STEPS steps each; `./run soak` asks for 500 of 50.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.service.machine.lives import Lives
from tests.service.machine.place import Files, Place, Server

if TYPE_CHECKING:
    from tests.service.postgres import Postgres

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]


def live(where: Place, runs: int, steps: int) -> None:
    class Here(Lives):
        place = where

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=int(os.environ.get("MACHINE_RUNS", runs)),
            stateful_step_count=int(os.environ.get("MACHINE_STEPS", steps)),
            deadline=None,
            suppress_health_check=QUIET,
            print_blob=True,
        ),
    )


@pytest.mark.slow
@pytest.mark.timeout(7200)  # the full form takes its time
def test_random_lives_are_those_of_the_naive_books(tmp_path: Path) -> None:
    live(Files(tmp_path), runs=40, steps=30)


@pytest.mark.slow
@pytest.mark.timeout(7200)  # the full form takes its time
def test_random_lives_on_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    live(Server(postgres, tmp_path), runs=5, steps=20)

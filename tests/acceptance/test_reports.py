"""The pages of figures are made of results, and say what they do not know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.contract import page as contract_page
from bench.figure import Figure
from bench.promises import Row, table
from bench.soak.__main__ import PAGE, RESULTS, of_row
from bench.soak.result import Result, merged, page
from bench.soak.steady import Sample, Steady
from bench.soak.suites import SUITES
from bench.traffic import Tally

ROOT = Path(__file__).resolve().parents[2]


def test_the_reliability_page_is_the_one_its_results_make() -> None:
    assert PAGE.read_text() == page(json.loads(RESULTS.read_text()))


def test_a_part_that_is_run_alone_replaces_its_own_rows_only() -> None:
    kept = [
        Result(1, "a", "1", True, "c", "s", "kills", "then"),
        Result(22, "b", "2", False, "c", "s", "steady", "then"),
    ]
    rows = merged(kept, [Result(22, "b", "3", True, "c", "s", "steady")], "now")
    assert [(row.row, row.measured, row.when) for row in rows] == [(1, "1", "then"), (22, "3", "now")]
    assert "| 22 | b | 3 | yes | now | `c` | s |" in page({"machine": "m", "rows": [row.as_json() for row in rows]})


def test_what_is_missing_meets_nothing() -> None:
    row = Row("10", "p99", 100, float("nan"), unit="ms")
    assert not row.met
    assert not of_row(row).met
    assert "NO" in table([row])
    assert Figure("a", "b", 8, "ms", "", None).met is None
    assert Figure("a", "b", 8, "ms", "", 8.0).met
    assert not Figure("a", "b", 95, "%", "", 94.9, "least").met


def test_the_contract_page_has_empty_columns_for_what_was_not_measured() -> None:
    text = contract_page([Figure("Part", "thing", 8, "ms", "small", 2.5, why="so")], "a machine")
    assert "| Part | thing | small | 8 ms | 2.5 ms |  |  | yes | so |" in text
    assert "1 of 1" in text


def test_slope_growth_and_descriptors_are_those_of_the_samples() -> None:
    samples = [Sample(60.0 * k, 100 + k / 60, 20 + (k > 27), 1.0) for k in range(31)]
    found = Steady(samples, Tally())
    assert found.slope_mib_per_hour == pytest.approx(1.0)
    assert found.growth_mib == pytest.approx(24 / 60)
    assert found.more_descriptors == 0
    assert Steady([Sample(k, 1, 10 + k, 1) for k in range(30)], Tally()).more_descriptors == 10


def test_percentiles_count_every_kind_asked_for() -> None:
    tally = Tally()
    for k in range(100):
        tally.add("read a" if k % 2 else "read b", k / 1000)
    tally.add("write", 9.0)
    assert tally.percentile_ms("read", 0.99) == pytest.approx(99)
    assert tally.percentile_ms("write", 0.5) == 9000
    assert tally.requests == 101


def test_every_suite_of_the_bar_names_files_that_exist() -> None:
    missing = [path for suite in SUITES for path in suite.tests if not (ROOT / path).exists()]
    assert missing == []

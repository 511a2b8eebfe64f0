"""docs/benchmarks.md is what its record renders: no figure by hand, and no empty cell filled by a guess."""

from __future__ import annotations

import json
import re
from typing import Any

from bench.devices_page import TARGET, page, shown
from tests.data import ROOT

RECORD = ROOT / "docs" / "benchmarks.json"
ROW = {"what": "covariance", "size": "2 x 2", "contract": 8, "cpu": 1.25}


def record(**changes: Any) -> dict[str, Any]:
    return {"commit": "abc", "load": 0.1, "gpu": "", "mlx": "", "rows": [{**ROW, **changes}]}


def test_the_page_is_rendered_from_the_record() -> None:
    records = json.loads(RECORD.read_text())
    assert RECORD.with_suffix(".md").read_text() == page(records)
    for machine, found in records.items():
        assert found["rows"], machine
        assert found["gpu"] or not any(name in row for row in found["rows"] for name in ("metal", "mlx"))


def test_what_was_not_measured_is_empty() -> None:
    text = page({"a CPU": record()})
    assert "| covariance | 2 x 2 | 8 | 1.25 |  |  |" in text
    assert f"## {TARGET}\n\nNot measured yet." in text
    assert text.rstrip().endswith("| covariance | 2 x 2 | 8 |  |  |  |")


def test_a_measured_target_replaces_the_empty_table() -> None:
    mac = record(metal=0.5, mlx="no such function") | {"gpu": TARGET, "mlx": "0.32"}
    text = page({"a CPU": record(), f"{TARGET}, 16 cores": mac})
    assert "Not measured yet" not in text
    assert "| covariance | 2 x 2 | 8 | 1.25 | 0.5 | no such function |" in text
    assert len(re.findall(r"(?m)^## ", text)) == 2


def test_numbers_have_three_digits() -> None:
    assert [shown(value) for value in (None, 0.1234, 12.345, 1234.5, "CPU: why")] == [
        "",
        "0.123",
        "12.3",
        "1234",
        "CPU: why",
    ]

"""What one check of the reliability bar found, and the page made of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

PROMISED = {1, 2, 3, *range(5, 21), *range(22, 26)}  # rows of the bar that this version is held to


@dataclass(frozen=True)
class Result:
    """One line of docs/reliability.md."""

    row: int  # of the reliability bar
    promise: str
    measured: str
    met: bool
    command: str  # what repeats it
    short: str  # its form in CI
    group: str = ""  # what `--only` takes
    when: str = ""  # date, commit and load of the machine

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def merged(kept: Sequence[Result], new: Sequence[Result], when: str) -> list[Result]:
    """What is kept, with the rows that a group has run anew replaced; by row."""
    stamped = [replace(result, when=when) for result in new]
    again = {(result.group, result.row) for result in new}
    still = (result for result in kept if (result.group, result.row) not in again)
    return sorted([*still, *stamped], key=lambda result: result.row)


def page(run: dict[str, Any]) -> str:
    """docs/reliability.md of the results that are kept."""
    rows = [Result(**row) for row in run["rows"]]
    met = sum(row.met for row in rows)
    missing = sorted(PROMISED - {row.row for row in rows})
    absent = f"Rows {', '.join(map(str, missing))} were not run in their full form yet." if missing else ""
    lines = [
        "# Reliability, measured",
        "",
        "Written by `./run soak` from `docs/reliability.json`: do not edit. A row is a promise, what was measured and",
        "when, what repeats it, and the shorter form that every change must pass. Row 3 is met on `GET /events`; the",
        "message broker's part of it, and rows 4 and 21 (another program's node, a GPU), are not in this version.",
        "",
        f"Machine: {run['machine']}. {met} of {len(rows)} are met. {absent}".rstrip(),
        "",
        "| row | promise | measured | met | when | full form | short form |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        met_or_not = "yes" if row.met else "**no**"
        cells = (str(row.row), row.promise, row.measured, met_or_not, row.when, f"`{row.command}`", row.short)
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def table(results: Sequence[Result]) -> str:
    """For a terminal."""
    return "\n".join(
        f"{result.row:>3}  {'met ' if result.met else 'FAIL'}  {result.promise}: {result.measured}"
        for result in results
    )

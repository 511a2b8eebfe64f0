"""`./run soak [MINUTES]`: every row of the reliability bar in its full form, then docs/reliability.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench import load
from bench.promises import ROOT, Row, commit, machine_line, machine_name
from bench.soak import killed, steady, suites
from bench.soak.result import Result, merged, page, table

RESULTS, PAGE = ROOT / "docs" / "reliability.json", ROOT / "docs" / "reliability.md"


def loaded() -> Iterator[Result]:
    """Rows 10, 11, 12, 16, 17 and 18, from the load of one service."""
    for row in asyncio.run(load.run(load.Plan())):
        yield of_row(row)


def of_row(row: Row) -> Result:
    number, what, required, measured, _, note = row.cells()
    said = f"{measured} ({required})" + (f"; {note}" if note else "")
    return Result(int(number), what, said, row.met, "./run bench load", "10 s with 40 clients on 100 portfolios")


GROUPS: dict[str, Callable[[argparse.Namespace], Iterator[Result]]] = {
    "suites": lambda options: suites.suites(options.rows or range(100)),
    "kills": lambda _: killed.results(),
    "load": lambda _: loaded(),
    "steady": lambda options: iter([steady.result(options.minutes)]),
}


def run(group: str, options: argparse.Namespace) -> Iterator[Result]:
    """The results of a group, each told as it comes."""
    print(f"{now('%H:%M:%S')} {group}", flush=True)
    for result in GROUPS[group](options):
        said = "met" if result.met else "NOT MET"
        print(f"{now('%H:%M:%S')} row {result.row}: {said}: {result.measured}", flush=True)
        yield replace(result, group=group)


def now(form: str) -> str:
    return time.strftime(form, time.gmtime())


def main() -> int:
    """Command line; 0 when every row is met. A part that is run alone replaces its rows of the page."""
    parser = argparse.ArgumentParser(prog="./run soak", description=__doc__)
    parser.add_argument("minutes", nargs="?", type=float, default=30, help="of the steady part (default 30)")
    parser.add_argument("--only", action="append", choices=list(GROUPS), help="this part; may be repeated")
    parser.add_argument("--rows", type=int, nargs="+", help="of the suites, these rows only (with --only suites)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page made of them")
    options = parser.parse_args()
    groups = options.only or list(GROUPS)
    print(machine_line(), flush=True)
    new: list[Result] = []
    for group in groups:  # what is done is kept when a later part is interrupted
        when = f"{now('%Y-%m-%d %H:%M')}, {commit()}, load {os.getloadavg()[0]:.1f}"
        found = list(run(group, options))
        keep(options.results, options.page, found, when)
        new += found
    print("\n" + table(sorted(new, key=lambda result: result.row)))
    return 0 if all(result.met for result in new) else 1


def keep(results: Path, where: Path, found: Sequence[Result], when: str) -> None:
    """The results with these rows anew, and the page made of them."""
    before = json.loads(results.read_text())["rows"] if results.exists() else []
    rows = merged([Result(**row) for row in before], found, when)
    document = {"machine": machine_name(), "rows": [row.as_json() for row in rows]}
    results.write_text(json.dumps(document, indent=1) + "\n")
    where.write_text(page(document))


if __name__ == "__main__":
    raise SystemExit(main())

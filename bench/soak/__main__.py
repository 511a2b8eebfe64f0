"""`./run soak [MINUTES]`: every row of the reliability bar in its full form, then docs/reliability.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import load
from bench.promises import ROOT, Row, machine_line
from bench.soak import killed, steady, suites
from bench.soak.result import Result, page, table

RESULTS, PAGE = ROOT / "docs" / "reliability.json", ROOT / "docs" / "reliability.md"


def loaded() -> Iterator[Result]:
    """Rows 10, 11, 12, 16, 17 and 18, from the load of one service."""
    for row in asyncio.run(load.run(load.Plan())):
        yield of_row(row)


def of_row(row: Row) -> Result:
    number, what, required, measured, _, note = row.cells()
    said = f"{measured} ({required})" + (f"; {note}" if note else "")
    return Result(int(number), what, said, row.met, "./run bench load", "10 s with 40 clients on 100 portfolios")


def chosen(names: list[str], minutes: float) -> Iterator[Result]:
    """The results of the groups named, all of them by default."""
    groups: dict[str, Callable[[], Iterator[Result]]] = {
        "suites": suites.suites,
        "kills": killed.results,
        "load": loaded,
        "steady": lambda: iter([steady.result(minutes)]),
    }
    for name in names or list(groups):
        print(f"{time.strftime('%H:%M:%S', time.gmtime())} {name}", flush=True)
        yield from groups[name]()


def main() -> int:
    """Command line; 0 when every row is met."""
    parser = argparse.ArgumentParser(prog="./run soak", description=__doc__)
    parser.add_argument("minutes", nargs="?", type=float, default=30, help="of the steady part (default 30)")
    parser.add_argument("--only", action="append", default=[], choices=["suites", "kills", "load", "steady"])
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results are kept")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page made of them")
    options = parser.parse_args()
    run = {"machine": machine_line(), "started": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime())}
    print(run["machine"], flush=True)
    results: list[Result] = []
    for result in chosen(options.only, options.minutes):
        results.append(result)
        stamp = time.strftime("%H:%M:%S", time.gmtime())
        print(f"{stamp} row {result.row}: {'met' if result.met else 'NOT MET'}: {result.measured}", flush=True)
    results.sort(key=lambda result: result.row)
    print("\n" + table(results))
    if options.only:
        print(f"\na part only: {options.page} is left as it was")
    else:
        write(options.results, options.page, {**run, "rows": [result.as_json() for result in results]})
    return 0 if all(result.met for result in results) else 1


def write(results: Path, where: Path, run: dict[str, object]) -> None:
    """The results, and the page made of them."""
    results.write_text(json.dumps(run, indent=1) + "\n")
    where.write_text(page(json.loads(results.read_text())))


if __name__ == "__main__":
    raise SystemExit(main())

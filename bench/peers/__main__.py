"""Our library beside other packages; `./run bench peers` writes docs/benchmarks-peers.md and its record.

A part of it (--case, --size, --quick, --threads) is only printed. The full run takes about ten minutes on two cores
that have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from bench.peers import parent
from bench.peers.case import Row
from bench.peers.page import cells, everyone, page
from bench.peers.rows import ROWS, choose
from bench.peers.threads import cores
from bench.peers.verdict import verdict
from bench.promises import ROOT, machine_line

LINE = "{:9}{:42}{:>9} {:30}{:>8}{:>9}{:>9}  {}"
RECORD = ROOT / "docs" / "benchmarks-peers.json"


def measure(rows: list[Row], threads: int, seconds: float, verbose: bool) -> dict[str, Any]:
    """One run, with a line for each row."""
    machine = parent.limits(threads)
    print(f"{threads} thread{'s' * (threads > 1)}: " + ", ".join(f"{k} {v / 1e9:.1f}e9" for k, v in machine.items()))
    heads = ("work", "ours", "fastest accurate peer", "ratio", "of best", "at most", "reached")
    print(LINE.format("", *heads))
    out = []
    for row in rows:
        found = parent.measure(row.key, threads, seconds * (2 if row.slow else 1))
        out.append({"family": row.family, "n": row.n, "what": row.what, "target": row.target} | found)
        what, ours, peer, ratio, aim, said, _limit = cells(out[-1], machine, one=True)
        least = verdict(out[-1], machine).fastest
        fastest = "" if least is None else f"{least:.3g}"
        now = time.strftime("%H:%M:%S", time.gmtime())
        print(LINE.format(now, what, ours, peer, ratio, fastest, aim, said), flush=True)
        if verbose:
            print("         " + everyone(out[-1])[1].replace("; ", "\n         "), flush=True)
    return {"limits": machine, "rows": out}


def main() -> int:
    """Command line."""
    families = list(dict.fromkeys(row.family for row in ROWS))
    parser = argparse.ArgumentParser(prog="./run bench peers", description=__doc__)
    parser.add_argument("--case", action="append", default=[], choices=families, help="only this work; may be repeated")
    parser.add_argument("--size", action="append", default=[], type=int, help="only this size; may be repeated")
    parser.add_argument("--quick", action="store_true", help="the small sizes on one thread, each for half a second")
    parser.add_argument(
        "--threads", choices=["one", "all", "both"], default="both", help="default: both, one when --quick"
    )
    parser.add_argument("--seconds", type=float, default=None, help="for the contenders of a row together (default 4)")
    parser.add_argument("--verbose", action="store_true", help="every contender of every row")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the record here")
    parser.add_argument("--render", action="store_true", help="write the page again from its record, measure nothing")
    options = parser.parse_args()
    if options.render:
        RECORD.with_suffix(".md").write_text(page(json.loads(RECORD.read_text())))
        return 0
    rows = choose(options.case, options.size, options.quick)
    if not rows:
        parser.error("no row has that case and size")
    seconds = options.seconds or (0.5 if options.quick else 4.0)
    wanted = "one" if options.quick and options.threads == "both" else options.threads
    counts = {"one": [1], "all": [cores()], "both": sorted({1, cores()})}[wanted]
    machine = machine_line()
    print(machine, flush=True)
    runs = {str(k): measure(rows, k, seconds if k == 1 else seconds / 2, options.verbose) for k in counts}
    record = {"machine": machine, "runs": runs}
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    if len(rows) == len(ROWS) and wanted == "both":
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
        RECORD.with_suffix(".md").write_text(page(record))
        print(f"written: {RECORD.with_suffix('.md')}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

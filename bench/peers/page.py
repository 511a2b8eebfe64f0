"""docs/benchmarks-peers.md from the record of a run."""

from __future__ import annotations

from typing import Any

from bench.peers.case import OURS
from bench.peers.verdict import Verdict, judged, verdict

INTRODUCTION = """# Beside other packages

Written by `./run bench peers`: do not edit. The same data goes through each package in one process, in turn (a, b, c,
a, b, c), and the median of its calls counts. `ratio` is our time / the time of the fastest peer whose answer is
accurate; `at most` is what we set out to reach, on one thread. Peers run at their best: arrays in the form they take,
set-up outside the clock where their interface keeps it apart, at the loosest tolerance that reaches the accuracy.
A quadratic program is accurate when its objective is within 1e-9 (relative) of the best one after its violations, at
most 1e-8, are taken out of it; what other rows ask for is said in `bench/peers`. `limit` is the part of our time that
the machine's own matrix products and memory need for the same arithmetic; for a quadratic program, to read P once.
Devices are compared on [another page](benchmarks.md).
"""


def duration(seconds: float | None) -> str:
    """With its unit, three digits."""
    if seconds is None:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def met(found: Verdict, target: float) -> str:
    """In words, for the rows of one thread."""
    if found.note or found.ratio is None:
        return found.note or "no"
    if found.ratio <= target:
        return "yes"
    return f"no; {found.other[1]:.3g} with {found.other[0]}" if found.other else "no"


def cells(row: dict[str, Any], machine: dict[str, float], one: bool) -> list[str]:
    """Of the first table."""
    found = verdict(row, machine)
    ours = "" if found.ours is None else duration(found.ours.get("median"))
    peer = "" if found.best is None else f"{found.best['name']} {duration(found.best['median'])}"
    ratio = "" if found.ratio is None else f"{found.ratio:.3g}"
    limit = "" if found.limit is None else f"{100 * found.limit:.2g} %"
    aim = [f"{row['target']:g}", met(found, row["target"])] if one else []
    return [row["what"], ours, peer, ratio, *aim, limit]


def table(lines: list[list[str]]) -> str:
    """Markdown."""
    lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def everyone(row: dict[str, Any]) -> list[str]:
    """Each contender of a row: time and error, or why it has none."""
    said = []
    for result in sorted(judged(row), key=lambda r: float(r.get("median", 1e9))):
        if "failed" in result:
            said.append(f"{result['name']}: {result['failed'].splitlines()[0]}")
            continue
        miss = "" if result["accurate"] else ", a miss"
        said.append(f"{result['name']} {duration(result.get('median'))} (error {result['error']:.0e}{miss})")
    return [row["what"], "; ".join(said).replace("|", "/")]


def page(record: dict[str, Any]) -> str:
    """The whole of it."""
    parts = [INTRODUCTION, f"Measured on: {record['machine']}.\n"]
    for name, run in record["runs"].items():
        one = name == "1"
        rate = run["limits"]
        rows = [cells(row, rate, one) for row in run["rows"]]
        parts += [
            f"## {'One thread' if one else name + ' threads'}\n",
            f"Matrix products {rate['gemm64'] / 1e9:.0f} GFLOP/s in float64, {rate['gemm32'] / 1e9:.0f} in float32; "
            f"memory {rate['bandwidth'] / 1e9:.1f} GB/s.\n",
        ]
        if one:
            reached = sum(met(verdict(row, rate), row["target"]) == "yes" for row in run["rows"])
            parts.append(f"{reached} of {len(rows)} aims are reached.\n")
        aim = ["at most", "reached"] if one else []
        parts.append(table([["work", OURS, "fastest accurate peer", "ratio", *aim, "limit"], *rows]))
        parts.append(table([["work", "every contender"], *map(everyone, run["rows"])]))
    return "\n".join(parts)

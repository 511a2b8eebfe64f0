"""Which peer counts, and what ours is beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.peers.case import OURS
from bench.peers.limits import least_seconds

Result = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """Of one row at one number of threads; None where there is nothing to compare. Times are in seconds."""

    ours: Result | None
    best: Result | None
    ratio: float | None  # of medians
    fastest: float | None  # the ratio of the fastest samples
    limit: float | None  # the fraction of the machine's own limit
    note: str = ""
    other: tuple[str, float] | None = None  # the ratio of another way to call ours, and which


def judged(measured: dict[str, Any]) -> list[Result]:
    """The results with `accurate`; errors count from the best answer where they may be negative."""
    work, results = measured["work"], measured["results"]
    if work is None:
        return []
    errors = [r["error"] for r in results if "error" in r and r["error"] == r["error"]]
    base = min([0.0, *errors]) if work["relative"] else 0.0
    out = []
    for result in results:
        error = result["error"] - base if "error" in result else None
        accurate = "median" in result and error is not None and error <= result["asked"]
        out.append(result | ({} if error is None else {"error": error}) | {"accurate": accurate})
    return out


def verdict(measured: dict[str, Any], machine: dict[str, float]) -> Verdict:
    """Ours beside the fastest accurate peer."""
    results = judged(measured)
    ours = next((r for r in results if r["name"] == OURS), None)
    if ours is None or not ours["accurate"]:
        why = measured["failed"] or (ours or {}).get("failed") or "our answer misses the accuracy"
        return Verdict(ours, _best(results), None, None, None, why)
    best = _best(results)
    least = least_seconds(measured["work"], machine)
    limit = least / ours["median"] if least else None
    if best is None:
        return Verdict(ours, None, None, None, limit, "no peer is accurate")
    ways = [r for r in results if r["name"].startswith(f"{OURS}, ") and r["accurate"]]
    other = next(((r["name"].split(", ")[1], r["median"] / best["median"]) for r in ways), None)
    return Verdict(
        ours, best, ours["median"] / best["median"], ours["fastest"] / best["fastest"], limit, other=other
    )  # fmt: skip


def _best(results: list[Result]) -> Result | None:
    peers = [r for r in results if not r["name"].startswith(OURS) and r["accurate"]]
    return min(peers, key=lambda r: float(r["median"]), default=None)

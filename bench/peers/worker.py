"""One row in one process: `python -m bench.peers.worker ROW --seconds 5`; `@@` lines of JSON tell the parent.

Every answer is judged before anything is timed, those of short calls also after; the parent ends a process that hangs
and starts it again without the contender that was at work.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import warnings
from collections.abc import Callable
from typing import Any

from bench.peers.case import OURS, Contender, Work
from bench.peers.limits import limits
from bench.peers.rows import find
from bench.peers.threads import allowed
from bench.peers.timing import interleaved, once
from portfolio_engine import kernels

ONE_CALL_S = 8.0  # a contender that takes longer is timed by its one call

AGAIN_S = 1.0  # a call up to this is judged once more at the end


def tell(**facts: Any) -> None:
    """A line for the parent."""
    print("@@ " + json.dumps(facts), flush=True)


def settle(contender: Contender, work: Work) -> tuple[Callable[[], Any] | None, dict[str, Any]]:
    """The call at the loosest level whose answer is accurate, and what is known of it so far."""
    facts: dict[str, Any] = {"name": contender.name}
    call: Callable[[], Any] | None = None
    for level in contender.levels:
        tell(trying=contender.name, level=level)
        try:
            call = contender.prepare(level)
            seconds, result = once(call)
            error = work.error(contender.answer(result))
        except Exception as failure:  # a peer may raise anything; the table says so
            return None, facts | {"failed": f"{type(failure).__name__}: {failure}"[:160]}
        facts |= {"level": level, "error": error, "first": seconds, "asked": work.asked(contender.name)}
        if error <= work.asked(contender.name) or seconds > ONE_CALL_S:
            break
    return call, facts


def run(work: Work, seconds: float, skip: list[str]) -> None:
    """Judges and times every contender, ours first."""
    calls: dict[str, Callable[[], Any]] = {}
    known: dict[str, dict[str, Any]] = {}
    for contender in work.contenders:
        if contender.name in skip:
            continue
        call, facts = settle(contender, work)
        known[contender.name] = facts
        if call is None or not timed(facts, work):
            tell(result=facts)
        elif facts["first"] > ONE_CALL_S:
            tell(result=facts | {"median": facts["first"], "fastest": facts["first"], "calls": 1})
        else:
            calls[contender.name] = call
    tell(timing=list(calls))
    shares = {name: 2.0 if name == OURS else 1.0 for name in calls}
    samples = interleaved(calls, seconds, shares, {name: known[name]["first"] for name in calls})
    for name, took in samples.items():
        answer = next(c.answer for c in work.contenders if c.name == name)
        again = work.error(answer(calls[name]())) if took[0] < AGAIN_S else 0.0
        error = max(known[name]["error"], again)
        timing = {"median": statistics.median(took), "fastest": min(took), "calls": len(took)}
        tell(result=known[name] | timing | {"error": error})


def timed(facts: dict[str, Any], work: Work) -> bool:
    """An answer beyond the target is timed where it is close enough to be worth a word."""
    return math.isfinite(facts["error"]) and (facts["error"] <= max(1e-2, work.accuracy) or facts["name"] == OURS)


def main() -> None:
    """For the parent, or by hand."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers.worker", description=__doc__)
    parser.add_argument("row", help="family/n/what, or `limits`")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--skip", action="append", default=[])
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the peers' own
    kernels.set_num_threads(allowed())
    if options.row == "limits":
        tell(limits=limits())
        return
    work = find(options.row).build()
    tell(work={"relative": work.relative, "flops": work.flops, "bytes": work.bytes, "single": work.single})
    run(work, options.seconds, options.skip)


if __name__ == "__main__":
    main()

"""Runs a row in a process of its own, with a limit on its time, and gathers what it tells."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from typing import Any

from bench.peers.threads import environment
from bench.promises import ROOT

TRY_S = 60.0  # what a contender may take before it is left out as too slow


def measure(key: str, threads: int, seconds: float) -> dict[str, Any]:
    """What is known of the row: the work, and a result for each contender; one that hangs is left out and said so."""
    skip: list[str] = []
    too_slow: list[dict[str, Any]] = []
    while True:
        told, hung = _once(key, threads, seconds, skip)
        if hung is None:
            return {"work": told.get("work"), "results": told["results"] + too_slow, "failed": told.get("failed", "")}
        skip.append(hung)
        too_slow.append({"name": hung, "failed": f"no answer within {TRY_S:.0f} s, or the process ended"})


def limits(threads: int) -> dict[str, float]:
    """The machine's own, of so many threads."""
    told, _ = _once("limits", threads, 0, [])
    found: dict[str, float] = told["limits"]
    return found


def _once(key: str, threads: int, seconds: float, skip: list[str]) -> tuple[dict[str, Any], str | None]:
    words = [sys.executable, "-m", "bench.peers.worker", key, "--seconds", str(seconds)]
    for name in skip:
        words += ["--skip", name]
    told: dict[str, Any] = {"results": []}
    trying: str | None = None
    with subprocess.Popen(
        words, cwd=ROOT, env=environment(threads), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines, errors = _lines(process)
        deadline = time.monotonic() + 4 * TRY_S
        while (line := _next(lines, deadline)) is not None:
            if not line.startswith("@@ "):
                continue
            facts = json.loads(line[3:])
            if "trying" in facts:
                trying = facts["trying"]
                deadline = time.monotonic() + TRY_S
            elif "timing" in facts:
                trying, deadline = None, time.monotonic() + 4 * TRY_S + 10 * seconds
            elif "result" in facts:
                told["results"].append(facts["result"])
            else:
                told |= facts
        process.kill()
    if process.returncode == 0 or trying is None:
        told["failed"] = "" if process.returncode == 0 else "".join(errors[-1:]).strip() or "the process ended"
        return told, None
    return told, trying


def _lines(process: subprocess.Popen[str]) -> tuple[queue.Queue[str | None], list[str]]:
    """Standard output line by line, None at its end; standard error gathered."""
    out: queue.Queue[str | None] = queue.Queue()
    errors: list[str] = []

    def read() -> None:
        for line in process.stdout or ():
            out.put(line)
        out.put(None)

    threading.Thread(target=read, daemon=True).start()
    threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True).start()
    return out, errors


def _next(lines: queue.Queue[str | None], deadline: float) -> str | None:
    try:
        return lines.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        return None

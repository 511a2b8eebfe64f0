"""Calls timed in turn (a, b, c, a, b, c, ...), so that what happens on the machine happens to all of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

SAMPLE_S = 0.0005  # a shorter call is repeated within a sample, up to this
LEAST, MOST = 5, 400


def once(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, and what it returned."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def interleaved(
    calls: Mapping[str, Callable[[], Any]], seconds: float, shares: Mapping[str, float], first: Mapping[str, float]
) -> dict[str, list[float]]:
    """Seconds a call of every sample. Each contender gets its share of the time; `first` is what a call took before."""
    guess = {name: once(call)[0] if first[name] < 0.1 else first[name] for name, call in calls.items()}
    repeats = {name: max(1, math.ceil(SAMPLE_S / max(took, 1e-7))) for name, took in guess.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    spent = dict.fromkeys(calls, 0.0)
    total = sum(shares.values())
    budget = {name: seconds * shares[name] / total for name in calls}
    while running := [name for name in calls if _wants(samples[name], spent[name], budget[name])]:
        for name in running:
            call, count = calls[name], range(repeats[name])
            began = time.perf_counter()
            for _ in count:
                call()
            took = time.perf_counter() - began
            samples[name].append(took / len(count))
            spent[name] += took
    return samples


def _wants(samples: list[float], spent: float, budget: float) -> bool:
    if len(samples) >= MOST:
        return False
    if spent < budget:
        return True
    return len(samples) < (1 if spent > 4 * budget else 2 if spent > 2 * budget else LEAST)

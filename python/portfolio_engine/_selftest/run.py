"""Runs the self-test's problems on every real device."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from portfolio_engine._selftest.case import Case
from portfolio_engine._selftest.cases import cases
from portfolio_engine._selftest.report import Row, SelfTest, machine
from portfolio_engine._selftest.tolerance import TOLERANCE
from portfolio_engine.devices import available_devices, metal_health

TIMED_S = 0.2  # how long a call is repeated for its time
Progress = Callable[[int, int], None]


def selftest(
    *, quick: bool = False, devices: Sequence[str] | None = None, progress: Progress | None = None
) -> SelfTest:
    """Compute a set of problems on every device of this machine and check the answers.

    The CPU's answers are checked against an independent computation in NumPy. A GPU's are checked in the same way and
    compared with the CPU's, and work that the GPU failed to do, so that the CPU stood in, is a failure.

    Args:
        quick: small problems only.
        devices: names to test; default every real one. An emulated device has to be named and is never timed.
        progress: called with (problems done, problems in all).

    Returns:
        SelfTest; `print(result.text())` is a report for an issue, `result.passed` the verdict.

    Raises:
        ValueError: an unknown or absent device.
    """
    named = _devices(devices)
    problems = list(cases(quick))
    rows: list[Row] = []
    if progress is not None:
        progress(0, len(problems))
    for done, case in enumerate(problems, start=1):
        rows.extend(_rows(case, named))
        if progress is not None:
            progress(done, len(problems))
    return SelfTest(tuple(rows), machine(), available_devices(), metal_health())


def _devices(wanted: Sequence[str] | None) -> list[str]:
    """The CPU first: the others are compared with it."""
    present = {device.name: device for device in available_devices()}
    if wanted is None:
        real = metal_health().available and not metal_health().emulated
        return ["cpu", "metal"] if real else ["cpu"]
    for name in wanted:
        if name not in present:
            raise ValueError(f"[selftest] devices: expected some of {', '.join(present)}, got {name!r}")
        if not present[name].available:
            raise ValueError(f"[selftest] devices: {name!r} is not available here: {present[name].description}")
    return sorted(set(wanted) | {"cpu"}, key=list(present).index)


def _rows(case: Case, devices: list[str]) -> Iterator[Row]:
    on_cpu: Any = None
    for device in devices:
        before = metal_health().fallbacks
        tolerance = TOLERANCE[case.kernel][device]
        try:
            result = case.call(device)
            error, answer = case.error(result), np.asarray(case.answer(result))
        except Exception as failure:  # whatever a kernel raises is a finding
            yield Row(case.kernel, case.size, device, "", np.nan, tolerance, None, None, repr(failure), False)
            continue
        if device == "cpu":
            on_cpu = answer
        known = device != "cpu" and on_cpu is not None
        difference = float(np.abs(answer - on_cpu).max()) if known else None
        used, note = _computed_on(result)
        lost = metal_health().fallbacks - before
        within = error <= tolerance and (difference is None or difference <= tolerance)
        timed = device == "cpu" or not metal_health().emulated
        seconds = _seconds(partial(case.call, device)) if timed and not lost else None
        yield Row(
            case.kernel, case.size, device, used, error, tolerance, difference, seconds, note, within and not lost
        )


def _computed_on(result: Any) -> tuple[str, str]:
    """Where a result was computed, and why there when the reason says more than that it was asked for."""
    results = list(result) if isinstance(result, Sequence) else [result]
    used = [(_field(one, "device"), _field(one, "device_reason")) for one in results]
    names = sorted({name for name, _ in used})
    reasons = sorted({reason for _, reason in used} - {"requested", ""})
    return " and ".join(names), "; ".join(reasons)


def _field(result: Any, name: str) -> str:
    return str(result[name] if isinstance(result, dict) else getattr(result, name))


def _seconds(call: Callable[[], Any]) -> float:
    """The fastest of repeated calls; the first one, before, has compiled and allocated."""
    times: list[float] = []
    while len(times) < 2 or (sum(times) < TIMED_S and len(times) < 100):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)

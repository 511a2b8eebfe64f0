"""How often each kernel ran, on which device, why there, and for how long: since the process started."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar

import numpy as np

from portfolio_engine._lost import CHOSEN, Health, LostWork, places

log = logging.getLogger("portfolio_engine.kernels")

SLOW_S = 1.0  # from here a call is told at INFO: not higher, or Python shows it to those who never asked for a log
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Computation:
    """What the computations of a row have in common."""

    kernel: str
    device: str
    device_reason: str


@dataclass(frozen=True)
class Tally:
    """Their number, and the wall-clock seconds they took together. A batch that devices share is one call of each, and
    its seconds are divided by the problems of each."""

    count: int
    seconds: float


_lock = Lock()
_tallies: dict[tuple[str, str, str], tuple[int, float]] = {}  # plain tuples: a kernel may take a few microseconds
_lost: LostWork | None = None


def watch(health: Health) -> None:
    """From now on work that a device failed to do shows in the log."""
    global _lost
    _lost = LostWork(health)


def computations() -> dict[Computation, Tally]:
    """Kernel calls of this process that returned, by kernel, device and the reason for the device."""
    with _lock:
        return {Computation(*key): Tally(*tally) for key, tally in _tallies.items()}


def tallied(kernel: Callable[P, R]) -> Callable[P, R]:
    """The kernel, counted; one that raises is not."""
    name = kernel.__name__

    @wraps(kernel)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        began = time.perf_counter()
        result = kernel(*args, **kwargs)
        seconds = time.perf_counter() - began
        _count(name, result, seconds)
        if _lost is not None and not (isinstance(result, dict) and result["device_reason"] in CHOSEN):
            _lost.look(name, result)
        level = logging.INFO if seconds >= SLOW_S else logging.DEBUG
        if log.isEnabledFor(level):
            log.log(level, "kernel", extra=_said(name, [*args, *kwargs.values()], result, seconds))
        return result

    return call


def _said(kernel: str, arguments: list[Any], result: Any, seconds: float) -> dict[str, Any]:
    """Name, size of the largest array (or batch) it was given, device and milliseconds."""
    shapes = [given.shape for given in arguments if isinstance(given, np.ndarray)]
    size = "x".join(map(str, max(shapes, key=math.prod))) if shapes else ""
    where = places(result)
    if isinstance(result, list) or not isinstance(result["device"], str):
        size = f"batch of {sum(where.values())}"
    device = next(iter(where), (None, ""))[0]
    return {"kernel": kernel, "size": size, "device": device, "ms": round(1e3 * seconds, 3)}


def _count(kernel: str, result: Any, seconds: float) -> None:
    if type(result) is dict and type(result["device"]) is str:
        _add((kernel, result["device"], result["device_reason"]), seconds)
        return
    where = places(result)
    for (device, reason), number in where.items():
        _add((kernel, device, reason), seconds * number / sum(where.values()))


def _add(key: tuple[str, str, str], seconds: float) -> None:
    with _lock:
        count, total = _tallies.get(key, (0, 0.0))
        _tallies[key] = (count + 1, total + seconds)

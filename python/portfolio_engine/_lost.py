"""Says in the log when a device failed at its work and the CPU did it: once for each reason."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

log = logging.getLogger("portfolio_engine.kernels")

CHOSEN = ("", "requested", "default")  # reasons for the CPU that cannot be a failure

Health = Callable[[], Mapping[str, Any]]


def places(result: Any) -> Mapping[tuple[str, str], int]:
    """How many problems of a kernel's result were computed on which device and why: one, a list, or columns of many."""
    if isinstance(result, list):
        return Counter((one["device"], one["device_reason"]) for one in result)
    device, reason = result["device"], result["device_reason"]
    return {(device, reason): 1} if isinstance(device, str) else Counter(zip(device, reason, strict=True))


class LostWork:
    """Compares a device's count of work it failed to do with what it was."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._lock = Lock()
        self._fallbacks = 0
        self._told: set[str] = set()
        self._absent = False  # a device that is not there fails at nothing

    def look(self, kernel: str, result: Any) -> None:
        """After a kernel returned; costs nothing where no work went to the CPU unasked."""
        if self._absent:
            return
        if all(device != "cpu" or reason in CHOSEN for device, reason in places(result)):
            return
        state = self._health()
        self._absent = not state["available"]
        reason = str(state["last_fallback"])
        with self._lock:
            if state["fallbacks"] <= self._fallbacks:
                return
            self._fallbacks = state["fallbacks"]
            known = reason in self._told
            self._told.add(reason)
        said = {"kernel": kernel, "reason": reason, "healthy": state["healthy"], "fallbacks": state["fallbacks"]}
        level = logging.DEBUG if known else logging.WARNING  # a GPU that is lost stays lost: no line for each call
        log.log(level, "the accelerator failed: computed on the CPU", extra=said)

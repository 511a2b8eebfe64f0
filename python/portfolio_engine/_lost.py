"""Says in the log when a device failed at its work and the CPU did it: once for each reason."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

log = logging.getLogger("portfolio_engine.kernels")

CHOSEN = {"", "requested", "default"}  # reasons for the CPU that cannot be a failure

Health = Callable[[], Mapping[str, Any]]


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
        results = result if isinstance(result, list) else [result]
        if all(one["device"] != "cpu" or one["device_reason"] in CHOSEN for one in results):
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

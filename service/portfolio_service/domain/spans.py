"""Where the time of one request goes: added up by those who know, read by whoever logs it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_spent: ContextVar[dict[str, float] | None] = ContextVar("spent", default=None)


@contextmanager
def collecting() -> Iterator[dict[str, float]]:
    """Seconds by name, spent in the block and in what it started: tasks and worker threads with its context."""
    found: dict[str, float] = {}
    token = _spent.set(found)
    try:
        yield found
    finally:
        _spent.reset(token)


def spent(name: str, seconds: float) -> None:
    """Adds to the request that this belongs to; nothing outside of one."""
    found = _spent.get()
    if found is not None:
        found[name] = found.get(name, 0.0) + seconds


@contextmanager
def timed(name: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        spent(name, time.perf_counter() - began)

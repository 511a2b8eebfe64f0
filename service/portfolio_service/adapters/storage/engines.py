"""What both databases offer: one writer, a few readers, and connections for threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

POOL_TIMEOUT_S = 10
READERS = 4


@dataclass(frozen=True)
class Engines:
    """`release` gives back what kept other processes away."""

    name: str  # for messages; never with a password
    writer: Engine
    readers: Engine
    threads: Engine
    interrupt: Callable[[Any], None]  # a driver's connection, from another thread
    release: Callable[[], None]

"""What both databases offer: one writer, a few readers, and connections for threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

POOL_TIMEOUT_S = 10
READERS = 4


@dataclass(frozen=True)
class Engines:
    """`release` gives back what kept other processes away."""

    name: str  # for messages; never with a password
    writer: Engine
    readers: AsyncEngine
    threads: Engine
    release: Callable[[], None]

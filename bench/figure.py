"""One performance figure of the contract beside ours, and the tables of them."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

FOR_S = 1.0  # how long each call is repeated
LEAST = 5


@dataclass(frozen=True)
class Figure:
    """`ours` is None where nothing was measured, and `why` then says the reason."""

    section: str  # of the contract
    what: str
    contract: float
    unit: str
    size: str
    ours: float | None
    kind: str = "most"  # or "least": what the contract's number bounds
    why: str = ""

    @property
    def met(self) -> bool | None:
        """None where nothing was measured."""
        if self.ours is None:
            return None
        return self.ours <= self.contract if self.kind == "most" else self.ours >= self.contract

    def cells(self) -> tuple[str, ...]:
        """As text: section, what, size, contract, ours, GPU, Neural Engine, met, why."""
        sign = "" if self.kind == "most" else ">= "
        ours = "" if self.ours is None else f"{self.ours:.3g} {self.unit}"
        if self.ours is not None and self.ours >= 1000:
            ours = f"{self.ours:.0f} {self.unit}"
        met = {True: "yes", False: "no", None: "not measured"}[self.met]
        return (
            self.section,
            self.what,
            self.size,
            f"{sign}{self.contract:g} {self.unit}".strip(),
            ours,
            "",
            "",
            met,
            self.why,
        )


HEADINGS = ("section", "what", "size", "contract", "CPU", "GPU", "Neural Engine", "met", "why")


def markdown(figures: Sequence[Figure]) -> str:
    """A table for the documentation."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(figure.cells() for figure in figures)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(figures: Sequence[Figure]) -> str:
    """The same for a terminal, without the empty columns."""
    lines = [cells[:5] + cells[7:] for cells in (HEADINGS, *(figure.cells() for figure in figures))]
    widths = [max(len(line[k]) for line in lines) for k in range(6)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, [*widths, 0], strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def median_ms(call: Callable[[int], Any]) -> float:
    """The median of repeated calls, in milliseconds; the call is given its number, the first one is not counted."""
    call(0)
    times: list[float] = []
    while len(times) < LEAST or sum(times) < FOR_S:
        began = time.perf_counter()
        call(len(times) + 1)
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


async def median_ms_of(call: Callable[[int], Awaitable[Any]], most: int = 1000) -> float:
    """The same for a coroutine function; at most `most` calls."""
    await call(0)
    times: list[float] = []
    while len(times) < min(LEAST, most) or (sum(times) < FOR_S and len(times) < most):
        began = time.perf_counter()
        await call(len(times) + 1)
        times.append(time.perf_counter() - began)
        await asyncio.sleep(0)
    return 1e3 * statistics.median(times)

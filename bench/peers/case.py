"""A row of the comparison: who does the work, and how an answer is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

OURS = "portfolio_engine"
ACCURACY = 1e-9  # the relative error that an answer may have, unless a row says otherwise
LEVELS = (1e-8, 1e-9, 1e-10, 1e-11, 1e-12)  # tolerances that an iterative peer is tried with, the loosest first


@dataclass(frozen=True)
class Contender:
    """Somebody who does the work; `prepare` is not timed, the call it returns is.

    A peer with several `levels` runs at the first whose answer is accurate: `prepare` is given that level.
    """

    name: str
    prepare: Callable[[float], Callable[[], Any]]
    answer: Callable[[Any], Any] = lambda result: result  # what is judged, from what the call returned
    levels: tuple[float, ...] = (0.0,)


@dataclass(frozen=True)
class Work:
    """What a worker builds for a row.

    error : the relative error of an answer; nan counts as a miss.
    relative : whether an error may be negative, which says that the answer is better than the reference: errors then
        count from the best of all answers.
    ours : the accuracy asked of ours, where it is more than what peers can reach.
    flops, bytes : the least that the work needs, for the fraction of the machine's limit; `single` is float32.
    """

    contenders: tuple[Contender, ...]
    error: Callable[[Any], float]
    accuracy: float = ACCURACY
    relative: bool = False
    ours: float | None = None
    flops: float = 0.0
    bytes: float = 0.0
    single: bool = False

    def asked(self, name: str) -> float:
        """The accuracy that this contender has to reach."""
        return self.accuracy if self.ours is None or not name.startswith(OURS) else self.ours


@dataclass(frozen=True)
class Row:
    """`family` and `n` are what --case and --size choose; `target` is the most that ours / best peer may be."""

    family: str
    n: int
    what: str
    target: float
    build: Callable[[], Work]
    quick: bool = False
    slow: bool = False  # one call of a peer may take many seconds

    @property
    def key(self) -> str:
        """Names the row on a command line and in the record."""
        return f"{self.family}/{self.n}/{self.what}"


def only(name: str, call: Callable[[], Any], answer: Callable[[Any], Any] = lambda result: result) -> Contender:
    """A contender that needs no preparation and has no tolerance to choose."""
    return Contender(name, lambda _level: call, answer)

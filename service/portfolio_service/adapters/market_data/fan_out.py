"""One call a symbol to a source that has no call for many: bounded at once, bounded in all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from portfolio_service.adapters.market_data.resilience import CallFailed, Link

T = TypeVar("T")


@dataclass(frozen=True)
class Failed:
    """Why there is no answer for a symbol."""

    why: str


class FanOut:
    """Asks `at_once` symbols at a time; while the breaker is not closed, one goes ahead and decides for the others."""

    def __init__(self, link: Link, at_once: int) -> None:
        self._link = link
        self._slots = asyncio.Semaphore(at_once)

    async def ask(
        self, symbols: Sequence[str], one: Callable[[str], Awaitable[T | None]], within_s: float
    ) -> dict[str, T | Failed | None]:
        """The outcome of `one` for each symbol; what is not there after `within_s` has failed."""
        answers: dict[str, T | Failed | None] = {}
        rest = list(symbols)
        if rest and not self._link.breaker.closed:
            first = answers[rest[0]] = await _outcome(one, rest[0])
            if isinstance(first, Failed):
                return dict.fromkeys(rest, first)
            rest = rest[1:]

        async def in_turn(symbol: str) -> T | Failed | None:
            async with self._slots:
                return await _outcome(one, symbol)

        tasks = {symbol: asyncio.create_task(in_turn(symbol)) for symbol in rest}
        try:
            if tasks:
                await asyncio.wait(tasks.values(), timeout=within_s)
        finally:
            for task in tasks.values():
                task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        late = Failed(f"no answer within {within_s:g} s")
        return answers | {symbol: late if task.cancelled() else task.result() for symbol, task in tasks.items()}


async def _outcome(one: Callable[[str], Awaitable[T | None]], symbol: str) -> T | Failed | None:
    try:
        return await one(symbol)
    except CallFailed as error:
        return Failed(str(error))

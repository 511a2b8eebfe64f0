"""Measures how late the event loop is: what every request waits before anything happens for it."""

from __future__ import annotations

import asyncio

from portfolio_service.domain.durations import Durations


class LoopLag:
    """Asks to be woken every `every_s` and keeps by how much it was woken later."""

    def __init__(self, lags: Durations, every_s: float = 0.1) -> None:
        self._lags = lags
        self._every_s = every_s

    async def run(self) -> None:
        """For ever, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._every_s
            await asyncio.sleep(self._every_s)
            self._lags.add(max(0.0, loop.time() - due))

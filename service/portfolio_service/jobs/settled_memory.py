"""Keeps the books out of garbage collections: a walk through all of them would pause every request."""

from __future__ import annotations

import asyncio
import gc

EVERY_S = 2.0
THAW_EVERY = 1800  # an hour: what became garbage while it was set aside is found then
SELDOM = (20_000, 50, 1_000)  # of collections that begin by themselves, in the middle of a request


class SettledMemory:
    """Sets aside what lives on, often, so that each collection has little to walk."""

    async def run(self) -> None:
        """For ever, until cancelled."""
        gc.set_threshold(*SELDOM)
        while True:
            for _ in range(THAW_EVERY):
                await asyncio.sleep(EVERY_S)
                gc.collect()
                gc.freeze()
            gc.unfreeze()

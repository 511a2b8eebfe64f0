"""A computation lasts as long as somebody waits for it: when the client hangs up, it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from portfolio_engine import CancelToken


async def attended(request: Request) -> AsyncIterator[CancelToken]:
    """A token that is cancelled as soon as the connection is lost."""
    token = CancelToken()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":  # the body was read before
            pass
        token.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield token
    finally:
        watching.cancel()


Attended = Annotated[CancelToken, Depends(attended)]

"""The whole application in this process, on a database that it is opened on again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from fractions import Fraction
from functools import cache
from typing import Any

import httpx
import numpy as np
import pandas as pd
from fastapi import FastAPI

from portfolio_service.app import create_app, running
from portfolio_service.config import Settings, load_settings
from portfolio_service.domain.models import Price
from tests.service.fakes import ManualClock, TableMarket

START_PRICES = {"AAPL": "227.16", "BRK": "712345.67", "PENNY": "2.51234567", "NVDA": "178.01"}
DAYS = 80


class Market(TableMarket):
    """Prices that the test sets, with a past of their own so that there is something to optimise on."""

    async def get_histories(self, symbols: Sequence[str], days: int) -> pd.DataFrame:
        past = _past()
        return past[[symbol for symbol in dict.fromkeys(symbols) if symbol in past]].iloc[-days:]

    async def stream(self, symbols: Callable[[], Sequence[str]]) -> AsyncIterator[Sequence[Price]]:
        await asyncio.Event().wait()  # prices are asked for when they are stale, never pushed
        yield []

    def quotes(self) -> dict[str, Fraction]:
        return {symbol: Fraction(price) for symbol, price in self.table.items()}


@cache
def _past() -> pd.DataFrame:
    draws = np.random.default_rng(7).normal(0.0005, 0.015, (DAYS, len(START_PRICES)))
    levels = np.array([float(price) for price in START_PRICES.values()]) * np.cumprod(1 + draws, axis=0)
    return pd.DataFrame(levels, index=pd.bdate_range(end="2025-08-22", periods=DAYS), columns=list(START_PRICES))


@cache
def _application() -> FastAPI:
    """Built once: the routes are the same in every life."""
    app = create_app(load_settings(log_level="error"))
    app.openapi()  # builds every route now, while no thread changes what becomes of warnings
    return app


class Desk:
    """Opens the application on `settings`, closes it and opens it again; every call is one real request."""

    def __init__(self, settings: Settings, clock: ManualClock) -> None:
        self._runner = asyncio.Runner()
        self._settings = settings
        self.clock = clock
        self.market = Market(clock, START_PRICES)
        self.app = _application()
        self._run: AbstractAsyncContextManager[None] | None = None
        self.open()

    def open(self) -> None:
        self.app.state.settings, self.app.state.clock = self._settings, self.clock
        self.app.state.market = self.market
        self._run = running(self.app)
        self._runner.run(self._run.__aenter__())
        transport = httpx.ASGITransport(self.app)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://localhost:8900")

    def close(self) -> None:
        assert self._run is not None
        self._runner.run(self._http.aclose())
        self._runner.run(self._run.__aexit__(None, None, None))
        self._run = None

    def end(self) -> None:
        if self._run is not None:
            self.close()
        self._runner.close()

    def audit(self) -> list[str]:
        """Faults that the service's own audit finds in everything stored."""
        return list(self._runner.run(self.app.state.services.repository.audit()))

    def watch(self) -> None:
        """Let the risk limits look at the books."""
        self._runner.run(self.app.state.services.risk.watch.run_once())

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> httpx.Response:
        return self._runner.run(self._call(method, path, body, headers, query))

    def both(self, *requests: tuple[str, str, Any]) -> list[httpx.Response]:
        """Several requests at the same time."""

        async def together() -> list[httpx.Response]:
            return await asyncio.gather(*(self._call(*request, None, {}) for request in requests))

        return self._runner.run(together())

    async def _call(
        self, method: str, path: str, body: Any, headers: Mapping[str, str] | None, query: Mapping[str, Any]
    ) -> httpx.Response:
        content = {} if body is None else {"json": body}
        response = await self._http.request(method, path, headers=dict(headers or {}), params=dict(query), **content)
        assert response.status_code < 500, f"{method} {path} {body}: {response.text}"
        return response

"""What an operator asks: counters that survive a restart, durations since the start, and the state of the parts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import portfolio_engine as pe
from portfolio_service.domain.books import Books
from portfolio_service.domain.durations import Durations
from portfolio_service.domain.errors import DomainError
from portfolio_service.domain.models import Activity, Counters, PortfolioStatus
from portfolio_service.domain.ports import Clock, MarketDataClient, MessageBus, Repository
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.shared import Shared
from portfolio_service.domain.sources import CLOSED
from portfolio_service.domain.valuation import LiveValuation


def acceleration() -> dict[str, Any]:
    """The device that computes, and the honest state of the documented accelerators.

    `metal` says whether it computes now; `healthy` turns false when a GPU that was there failed, after which the CPU
    does its work; `fallbacks` counts the calls that it should have computed and the CPU did.
    """
    devices = {device.name: device for device in pe.available_devices()}
    metal, chosen = pe.metal_health(), pe.default_device()
    usable = metal.available and metal.healthy and (chosen == "metal" or not metal.emulated)
    active = usable and chosen != "cpu"
    lost = metal.available and not metal.healthy
    reason = metal.reason if lost else devices["metal"].description
    if usable and not active:
        reason = f"{reason}, switched off"
    return {
        "device": "metal" if active else "cpu",
        "metal": active,
        "healthy": not lost,
        "fallbacks": metal.fallbacks,
        "neural_engine": False,
        "reason": reason,
        "cpu": devices["cpu"].description,
    }


@dataclass
class RelayCounts:
    """What the outbox relay did since the start."""

    published: int = 0
    failures: int = 0


class Monitor:
    """Reads the parts; changes none of them."""

    def __init__(
        self,
        *,
        repository: Repository,
        books: Books,
        live: LiveValuation,
        prices: Prices,
        market: MarketDataClient,
        bus: MessageBus,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._books = books
        self._live = live
        self._prices = prices
        self._market = market
        self._bus = bus
        self._clock = clock
        self._started = time.monotonic()
        self.optimizations: dict[str, Durations] = {}
        self.rebalances = Durations()
        self.loop_lag = Durations()
        self.relay = RelayCounts()
        self.last_activity: Activity | None = None  # for a scrape while the database cannot be read
        self.last_counters = Counters(0, 0, 0, 0)  # for /health while the database cannot be read
        # a crowd that asks for /health is one question to the database
        self._check_writable = Shared(lambda: self._repository.check_writable())
        self.counters = Shared(self._counters)

    def optimized(self, method: str, seconds: float) -> None:
        """Counts a finished optimisation."""
        self.optimizations.setdefault(method, Durations()).add(seconds)

    @contextmanager
    def rebalance(self, *, dry_run: bool = False) -> Iterator[None]:
        """Times a finished rebalance; one that raises or only plans is not counted."""
        started = time.perf_counter()
        yield
        if not dry_run:
            self.rebalances.add(time.perf_counter() - started)

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self._started

    async def _counters(self) -> Counters:
        """From the database."""
        self.last_counters = await self._repository.counters(self._clock.now())
        return self.last_counters

    def active(self) -> int:
        return sum(portfolio.status is PortfolioStatus.ACTIVE for portfolio in self._books.all())

    async def database(self) -> dict[str, Any]:
        """Whether the books can be written now."""
        if self._books.damage:
            return {"status": "damaged", "reason": self._books.damage[0]}
        try:
            await self._check_writable()
        except DomainError as error:
            return {"status": "unavailable", "reason": error.detail}
        return {"status": "ok"}

    def market_data(self) -> dict[str, Any]:
        """The source and the age of what it last delivered."""
        last = self._prices.last_update
        age = None if last is None else max(0.0, (self._clock.now() - last).total_seconds())
        prices = {symbol: self._prices.get(symbol) for symbol in sorted(self._live.symbols())}
        missing = [symbol for symbol, price in prices.items() if price is None]
        stale = [symbol for symbol, price in prices.items() if price is not None and self._prices.is_stale(price)]
        state = self._market.state
        away = state.breaker not in (None, CLOSED)
        return {
            "status": "unavailable" if away else "missing_prices" if missing else "stale_prices" if stale else "ok",
            "source": self._market.source,
            "last_update_age_s": age,
            "missing": missing[:20],
            "stale": stale[:20],
            **state.shown(),
        }

    def messagebus(self) -> dict[str, Any]:
        return {"kind": self._bus.name, "connected": self._bus.connected()}

    def total_aum(self) -> float:
        return self._live.total_aum()


def mean_ms(durations: Mapping[str, Durations]) -> float:
    """Mean duration of the optimisations since the start, in milliseconds; 0 when there were none."""
    count = sum(one.count for one in durations.values())
    return 1e3 * sum(one.total_s for one in durations.values()) / count if count else 0.0

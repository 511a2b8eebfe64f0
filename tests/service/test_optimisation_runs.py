"""Running optimisations: cache, versions, concurrency, time limit, queue and failures."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import portfolio_engine as pe
from portfolio_service.domain.errors import NotFound, PreconditionFailed, TimedOut, Unacceptable, Unavailable
from portfolio_service.domain.optimisation import OptimizeRequest
from tests.service.fakes import ACTOR
from tests.service.market_support import World, open_world

NAMES = ("AAPL", "GOOGL", "MSFT", "NVDA", "TSLA")


def until(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold within 30 s."""
    deadline = time.monotonic() + 30
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.001)
    return holds()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def test_equal_questions_are_answered_from_the_cache_until_it_expires(world: World) -> None:
    one, two = await world.create(*NAMES), await world.create(*NAMES)
    first = await world.optimisation.optimize(one.portfolio_id, OptimizeRequest(), ACTOR)
    assert world.optimisation.cache_efficiency == 0.0
    second = await world.optimisation.optimize(two.portfolio_id, OptimizeRequest(), ACTOR)
    assert (first.details["cached"], second.details["cached"]) == (False, True)
    assert second.target_weights == first.target_weights
    assert second.optimization_id != first.optimization_id
    assert world.optimisation.cache_efficiency == 0.5
    other = await world.optimisation.optimize(two.portfolio_id, OptimizeRequest(risk_aversion=5.0), ACTOR)
    assert other.details["cached"] is False
    world.clock.advance(1801)
    third = await world.optimisation.optimize(one.portfolio_id, OptimizeRequest(), ACTOR)
    assert third.details["cached"] is False


async def test_new_data_is_a_new_question(tmp_path: Path) -> None:
    async with open_world(tmp_path, cache_ttl_s=1e9) as world:
        portfolio = await world.create(*NAMES)
        await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(), ACTOR)
        world.clock.advance(timedelta(hours=6))  # a close later
        again = await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(), ACTOR)
        assert again.details["cached"] is False
        assert again.details["estimates"]["last_date"] == "2025-08-25"


async def test_a_stale_version_is_refused(world: World) -> None:
    portfolio = await world.create(*NAMES)
    await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(), ACTOR, if_match=portfolio.version)
    with pytest.raises(PreconditionFailed):
        await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(), ACTOR, if_match=portfolio.version)


async def test_unknown_portfolio(world: World) -> None:
    with pytest.raises(NotFound):
        await world.optimisation.optimize("port_000000000000", OptimizeRequest(), ACTOR)


async def test_concurrent_optimisations_of_one_portfolio_all_arrive(world: World) -> None:
    portfolio = await world.create(*NAMES)
    await asyncio.gather(
        *(
            world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(risk_aversion=1.0 + k), ACTOR)
            for k in range(8)
        )
    )
    assert world.books.get(portfolio.portfolio_id).version == portfolio.version + 8
    assert (await world.optimisation.history(portfolio.portfolio_id, 100, 0))[1] == 8


class Gate:
    """Holds the library's optimiser back until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        self._real = pe.optimize
        monkeypatch.setattr(pe, "optimize", self._wait)

    def _wait(self, *args: Any, **options: Any) -> pe.Allocation:
        self.entered.set()
        assert self.opened.wait(30)
        return self._real(*args, **options)


async def test_positions_changed_meanwhile_are_optimised_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    portfolio = await world.create(*NAMES)
    gate = Gate(monkeypatch)
    running = asyncio.ensure_future(world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(), ACTOR))
    await asyncio.to_thread(gate.entered.wait, 30)
    assert world.books.status(portfolio) == "optimizing"
    await world.hold(portfolio.portfolio_id, {"KO": "10"})
    gate.opened.set()
    record = await running
    assert set(record.target_weights) == {*NAMES, "KO"}
    assert world.books.status(portfolio) == "active"


async def test_over_the_time_limit_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_world(tmp_path, timeout_s=0.05) as world:
        portfolio = await world.create(*NAMES)
        gate = Gate(monkeypatch)
        with pytest.raises(TimedOut, match=r"0\.05 s \(OPTIMIZATION_TIMEOUT\)") as caught:
            await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(), ACTOR)
        assert caught.value.code == "optimization_timeout"
        gate.opened.set()
        world.optimisation.workers.close(wait=True)
        assert world.optimisation.workers.unfinished == 0
        assert world.books.get(portfolio.portfolio_id) == portfolio
        assert world.books.status(portfolio) == "active"
        assert (await world.optimisation.history(portfolio.portfolio_id, 10, 0))[1] == 0


async def test_a_full_queue_is_overload_and_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_world(tmp_path, workers=1, queue_size=1) as world:
        portfolio = await world.create(*NAMES)
        gate = Gate(monkeypatch)

        def ask(k: int) -> Any:
            request = OptimizeRequest(risk_aversion=1.0 + k)
            return asyncio.ensure_future(world.optimisation.optimize(portfolio.portfolio_id, request, ACTOR))

        asked = [ask(0), ask(1)]
        await asyncio.to_thread(gate.entered.wait, 30)
        workers = world.optimisation.workers
        assert await asyncio.to_thread(until, lambda: workers.unfinished == 2)
        with pytest.raises(Unavailable) as caught:
            await ask(2)
        assert (caught.value.code, caught.value.retry_after_s > 0) == ("overloaded", True)
        gate.opened.set()
        await asyncio.gather(*asked)
        await ask(3)


async def test_a_solver_failure_stores_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    portfolio = await world.create(*NAMES)

    def fails(*args: Any, **options: Any) -> pe.Allocation:
        raise pe.SolverError("max_iterations", "no verified answer after 200 iterations")

    monkeypatch.setattr(pe, "optimize", fails)
    with pytest.raises(Unacceptable, match="no verified answer") as caught:
        await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(), ACTOR)
    assert caught.value.code == "numerical_error"
    assert world.books.get(portfolio.portfolio_id).target is None


async def test_memory_limit_is_checked_before_the_work(tmp_path: Path) -> None:
    async with open_world(tmp_path, max_memory=64 * 2**10) as world:
        portfolio = await world.create(*NAMES)
        with pytest.raises(Unacceptable, match="PORTFOLIO_MAX_MEMORY") as caught:
            await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(), ACTOR)
        assert caught.value.code == "memory_limit"

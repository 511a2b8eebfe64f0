"""Whatever a computation does, its caller hears of it; and it lasts no longer than somebody waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import portfolio_engine as pe
from portfolio_service.domain.errors import TimedOut, Unavailable
from portfolio_service.domain.workers import Workers


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(threads=1, timeout_s=20)
    yield made
    made.close(wait=True)


def _stops() -> int:
    return next(iter(()))


def _divides() -> int:
    return 1 // 0


@pytest.mark.parametrize(("function", "error"), [(_stops, RuntimeError), (_divides, ZeroDivisionError)])
async def test_every_error_arrives(workers: Workers, function: Callable[[], int], error: type[Exception]) -> None:
    """asyncio drops a StopIteration: without care the caller would wait until the timeout."""
    with pytest.raises(error):
        await workers.run(function)
    assert await workers.run(lambda: 7) == 7
    assert workers.unfinished == 0


def _endless(cancel: pe.CancelToken) -> Callable[[], pe.Simulation]:
    """Minutes of scenarios, unless somebody ends them."""
    return lambda: pe.simulate(
        np.zeros(50), np.eye(50), np.full(50, 0.02), horizon=5_000, scenarios=10**6, cancel=cancel
    )


async def _free(workers: Workers) -> None:
    """Returns when no thread computes any more; a kernel that is not ended would take minutes."""
    for _ in range(2000):
        if not workers.unfinished:
            return
        await asyncio.sleep(0.01)
    pytest.fail("the computation goes on without anybody waiting for it")


async def test_over_the_time_limit_the_kernel_ends() -> None:
    workers, cancel = Workers(threads=1, timeout_s=0.1), pe.CancelToken()
    with pytest.raises(TimedOut):
        await workers.run(_endless(cancel), cancel)
    await _free(workers)
    assert cancel.cancelled
    workers.close(wait=True)


@pytest.mark.parametrize("ending", ["caller", "stop_waiting", "close"])
async def test_whoever_gives_up_ends_the_kernel(ending: str) -> None:
    workers, cancel = Workers(threads=1, timeout_s=600), pe.CancelToken()
    begun, compute = threading.Event(), _endless(cancel)
    waiting = asyncio.create_task(workers.run(lambda: (begun.set(), compute())[1], cancel))
    assert await asyncio.to_thread(begun.wait, 20)
    if ending == "caller":
        waiting.cancel()
    elif ending == "stop_waiting":
        workers.stop_waiting()
    else:
        workers.close()
    expected = {"caller": asyncio.CancelledError, "stop_waiting": Unavailable, "close": pe.CancelledError}
    with pytest.raises(expected[ending]):
        await waiting
    await _free(workers)
    workers.close(wait=True)


async def test_what_was_given_up_in_the_queue_does_not_begin() -> None:
    workers, gate, begun = Workers(threads=1, timeout_s=20), threading.Event(), threading.Event()
    first = asyncio.create_task(workers.run(lambda: gate.wait(20)))
    cancel = pe.CancelToken()
    second = asyncio.create_task(workers.run(begun.set, cancel))
    await asyncio.sleep(0.05)
    cancel.cancel()
    gate.set()
    assert await first
    with pytest.raises(pe.CancelledError, match="before the computation began"):
        await second
    assert not begun.is_set()
    workers.close(wait=True)

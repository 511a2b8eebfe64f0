"""Threads for long computations: a bounded queue in front, a time limit, and no wait on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from portfolio_service.domain.errors import TimedOut, Unavailable

T = TypeVar("T")
THREAD_NAME = "optimisation"


class Workers:
    """Runs functions in `threads` threads; at most `queue_size` more wait."""

    def __init__(self, threads: int = 4, queue_size: int = 64, timeout_s: float = 300.0) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=THREAD_NAME)
        self._capacity = threads + queue_size
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._unfinished = 0

    @property
    def unfinished(self) -> int:
        """Computations that run or wait, those included whose caller gave up."""
        return self._unfinished

    async def run(self, function: Callable[[], T]) -> T:
        """The function's result. Unavailable("overloaded") when the queue is full, TimedOut("optimization_timeout")
        when it takes too long; a computation that has begun then ends by itself and its result is dropped."""
        with self._lock:
            if self._unfinished >= self._capacity:
                raise Unavailable(
                    "overloaded", f"{self._unfinished} computations run or wait already; try again in a few seconds"
                )
            self._unfinished += 1
        future = self._pool.submit(_answered, function)
        future.add_done_callback(self._finished)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._timeout_s)
        except TimeoutError:
            raise TimedOut(
                "optimization_timeout",
                f"no answer within {self._timeout_s:g} s (OPTIMIZATION_TIMEOUT); nothing was stored",
            ) from None

    def close(self, *, wait: bool = False) -> None:
        """Drops what waits in the queue; what runs ends by itself, with `wait` before this returns."""
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def _finished(self, _future: Future[T]) -> None:
        with self._lock:
            self._unfinished -= 1


def _answered(function: Callable[[], T]) -> T:
    """The function's result; asyncio never delivers a StopIteration, the caller would wait for ever."""
    try:
        return function()
    except StopIteration as error:
        raise RuntimeError("a computation ended with StopIteration") from error

"""Threads for long computations: a bounded queue in front, a time limit that really ends them, and no wait on the event
loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

import portfolio_engine as pe
from portfolio_service.domain.durations import Durations
from portfolio_service.domain.errors import TimedOut, Unavailable
from portfolio_service.domain.spans import spent

T = TypeVar("T")
THREAD_NAME = "optimisation"
QUEUE_SIZE = 64
STOPPING = "the service is stopping, the computation was given up; ask again when it is back"


class Workers:
    """Runs functions in `threads` threads; at most `queue_size` more wait."""

    def __init__(self, threads: int = 4, queue_size: int = QUEUE_SIZE, timeout_s: float = 300.0) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=THREAD_NAME)
        self.threads = threads
        self.capacity = threads + queue_size
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._unfinished = 0
        self._waiting = 0
        self.waits = Durations()  # between the request and the start of its computation
        self.refused = 0
        self.timed_out = 0
        self._stopping = False
        self._waited_for: dict[asyncio.Future[Any], pe.CancelToken | None] = {}

    @property
    def waiting(self) -> int:
        """Computations that no thread has begun."""
        return self._waiting

    @property
    def unfinished(self) -> int:
        """Computations that run or wait, those included whose caller gave up."""
        return self._unfinished

    async def run(self, function: Callable[[], T], cancel: pe.CancelToken | None = None) -> T:
        """The function's result. Unavailable("overloaded") when the queue is full, TimedOut("optimization_timeout")
        when it takes too long. Whoever gives up cancels `cancel`, which the function hands to the kernels: they end
        within milliseconds and the thread is free; short computations without one end by themselves."""
        with self._lock:
            if self._stopping:
                raise Unavailable("stopping", STOPPING)
            if self._unfinished >= self.capacity:
                self.refused += 1
                raise Unavailable(
                    "overloaded", f"{self._unfinished} computations run or wait already; try again in a few seconds"
                )
            self._unfinished += 1
            self._waiting += 1
        context = copy_context()  # what the computation logs carries the id of its request
        future = self._pool.submit(context.run, self._begin, function, cancel, time.perf_counter())
        future.add_done_callback(self._finished)
        waited_for = asyncio.wrap_future(future)
        self._waited_for[waited_for] = cancel
        waited_for.add_done_callback(self._waited_for.pop)
        try:
            return await asyncio.wait_for(waited_for, self._timeout_s)
        except asyncio.CancelledError:
            _end(cancel)
            if self._stopping and waited_for.cancelled():
                raise Unavailable("stopping", STOPPING) from None
            raise
        except TimeoutError:
            _end(cancel)
            self.timed_out += 1
            raise TimedOut(
                "optimization_timeout",
                f"no answer within {self._timeout_s:g} s (OPTIMIZATION_TIMEOUT); nothing was stored",
            ) from None

    def stop_waiting(self) -> None:
        """The service stops: whoever waits, now or later, hears so; nothing of theirs is stored."""
        self._stopping = True
        for waited_for, cancel in list(self._waited_for.items()):
            _end(cancel)
            waited_for.cancel()

    def close(self, *, wait: bool = False) -> None:
        """Drops what waits in the queue and cancels what runs; with `wait` it has ended before this returns."""
        for cancel in list(self._waited_for.values()):
            _end(cancel)
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def _begin(self, function: Callable[[], T], cancel: pe.CancelToken | None, asked_at: float) -> T:
        with self._lock:
            self._waiting -= 1
            waited = time.perf_counter() - asked_at
            self.waits.add(waited)
        spent("queue", waited)
        if cancel is not None and cancel.cancelled:
            raise pe.CancelledError("the caller gave up before the computation began")
        return _answered(function)

    def _finished(self, future: Future[T]) -> None:
        with self._lock:
            self._unfinished -= 1
            if future.cancelled():  # no thread had begun it
                self._waiting -= 1


def given_up() -> Unavailable:
    """The error of a computation that its caller ended; there is hardly anybody left to read it."""
    return Unavailable("cancelled", "the caller left before the answer was there; the computation was ended")


def _end(cancel: pe.CancelToken | None) -> None:
    if cancel is not None:
        cancel.cancel()


def _answered(function: Callable[[], T]) -> T:
    """The function's result; asyncio never delivers a StopIteration, the caller would wait for ever."""
    try:
        return function()
    except StopIteration as error:
        raise RuntimeError("a computation ended with StopIteration") from error

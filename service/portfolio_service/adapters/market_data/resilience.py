"""Calls to a source that may be slow, broken or away: timeout, retries, breaker, counts, shared answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

import stamina
import stamina.instrumentation

from portfolio_service.domain.sources import CLOSED, HALF_OPEN, OPEN, SourceState

log = logging.getLogger(__name__)
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

FAILURES_TO_OPEN = 5
OPEN_S = (1.0, 2.0, 4.0)  # how long it stays open: the first time, the second, then
LONGEST_RETRY_AFTER_S = 2.0  # a source that asks for more patience is left to the breaker

# each failed call is counted in the state; a log line for each retry would drown the rest
stamina.instrumentation.set_on_retry_hooks([])


class CallFailed(Exception):
    """One call failed; `kind` is what is counted, `retry` whether trying again may help."""

    def __init__(self, kind: str, detail: str, *, retry: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.retry = retry
        self.retry_after_s = retry_after_s


class BreakerOpen(CallFailed):
    """Not called: the source has just failed too often."""

    def __init__(self, last_error: str | None) -> None:
        super().__init__("breaker_open", f"it failed {FAILURES_TO_OPEN} times in a row, last: {last_error}")


class Breaker:
    """Opens after five failures in a row, lets one call through after a pause, closes when that one succeeds."""

    def __init__(
        self,
        state: SourceState,
        open_s: Sequence[float] = OPEN_S,
        failures_to_open: int = FAILURES_TO_OPEN,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = state
        self._open_s = open_s
        self._failures_to_open = failures_to_open
        self._monotonic = monotonic
        self._failures = 0
        self._opened = 0  # in a row
        self._until = 0.0
        state.breaker = CLOSED

    @property
    def closed(self) -> bool:
        return self._state.breaker == CLOSED

    def enter(self) -> None:
        """Before a call; BreakerOpen when it must not be made."""
        if self._state.breaker == CLOSED:
            return
        if self._state.breaker == HALF_OPEN or self._monotonic() < self._until:
            raise BreakerOpen(self._state.last_error)
        self._state.breaker = HALF_OPEN  # this call is the probe

    def succeeded(self) -> None:
        if self._state.breaker == OPEN:
            return  # an answer to a call from before; the probe decides
        if self._state.breaker == HALF_OPEN:
            log.info("market data source is back")
        self._failures = self._opened = 0
        self._state.breaker = CLOSED

    def failed(self) -> None:
        self._failures += 1
        if self._state.breaker == HALF_OPEN or (self.closed and self._failures >= self._failures_to_open):
            self._open()

    def abandoned(self) -> None:
        """The call was cancelled: a probe says nothing then, the next call is one."""
        if self._state.breaker == HALF_OPEN:
            self._state.breaker = OPEN

    def _open(self) -> None:
        if not self._opened:
            log.warning("market data source is unavailable", extra={"error": self._state.last_error})
            self._state.breaker_opened += 1
        self._until = self._monotonic() + self._open_s[min(self._opened, len(self._open_s) - 1)]
        self._opened += 1
        self._state.breaker = OPEN


class Link:
    """Every call to one source goes through here."""

    def __init__(self, state: SourceState, breaker: Breaker, wait_s: float = 0.1) -> None:
        self.state = state
        self.breaker = breaker
        self._wait_s = wait_s

    async def call(self, work: Callable[[], Awaitable[T]], timeout_s: float, attempts: int) -> T:
        """The answer of `work`; CallFailed after `attempts`, of which those after the first wait with jitter."""
        if attempts == 1:
            return await self._once(work, timeout_s)
        async for attempt in stamina.retry_context(
            on=_may_help, attempts=attempts, timeout=None, wait_initial=self._wait_s, wait_jitter=self._wait_s
        ):
            with attempt:
                return await self._once(work, timeout_s)
        raise AssertionError("stamina raises the last error")

    async def _once(self, work: Callable[[], Awaitable[T]], timeout_s: float) -> T:
        self.breaker.enter()
        self.state.calls += 1
        try:
            async with asyncio.timeout(timeout_s):
                answer = await work()
        except TimeoutError:
            raise self._failed(CallFailed("timeout", f"no answer within {timeout_s:g} s")) from None
        except CallFailed as error:
            raise self._failed(error) from None
        except Exception as error:  # an answer that breaks our reading of it is a failure of the source, and a bug
            log.exception("answer not understood")
            raise self._failed(CallFailed("not_understood", f"{type(error).__name__}: {error}")) from error
        except BaseException:
            self.breaker.abandoned()
            raise
        self.breaker.succeeded()
        return answer

    def _failed(self, error: CallFailed) -> CallFailed:
        self.state.failures[error.kind] += 1
        self.state.last_error = f"{error.kind}: {error}"[:300]
        self.breaker.failed()
        return error


def _may_help(error: Exception) -> bool | float:
    """Whether to try again: True for the usual wait, or the seconds that the source asked for."""
    if not isinstance(error, CallFailed) or not error.retry:
        return False
    if error.retry_after_s is None:
        return True
    return error.retry_after_s if error.retry_after_s <= LONGEST_RETRY_AFTER_S else False


class Shared(Generic[K, T]):
    """Answers by key, asked for in batches; who asks for a key that is being asked for waits for that answer."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[Mapping[K, T]]] = {}

    async def ask(self, keys: Sequence[K], fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, T]]]) -> dict[K, T]:
        """`fetch` is called once with the keys that nobody is asking for, and is not cancelled with its caller."""
        new = [key for key in dict.fromkeys(keys) if key not in self._running]
        if new:
            task = asyncio.create_task(_awaited(fetch(new)))
            self._running.update(dict.fromkeys(new, task))
            task.add_done_callback(lambda done: self._ended(new, done))
        tasks = {key: self._running[key] for key in keys}
        if tasks:
            await asyncio.wait(set(tasks.values()))
        return {key: task.result()[key] for key, task in tasks.items()}

    async def close(self) -> None:
        """Cancel what is running."""
        for task in (running := set(self._running.values())):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _ended(self, keys: Sequence[K], task: asyncio.Task[Mapping[K, T]]) -> None:
        for key in keys:
            self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen, also when nobody waits any more


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer

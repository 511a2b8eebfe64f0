"""Whatever a computation does, its caller hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

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

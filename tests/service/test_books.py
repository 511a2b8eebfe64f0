"""Books in memory: nothing is visible before its commit, nothing differs from the database after it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import Conflict, NotFound, PreconditionFailed, Unavailable
from portfolio_service.domain.models import Change, Portfolio, PortfolioStatus
from portfolio_service.domain.portfolio import NewPortfolio
from tests.service.fakes import ACTOR, START, Desk, WatchedRepository, open_desk

pytestmark = pytest.mark.usefixtures("desks")

NEW = NewPortfolio("Growth", Decimal(500000), Decimal(50000))


def renamed(portfolio: Portfolio, name: str) -> Change:
    after = replace(portfolio, portfolio_name=name, version=portfolio.version + 1)
    return Change("portfolio.rename", after, portfolio.version, ACTOR, START)


async def desk_with_one() -> tuple[Desk, WatchedRepository, Portfolio]:
    desk, _, repository = await open_desk({"AAPL": "100"})
    return desk, repository, await desk.portfolios.create(NEW, ACTOR)


async def test_a_change_is_visible_only_after_its_commit() -> None:
    desk, repository, portfolio = await desk_with_one()
    repository.gate = asyncio.Event()
    task = asyncio.create_task(desk.books.apply(renamed(portfolio, "New")))
    await asyncio.sleep(0)
    assert desk.books.get(portfolio.portfolio_id).portfolio_name == "Growth"
    repository.gate.set()
    await task
    assert desk.books.get(portfolio.portfolio_id).portfolio_name == "New"


async def test_a_failed_commit_leaves_everything_as_it_was() -> None:
    desk, repository, portfolio = await desk_with_one()
    heard: list[str] = []
    desk.books.subscribe(lambda portfolio_id, _: heard.append(portfolio_id))
    repository.fail_with = Unavailable("storage_unavailable", "disk full")
    with pytest.raises(Unavailable):
        await desk.books.apply(renamed(portfolio, "New"))
    assert desk.books.get(portfolio.portfolio_id) is portfolio
    assert heard == []


async def test_a_caller_who_leaves_during_the_commit_loses_nothing() -> None:
    desk, repository, portfolio = await desk_with_one()
    repository.gate = asyncio.Event()
    task = asyncio.create_task(desk.books.apply(renamed(portfolio, "New")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done(), "waits for the outcome before the lock is given back"
    repository.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert desk.books.get(portfolio.portfolio_id).portfolio_name == "New"
    stored = await repository.load_portfolio(portfolio.portfolio_id)
    assert stored is not None
    assert stored.portfolio_name == "New"


async def test_a_caller_who_leaves_a_failing_commit_sees_no_change() -> None:
    desk, repository, portfolio = await desk_with_one()
    repository.gate, repository.fail_with = asyncio.Event(), Unavailable("storage_unavailable", "disk full")
    task = asyncio.create_task(desk.books.apply(renamed(portfolio, "New")))
    await asyncio.sleep(0)
    task.cancel()
    repository.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert desk.books.get(portfolio.portfolio_id) is portfolio


async def test_listeners_hear_of_changes_and_of_archiving() -> None:
    desk, _, portfolio = await desk_with_one()
    heard: list[tuple[str, Portfolio | None]] = []
    desk.books.subscribe(lambda portfolio_id, value: heard.append((portfolio_id, value)))
    after = await desk.books.apply(renamed(portfolio, "New"))
    await desk.portfolios.archive(portfolio.portfolio_id, ACTOR)
    assert heard == [(portfolio.portfolio_id, after), (portfolio.portfolio_id, None)]


async def test_an_unknown_id_is_not_found_and_leaves_no_lock_behind() -> None:
    books = (await desk_with_one())[0].books
    for ask in (books.get, books.lock):
        with pytest.raises(NotFound, match="port_nope") as failure:
            ask("port_nope")
        assert failure.value.code == "portfolio_not_found"


async def test_a_stale_version_is_a_failed_precondition() -> None:
    desk, _, portfolio = await desk_with_one()
    desk.books.check_version(portfolio, None)
    desk.books.check_version(portfolio, portfolio.version)
    with pytest.raises(PreconditionFailed, match="version 1"):
        desk.books.check_version(portfolio, 7)


async def test_what_happens_at_the_moment_shows_as_the_status() -> None:
    desk, _, portfolio = await desk_with_one()
    books, own = desk.books, portfolio.portfolio_id
    assert books.status(portfolio) == "active"
    with books.activity(own, "optimizing"):
        with books.activity(own, "rebalancing"):
            assert books.status(portfolio) == "rebalancing"
        assert books.status(portfolio) == "optimizing"
    assert books.status(portfolio) == "active"
    with pytest.raises(ZeroDivisionError), books.activity(own, "optimizing"):
        raise ZeroDivisionError
    assert books.status(portfolio) == "active"


async def test_activities_that_overlap_end_in_any_order() -> None:
    desk, _, portfolio = await desk_with_one()
    first, second = (desk.books.activity(portfolio.portfolio_id, "optimizing") for _ in range(2))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert desk.books.status(portfolio) == "optimizing"
    second.__exit__(None, None, None)
    assert desk.books.status(portfolio) == "active"


async def test_loading_takes_what_is_not_archived_and_reload_follows_the_database() -> None:
    desk, repository, portfolio = await desk_with_one()
    other = await desk.portfolios.create(NEW, ACTOR)
    await desk.portfolios.archive(other.portfolio_id, ACTOR)
    books = Books(repository)
    await books.load()
    assert books.all() == [portfolio]
    await repository.commit(renamed(portfolio, "Elsewhere"))
    assert (await books.reload(portfolio.portfolio_id)).portfolio_name == "Elsewhere"
    await desk.books.reload(portfolio.portfolio_id)
    await desk.portfolios.archive(portfolio.portfolio_id, ACTOR)
    with pytest.raises(NotFound):
        await books.reload(portfolio.portfolio_id)
    assert books.all() == []


async def test_a_change_computed_on_an_old_version_is_a_conflict() -> None:
    desk, _, portfolio = await desk_with_one()
    await desk.books.apply(renamed(portfolio, "New"))
    with pytest.raises(Conflict) as failure:
        await desk.books.apply(renamed(portfolio, "Other"))
    assert failure.value.code == "version_conflict"
    assert desk.books.get(portfolio.portfolio_id).status is PortfolioStatus.ACTIVE

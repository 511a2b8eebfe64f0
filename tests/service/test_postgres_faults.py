"""PostgreSQL that restarts, or goes away in the middle of a commit: never a false answer, and it heals by itself."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, text

from portfolio_service.adapters.storage import SqlRepository, postgresql
from portfolio_service.adapters.storage import repository as repository_module
from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import NotFound, OutcomeUnknown, Unavailable
from portfolio_service.domain.models import Portfolio
from portfolio_service.domain.portfolio import NewPortfolio, PositionUpdate
from tests.service.conftest import start_server
from tests.service.cut_proxy import CutProxy
from tests.service.fakes import ACTOR, Desk, ManualClock, TableMarket
from tests.service.postgres import PASSWORD, Postgres

pytestmark = pytest.mark.slow
NEW = NewPortfolio("P", symbols=("A",))


@pytest.fixture
async def proxy(postgres: Postgres) -> AsyncIterator[CutProxy]:
    async with CutProxy(postgres.port) as opened:
        yield opened


@pytest.fixture
async def desk(postgres: Postgres, postgres_database: str, proxy: CutProxy) -> AsyncIterator[Desk]:
    """Books whose connections go through the proxy."""
    repository = await SqlRepository.open(postgres_database.replace(f":{postgres.port}/", f":{proxy.port}/"))
    clock = ManualClock()
    yield Desk(clock, TableMarket(clock, {"A": "100"}), repository)
    await repository.close()


async def stored(desk: Desk) -> list[Portfolio]:
    books = Books(desk.repository)
    await books.load()
    assert await desk.repository.audit() == []
    return books.all()


async def state(desk: Desk, own: str, units: int) -> Portfolio:
    return await desk.portfolios.update_positions(own, [PositionUpdate("A", Decimal(units))], False, ACTOR)


async def test_a_commit_that_was_done_is_answered_though_its_answer_was_lost(desk: Desk, proxy: CutProxy) -> None:
    proxy.cut = "after"
    portfolio = await desk.portfolios.create(NEW, ACTOR)
    proxy.cut = "after"
    changed = await state(desk, portfolio.portfolio_id, 7)
    assert desk.books.all() == await stored(desk) == [changed]
    assert len(await desk.repository.ledger(portfolio.portfolio_id)) == 3  # nothing twice


async def test_a_commit_that_was_not_done_is_unavailable_and_leaves_nothing(desk: Desk, proxy: CutProxy) -> None:
    portfolio = await desk.portfolios.create(NEW, ACTOR)
    proxy.cut = "before"
    with pytest.raises(Unavailable, match="the change was not made"):
        await state(desk, portfolio.portfolio_id, 7)
    assert desk.books.all() == await stored(desk) == [portfolio]
    await state(desk, portfolio.portfolio_id, 8)
    assert desk.books.all() == await stored(desk)


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_while_the_outcome_is_unknown_nothing_is_built_on_it(
    desk: Desk, proxy: CutProxy, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    monkeypatch.setattr(repository_module, "SETTLE_WITHIN_S", 0.2)
    portfolio = await desk.portfolios.create(NEW, ACTOR)
    proxy.cut, proxy.refusing = ("before" if cut == "before" else "after"), True
    with pytest.raises(OutcomeUnknown):
        await state(desk, portfolio.portfolio_id, 7)
    with pytest.raises(Unavailable, match="not known yet"):
        await state(desk, portfolio.portfolio_id, 8)
    with pytest.raises(Unavailable):
        await desk.books.settle()
    assert desk.books.all() == [portfolio]
    proxy.refusing = False
    await desk.books.settle()
    (found,) = desk.books.all()
    assert [found] == await stored(desk)
    assert found.book.holdings["A"].quantity == (7 if cut == "after" else portfolio.book.holdings["A"].quantity)
    await state(desk, portfolio.portfolio_id, 9)


async def test_an_archive_in_doubt_is_followed_too(
    desk: Desk, proxy: CutProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository_module, "SETTLE_WITHIN_S", 0.2)
    portfolio = await desk.portfolios.create(NEW, ACTOR)
    proxy.cut, proxy.refusing = "after", True
    with pytest.raises(OutcomeUnknown):
        await desk.portfolios.archive(portfolio.portfolio_id, ACTOR)
    proxy.refusing = False
    await desk.books.settle()
    with pytest.raises(NotFound):
        desk.books.get(portfolio.portfolio_id)


async def test_a_restart_in_the_middle_of_a_transaction_leaves_nothing(
    postgres: Postgres, postgres_database: str
) -> None:
    repository = await SqlRepository.open(postgres_database)
    clock = ManualClock()
    desk = Desk(clock, TableMarket(clock, {"A": "100"}), repository)
    portfolio = await desk.portfolios.create(NEW, ACTOR)

    def interrupted(connection: Connection) -> None:
        connection.execute(text("UPDATE portfolios SET portfolio_name = 'half done'"))
        postgres.stop("immediate")
        connection.execute(text("SELECT 1"))

    with pytest.raises(Unavailable) as failure:
        await repository._database.write(interrupted)
    assert failure.value.code == "storage_unavailable"
    assert PASSWORD not in failure.value.detail
    with pytest.raises(Unavailable):
        await state(desk, portfolio.portfolio_id, 7)
    await asyncio.to_thread(postgres.start)
    await state(desk, portfolio.portfolio_id, 8)
    assert desk.books.all() == await stored(desk)
    assert desk.books.all()[0].portfolio_name == "P"
    await repository.close()


async def test_who_lost_the_lock_to_another_process_writes_nothing(
    postgres: Postgres, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "WAIT_FOR_LOCK_MS", 100)
    first = await SqlRepository.open(postgres_database)
    clock = ManualClock()
    desk = Desk(clock, TableMarket(clock, {"A": "100"}), first)
    portfolio = await desk.portfolios.create(NEW, ACTOR)
    postgres.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'engine'")
    second = await SqlRepository.open(postgres_database)
    with pytest.raises(Unavailable) as failure:
        await state(desk, portfolio.portfolio_id, 7)
    assert failure.value.code == "storage_in_use"
    await Desk(clock, TableMarket(clock, {"A": "100"}), second).portfolios.create(NEW, ACTOR)
    await second.close()
    with pytest.raises(Unavailable, match="has changed the books meanwhile"):
        await state(desk, portfolio.portfolio_id, 8)
    await first.close()


async def test_a_service_under_load_survives_restarts_of_its_database(
    postgres: Postgres, postgres_database: str, tmp_path: Path
) -> None:
    server = start_server(tmp_path, DATABASE_URL=postgres_database)
    numbers, acknowledged, done = itertools.count(), set[str](), asyncio.Event()
    answers: asyncio.Queue[int] = asyncio.Queue()

    async def client(http: httpx.AsyncClient) -> None:
        while not done.is_set():
            name = f"P{next(numbers)}"
            body = {"portfolio_name": name, "symbols": ["AAPL"], "initial_value": 10000}
            answer = await http.post("/portfolios/with-symbols", json=body)
            if answer.status_code == 201:
                acknowledged.add(name)
            else:
                assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable"), answer.text
                assert answer.headers["Retry-After"]
                assert PASSWORD not in answer.text
            answers.put_nowait(answer.status_code)

    async def more(status: int, count: int) -> None:
        while count:
            count -= await answers.get() == status

    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
            clients = [asyncio.create_task(client(http)) for _ in range(8)]
            for mode in ("fast", "immediate"):
                await more(201, 20)
                await asyncio.to_thread(postgres.stop, mode)
                await more(503, 1)
                await asyncio.to_thread(postgres.start)
            await more(201, 20)
            done.set()
            await asyncio.gather(*clients)
            shown = (await http.get("/portfolios", params={"limit": 1000})).json()["portfolios"]
            names = [one["portfolio_name"] for one in shown]
            assert len(names) == len(set(names))
            assert acknowledged <= set(names)
    finally:
        assert server.stop() == 0
    assert PASSWORD not in server.log.read_text()
    repository = await SqlRepository.open(postgres_database)
    books = Books(repository)
    await books.load()
    assert sorted(one.portfolio_name for one in books.all()) == sorted(names)
    assert await repository.audit() == []
    await repository.close()

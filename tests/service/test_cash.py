"""Deposits and withdrawals: exact, one external flow each, refused in words where they cannot be done."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest

from portfolio_service.adapters.storage.flows import ExternalFlowStore
from portfolio_service.domain.cash_flows import CashService
from portfolio_service.domain.errors import Conflict, PreconditionFailed, Unacceptable
from portfolio_service.domain.models import EntryKind
from portfolio_service.domain.portfolio import NewPortfolio, PositionUpdate
from portfolio_service.domain.rebalancing import RebalanceRequest
from tests.service.conftest import create_tech
from tests.service.fakes import ACTOR, Desk, TableMarket, WatchedRepository, open_desk

D = Decimal
PRICES = {"AAPL": "227.16", "MSFT": "501.07"}


class Counter:
    """A desk with a cash service, and one portfolio of two symbols: 1000 with 100 cash."""

    def __init__(self, desk: Desk, market: TableMarket, repository: WatchedRepository) -> None:
        self.desk, self.market, self.repository = desk, market, repository
        self.flows = ExternalFlowStore(repository._database)
        self.cash = CashService(books=desk.books, prices=desk.prices, flows=self.flows, clock=desk.clock)

    async def open(self, **options: Any) -> str:
        new = NewPortfolio("P", D(1000), D(100), **options)
        return (await self.desk.portfolios.create(new, ACTOR)).portfolio_id


@pytest.fixture
async def counter(desks: None) -> Counter:
    return Counter(*await open_desk(PRICES))


async def test_a_deposit_is_cash_a_ledger_entry_an_event_and_a_flow(counter: Counter) -> None:
    own = await counter.open(symbols=("AAPL", "MSFT"))
    counter.market.table["AAPL"] = D("300")
    counter.desk.clock.advance(600)
    move = await counter.cash.deposit(own, D("250.25"), "savings", ACTOR)
    book = counter.desk.books.get(own).book
    assert book.cash == D("350.25")
    assert move.portfolio.version == 2
    assert (await counter.repository.ledger(own))[-1].kind is EntryKind.DEPOSIT
    (change,) = counter.repository.changes[1:]
    assert change.action == "portfolio.deposit"
    assert [event.topic for event in change.events] == ["portfolio.position.updated"]
    total = counter.desk.value(own).total_value
    assert change.events[0].payload["total_value"] == float(total)
    (flow, opening), count, totals = await counter.cash.listing(own, 10, 0)
    assert (flow.kind, flow.amount, flow.note, flow.value_after) == ("deposit", D("250.25"), "savings", total)
    assert (opening.kind, opening.amount, opening.value_after) == ("deposit", D(1000), D(1000))
    assert (count, totals.deposits, totals.withdrawals, totals.transfers) == (2, D("1250.25"), 0, 0)


async def test_a_withdrawal_takes_all_the_cash_and_not_a_cent_more(counter: Counter) -> None:
    own = await counter.open(symbols=("AAPL",))
    with pytest.raises(Conflict, match=r"withdraw 100\.01: the cash is 100\.00; sell with a rebalance") as refused:
        await counter.cash.withdraw(own, D("100.01"), None, ACTOR)
    assert refused.value.code == "insufficient_cash"
    assert counter.desk.books.get(own).version == 1
    await counter.cash.withdraw(own, D("100"), None, ACTOR)
    assert counter.desk.books.get(own).book.cash == 0
    with pytest.raises(Conflict):
        await counter.cash.withdraw(own, D("0.01"), None, ACTOR)


async def test_unallocated_capital_is_no_cash(counter: Counter) -> None:
    own = await counter.open()
    with pytest.raises(Conflict, match=r"the cash is 100\.00; 900\.00 of unallocated capital is set aside"):
        await counter.cash.withdraw(own, D("500"), None, ACTOR)


async def test_a_rebalance_invests_what_was_paid_in(counter: Counter) -> None:
    own = await counter.open(symbols=("AAPL", "MSFT"))
    await counter.cash.deposit(own, D("5000"), None, ACTOR)
    await counter.desk.rebalancing.rebalance(own, RebalanceRequest({"AAPL": 0.5, "MSFT": 0.5}), ACTOR)
    valuation = counter.desk.value(own)
    assert float(valuation.positions["AAPL"].market_value) == pytest.approx(3000, rel=0.01)
    assert valuation.cash_balance < 50


async def test_amounts_that_are_none(counter: Counter) -> None:
    own = await counter.open()
    for amount in ("0", "0.004", "-1", "NaN", "Infinity", "1e12"):
        with pytest.raises(Unacceptable, match=r"amount: expected an amount from 0\.01 to below 1e\+12") as refused:
            await counter.cash.deposit(own, D(amount), None, ACTOR)
        assert refused.value.code == "out_of_range"


async def test_more_than_the_books_hold(counter: Counter) -> None:
    own = await counter.open(symbols=("AAPL",))
    with pytest.raises(Unacceptable, match="expected"):
        await counter.cash.deposit(own, D("999999999900"), None, ACTOR)
    await counter.cash.deposit(own, D("999999998999.99"), None, ACTOR)
    with pytest.raises(Unacceptable, match=r"expected money below|expected a total value below"):
        await counter.cash.deposit(own, D("0.01"), None, ACTOR)


async def test_a_stale_version_moves_nothing(counter: Counter) -> None:
    own = await counter.open()
    with pytest.raises(PreconditionFailed):
        await counter.cash.deposit(own, D(1), None, ACTOR, if_match=7)
    await counter.cash.deposit(own, D(1), None, ACTOR, if_match=1)


async def test_without_a_market_cash_moves_and_the_value_is_unknown(counter: Counter) -> None:
    """A stale price must not become a return."""
    own = await counter.open(symbols=("AAPL",))
    counter.market.down = True
    counter.desk.clock.advance(301)
    await counter.cash.deposit(own, D(1), None, ACTOR)
    (flow, _), _, _ = await counter.cash.listing(own, 10, 0)
    assert flow.value_after is None


async def test_a_statement_is_one_flow_of_what_it_changes(counter: Counter) -> None:
    """The documented opening statement: 450000 of capital becomes 448215 of positions."""
    own = (await counter.desk.portfolios.create(NewPortfolio("P", D(500000), D(50000)), ACTOR)).portfolio_id
    stated = [PositionUpdate("AAPL", D(1500), D("150.25"), D(225375)), PositionUpdate("MSFT", D(800), None, D(222840))]
    await counter.desk.portfolios.update_positions(own, stated, False, ACTOR)
    (flow, _), _, totals = await counter.cash.listing(own, 10, 0)
    assert (flow.kind, flow.amount, flow.value_after) == ("transfer", D(-1785), D(498215))
    assert (totals.deposits, totals.transfers) == (D(500000), D(-1785))


async def test_a_statement_of_less_than_a_cent_is_no_withdrawal(counter: Counter) -> None:
    """The capital that it releases leaves with it, though nothing of value arrives."""
    own = await counter.open()
    await counter.desk.portfolios.update_positions(own, [PositionUpdate("AAPL", D("0.00000001"))], False, ACTOR)
    (flow, _), _, totals = await counter.cash.listing(own, 10, 0)
    assert (flow.kind, flow.amount) == ("transfer", D(-900))
    assert (totals.withdrawals, totals.transfers) == (0, D(-900))
    assert await counter.repository.audit() == []


async def test_a_correction_of_the_cost_is_no_flow(counter: Counter) -> None:
    own = await counter.open(symbols=("AAPL",))
    held = counter.desk.books.get(own).book.holdings["AAPL"].quantity
    await counter.desk.portfolios.update_positions(own, [PositionUpdate("AAPL", held, D(1))], False, ACTOR)
    assert (await counter.cash.listing(own, 10, 0))[1] == 1


async def test_flows_between_two_moments(counter: Counter) -> None:
    own = await counter.open()
    start = counter.desk.clock.now()
    for cents in (1, 2, 3):
        counter.desk.clock.advance(10)
        await counter.cash.deposit(own, D(cents), None, ACTOR)
    end = counter.desk.clock.now()
    assert [flow.amount for flow in await counter.flows.between(own, start, end)] == [1, 2, 3]
    assert [flow.amount for flow in await counter.flows.between(own, end, end)] == []


async def test_over_http(client: httpx.AsyncClient) -> None:
    own = await create_tech(client, cash_balance=25000)
    paid = (await client.post(f"/portfolios/{own}/deposit", json={"amount": 2500.5, "note": "monthly"})).json()
    assert paid == {
        "status": "deposited",
        "portfolio_id": own,
        "amount": 2500.5,
        "cash_balance": 27500.5,
        "total_value": 252500.5,
    }
    taken = (await client.post(f"/portfolios/{own}/withdraw", json={"amount": 27500.5})).json()
    assert (taken["status"], taken["cash_balance"], taken["total_value"]) == ("withdrawn", 0, 225000)
    refused = await client.post(f"/portfolios/{own}/withdraw", json={"amount": 0.01})
    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_cash")
    listed = (await client.get(f"/portfolios/{own}/cash-flows", params={"limit": 2})).json()
    assert [(row["kind"], row["amount"], row["note"]) for row in listed["cash_flows"]] == [
        ("withdrawal", -27500.5, None),
        ("deposit", 2500.5, "monthly"),
    ]
    assert listed["count"] == 3
    assert listed["totals"] == {"deposits": 252500.5, "withdrawals": 27500.5, "transfers": 0, "net": 225000}


WRONG: list[dict[str, Any]] = [
    {}, {"amount": 0}, {"amount": -5}, {"amount": True}, {"amount": "5"}, {"amount": 1e12}, {"amount": 5, "note": " "},
    {"amount": 5, "note": "x" * 201}, {"amount": 5, "memo": "x"},
]  # fmt: skip


async def test_wrong_bodies_change_nothing(client: httpx.AsyncClient) -> None:
    own = await create_tech(client)
    for body in WRONG:
        response = await client.post(f"/portfolios/{own}/deposit", json=body)
        assert response.status_code == 422, body
    assert (await client.get(f"/portfolios/{own}/cash-flows")).json()["count"] == 1


async def test_a_retried_deposit_is_paid_in_once(client: httpx.AsyncClient) -> None:
    own = await create_tech(client, cash_balance=0)
    key = {"Idempotency-Key": "pay-1"}
    first, *others = await asyncio.gather(
        *(client.post(f"/portfolios/{own}/deposit", json={"amount": 10}, headers=key) for _ in range(8))
    )
    assert {answer.content for answer in others} == {first.content}
    assert first.json()["cash_balance"] == 10
    listed = (await client.get(f"/portfolios/{own}/cash-flows")).json()
    assert listed["count"] == 2


async def test_a_withdrawal_of_a_version_read_before(client: httpx.AsyncClient) -> None:
    own = await create_tech(client, cash_balance=50)
    tag = (await client.get(f"/portfolios/{own}")).headers["ETag"]
    paid = await client.post(f"/portfolios/{own}/withdraw", json={"amount": 10}, headers={"If-Match": tag})
    assert paid.status_code == 200
    again = await client.post(f"/portfolios/{own}/withdraw", json={"amount": 10}, headers={"If-Match": tag})
    assert (again.status_code, again.json()["code"]) == (412, "stale_version")
    after = (await client.get(f"/portfolios/{own}")).json()
    assert after["cash_balance"] == 40
    assert paid.headers["ETag"] == f'"{after["version"]}"'

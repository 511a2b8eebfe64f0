"""Rebalancing: real trades at current prices, all or nothing, one after the other."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from portfolio_service.domain.errors import Conflict, NotFound, PreconditionFailed, Unacceptable, Unavailable
from portfolio_service.domain.models import Change, EntryKind, Target
from portfolio_service.domain.portfolio import NewPortfolio, PositionUpdate
from portfolio_service.domain.rebalancing import RebalanceRequest
from tests.service.fakes import ACTOR, Desk, TableMarket, WatchedRepository, open_desk

pytestmark = pytest.mark.usefixtures("desks")

D = Decimal
PRICES = {"A": "100", "B": "50", "C": "20"}
HALF = RebalanceRequest({"A": 0.5, "B": 0.5})


async def desk_with(*symbols: str, cash: int = 0) -> tuple[Desk, TableMarket, WatchedRepository, str]:
    desk, market, repository = await open_desk(PRICES)
    new = NewPortfolio("P", D(10000), D(cash), symbols=symbols or None)
    return desk, market, repository, (await desk.portfolios.create(new, ACTOR)).portfolio_id


async def with_target(desk: Desk, own: str, weights: dict[str, float], relaxed: bool = False) -> None:
    """Stores a target as an optimisation would."""
    before = desk.books.get(own)
    after = replace(before, version=before.version + 1, target=Target(weights, relaxed, "opt_0123456789ab"))
    await desk.books.apply(Change("portfolio.optimize", after, before.version, ACTOR, desk.clock.now()))


async def test_the_first_rebalance_invests_the_unallocated_capital() -> None:
    desk, _, repository, own = await desk_with(cash=1000)
    result = await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.5, "B": 0.4}), ACTOR)
    assert [(t.symbol, t.side, t.value, t.cost) for t in result.trades] == [
        ("A", "buy", D(5000), D(5)),
        ("B", "buy", D(4000), D(4)),
    ]
    assert (result.total_turnover, result.execution_cost, result.rebalance_ratio) == (9000, 9, 0.9)
    book = result.portfolio.book
    assert (book.cash, book.unallocated_capital) == (1000 - 9, 0)
    assert desk.value(own).total_value == 10000 - 9
    kinds = [entry.kind for entry in repository.changes[-1].entries]
    assert kinds == [EntryKind.CAPITAL_RELEASED, EntryKind.BUY, EntryKind.FEE, EntryKind.BUY, EntryKind.FEE]
    assert result.portfolio.last_rebalanced == desk.clock.now()


async def test_events_trades_and_action_are_recorded() -> None:
    desk, _, repository, own = await desk_with("A", "B")
    result = await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.7, "B": 0.3}), ACTOR, reason="scheduler")
    change = repository.changes[-1]
    assert change.action == "portfolio.rebalance"
    rebalanced, updated = change.events
    assert rebalanced.topic == "portfolio.rebalanced"
    assert rebalanced.payload == {
        "portfolio_id": own,
        "trades_executed": 2,
        "total_turnover": 3996.0,
        "execution_cost": 4.0,
        "reason": "scheduler",
        "timestamp": "2025-08-25T15:00:00Z",
    }
    assert updated.topic == "portfolio.position.updated"
    trades, total = await desk.portfolios.trades(own, 10, 0)
    assert total == 2
    assert {t.trade_id for t in trades} == {t.trade_id for t in result.trades}
    assert {t.reason for t in trades} == {"scheduler"}
    assert all(t.portfolio_id == own for t in trades)


async def test_sells_pay_for_buys_and_cash_never_goes_below_zero() -> None:
    desk, market, repository, own = await desk_with("A", "B", cash=0)
    desk.clock.advance(1000)
    market.table["A"] = D("133.33")
    result = await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.1, "B": 0.2, "C": 0.7}), ACTOR)
    assert [t.side for t in result.trades] == ["sell", "sell", "buy"]
    assert 0 <= result.portfolio.book.cash < 1
    entries = repository.changes[-1].entries
    buys = sum(e.amount for e in entries if e.kind is EntryKind.BUY)
    sells = sum(e.amount for e in entries if e.kind is EntryKind.SELL)
    fees = sum(e.amount for e in entries if e.kind is EntryKind.FEE)
    assert result.portfolio.book.cash == sells - buys - fees


async def test_a_dry_run_plans_and_changes_nothing() -> None:
    desk, _, repository, own = await desk_with("A", "B")
    before = desk.books.get(own)
    all_c = RebalanceRequest({"C": 1.0}, full=True)
    plan = await desk.rebalancing.rebalance(own, replace(all_c, dry_run=True), ACTOR)
    assert plan.dry_run
    assert [t.side for t in plan.trades] == ["sell", "sell", "buy"]
    assert plan.weights_after["C"] == pytest.approx(1, abs=1e-3)
    assert desk.books.get(own) is before
    assert len(repository.changes) == 1
    done = await desk.rebalancing.rebalance(own, all_c, ACTOR)
    assert [(t.symbol, t.side, t.quantity, t.price, t.value, t.cost) for t in done.trades] == [
        (t.symbol, t.side, t.quantity, t.price, t.value, t.cost) for t in plan.trades
    ]


async def test_nothing_to_do_is_still_a_rebalance() -> None:
    desk, _, repository, own = await desk_with("A", "B")
    desk.clock.advance(60)
    result = await desk.rebalancing.rebalance(own, HALF, ACTOR)
    assert (result.trades, result.total_turnover) == ((), 0)
    assert result.portfolio.last_rebalanced == desk.clock.now()
    assert [event.topic for event in repository.changes[-1].events] == ["portfolio.rebalanced"]


async def test_unnamed_positions_stay_or_are_sold_with_full() -> None:
    desk, _, _, own = await desk_with("A", "B")
    with pytest.raises(Unacceptable, match=r"B \(50.00%\)") as failure:
        await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.2, "C": 0.4}), ACTOR)
    assert failure.value.code == "unnamed_positions"
    assert [error.field for error in failure.value.errors] == ["target_weights.B"]
    kept = await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.1, "C": 0.4}), ACTOR)
    assert kept.portfolio.book.holdings["B"].quantity == 100
    sold = await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.2, "C": 0.4}, full=True), ACTOR)
    assert set(sold.portfolio.book.holdings) == {"A", "C"}


@pytest.mark.parametrize(
    ("weights", "code", "words"),
    [
        ({"A": -0.1}, "leverage_not_supported", "no short positions"),
        ({"A": 0.6, "B": 0.5}, "leverage_not_supported", "sum to at most 1, got 1.1"),
        ({"A": 30.0}, "leverage_not_supported", r"did you mean 0\.30\?"),
        ({"A": float("nan")}, "out_of_range", "expected a number"),
        ({}, "no_weights", "at least one"),
        ({"A": 0.5, "a": 0.5}, "duplicate_symbol", "more than once"),
        ({"A": 0.5, "NOPE": 0.2, "NADA": 0.1}, "unknown_symbol", "NOPE, NADA"),
    ],
)
async def test_wrong_weights_are_refused_and_nothing_changes(weights: dict[str, float], code: str, words: str) -> None:
    desk, _, repository, own = await desk_with("A", "B")
    with pytest.raises(Unacceptable, match=words) as failure:
        await desk.rebalancing.rebalance(own, RebalanceRequest(weights), ACTOR)
    assert failure.value.code == code
    assert len(repository.changes) == 1


async def test_weights_may_sum_to_one_within_rounding() -> None:
    desk, _, _, own = await desk_with()
    result = await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.5, "B": 0.5 + 9e-10}), ACTOR)
    assert result.portfolio.book.cash >= 0


async def test_the_stored_target_is_used_and_a_relaxed_one_only_when_accepted() -> None:
    desk, _, _, own = await desk_with("A", "B")
    with pytest.raises(Conflict, match="POST optimize first") as failure:
        await desk.rebalancing.rebalance(own, RebalanceRequest(), ACTOR)
    assert failure.value.code == "no_target"
    await with_target(desk, own, {"A": 0.3, "B": 0.7, "C": 0.0})
    result = await desk.rebalancing.rebalance(own, RebalanceRequest(), ACTOR)
    assert result.target_weights == {"A": 0.3, "B": 0.7, "C": 0.0}
    assert desk.value(own).positions["B"].weight == pytest.approx(0.7, abs=1e-3)
    await with_target(desk, own, {"A": 0.6, "B": 0.4}, relaxed=True)
    with pytest.raises(Conflict, match="accept_relaxed") as failure:
        await desk.rebalancing.rebalance(own, RebalanceRequest(), ACTOR)
    assert failure.value.code == "target_relaxed"
    await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.6, "B": 0.4}), ACTOR)
    await desk.rebalancing.rebalance(own, RebalanceRequest(accept_relaxed=True), ACTOR)


async def test_trades_need_the_provider_the_portfolio_was_kept_with() -> None:
    desk, market, _, own = await desk_with("A", "B")
    market.source = "other"
    with pytest.raises(Conflict, match="MARKET_DATA_PROVIDER=table") as failure:
        await desk.rebalancing.rebalance(own, HALF, ACTOR)
    assert failure.value.code == "provider_mismatch"


async def test_trades_fill_at_the_market_not_at_what_a_client_said() -> None:
    desk, _, _, own = await desk_with()
    await desk.portfolios.update_positions(own, [PositionUpdate("A", D(10), D(1), D(500000))], False, ACTOR)
    desk.clock.advance(1)
    result = await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.5, "B": 0.5}), ACTOR)
    assert {t.symbol: t.price for t in result.trades} == {"A": D(100), "B": D(50)}
    assert result.portfolio.client_prices == {}


async def test_own_assets_are_valued_at_the_clients_price_and_stay() -> None:
    desk, _, _, own = await desk_with()
    fund = PositionUpdate("FUND", D(10), D(1), D(5000))
    await desk.portfolios.update_positions(own, [fund, PositionUpdate("A", D(50))], False, ACTOR)
    result = await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.25, "B": 0.25}), ACTOR)
    assert {t.symbol for t in result.trades} == {"A", "B"}
    assert result.portfolio.client_prices["FUND"].price == 500
    assert desk.value(own).positions["FUND"].market_value == 5000


async def test_a_held_name_without_any_price_stops_the_trade() -> None:
    desk, market, _, own = await desk_with("A", "B")
    del market.table["B"]
    desk.prices._held.clear()
    with pytest.raises(Conflict, match="no price for B") as failure:
        await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.5}), ACTOR)
    assert failure.value.code == "no_price"
    market.down = True
    with pytest.raises(Unavailable):
        await desk.rebalancing.rebalance(own, RebalanceRequest({"C": 0.1}), ACTOR)


async def test_fifty_at_once_are_done_one_after_the_other() -> None:
    desk, _, repository, own = await desk_with("A", "B")
    requests = [RebalanceRequest({"A": 0.2 + 0.012 * i, "B": 0.8 - 0.012 * i}, 0.0) for i in range(50)]
    results = await asyncio.gather(*(desk.rebalancing.rebalance(own, r, ACTOR) for r in requests))
    assert sorted(r.portfolio.version for r in results) == list(range(2, 52))
    assert [c.expected_version for c in repository.changes[1:]] == list(range(1, 51))
    book = desk.books.get(own).book
    assert book == results[-1].portfolio.book
    costs = sum(r.execution_cost for r in results)
    assert desk.value(own).total_value == 10000 - costs


async def test_one_of_many_with_the_same_if_match_wins() -> None:
    desk, _, _, own = await desk_with("A", "B")
    requests = [RebalanceRequest({"A": 0.2, "B": 0.8}) for _ in range(5)]
    done = await asyncio.gather(
        *(desk.rebalancing.rebalance(own, r, ACTOR, if_match=1) for r in requests), return_exceptions=True
    )
    assert sum(isinstance(outcome, PreconditionFailed) for outcome in done) == 4


async def test_a_foreign_change_is_met_by_planning_again_once() -> None:
    desk, _, repository, own = await desk_with("A", "B")
    foreign = replace(desk.books.get(own), version=2, portfolio_name="renamed elsewhere")
    await repository.commit(Change("portfolio.rename", foreign, 1, ACTOR, desk.clock.now()))
    result = await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.2, "B": 0.8}), ACTOR)
    assert (result.portfolio.version, result.portfolio.portfolio_name) == (3, "renamed elsewhere")
    repository.fail_with = Conflict("version_conflict", "again and again")
    with pytest.raises(Conflict) as failure:
        await desk.rebalancing.rebalance(own, HALF, ACTOR)
    assert failure.value.code == "version_conflict"


async def test_a_failed_commit_leaves_the_books_and_the_status_alone() -> None:
    desk, _, repository, own = await desk_with("A", "B")
    before = desk.books.get(own)
    repository.fail_with = Unavailable("storage_unavailable", "disk full")
    with pytest.raises(Unavailable):
        await desk.rebalancing.rebalance(own, RebalanceRequest({"A": 0.2, "B": 0.8}), ACTOR)
    assert desk.books.get(own) is before
    assert desk.books.status(before) == "active"
    assert (await desk.portfolios.trades(own, 10, 0))[1] == 0


async def test_an_archived_portfolio_is_not_found_even_by_who_waited_for_it() -> None:
    desk, _, _, own = await desk_with("A", "B")
    waiting = [
        desk.portfolios.archive(own, ACTOR),
        desk.rebalancing.rebalance(own, HALF, ACTOR),
        desk.portfolios.update_positions(own, [PositionUpdate("A", D(1))], False, ACTOR),
    ]
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert done[0] is None
    assert all(isinstance(outcome, NotFound) for outcome in done[1:])

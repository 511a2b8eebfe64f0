"""What the scheduler does and leaves undone, through the running application; every decision with its numbers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfolio_service.adapters.storage import write
from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.models import Change, Decision, Price
from tests.service.fakes import ManualClock
from tests.service.schedule_support import MONDAY_NOON, TECH, Desk, open_desk


class Died(BaseException):
    """Nothing in the process handles it."""


CHECK = ("check", "not_needed", "within_threshold")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path, ManualClock(MONDAY_NOON)) as found:
        yield found


async def test_a_weekly_portfolio_waits_for_its_week_then_runs_its_policy_once(desk: Desk) -> None:
    own = await desk.create(rebalance_frequency="weekly")
    sent = {"method": "max_sharpe", "constraints": {"max_position_weight": 0.3}, "lookback_days": 30}
    first = await desk.post(f"/portfolios/{own}/optimize", sent)
    await desk.post(f"/portfolios/{own}/rebalance", {})
    assert await desk.at("2025-08-28 18:00")  # Thursday of the week in which it was created: no run
    assert (await desk.schedule(own))["next_rebalance"] == "2025-09-02T14:00:00Z"  # Monday is Labor Day
    for closed in ("2025-08-30 15:00", "2025-09-01 15:00", "2025-09-02 13:59:59"):
        assert await desk.at(closed) == []
    before = await desk.trades(own)
    [decision] = await desk.at("2025-09-02 14:00")
    assert (decision.trigger, decision.outcome) == ("scheduled", "traded")
    history = (await desk.http.get(f"/portfolios/{own}/optimization-history")).json()["optimization_history"]
    assert decision.numbers["optimization_id"] == history[0]["optimization_id"] != first["optimization_id"]
    assert [(r["method"], r["estimates"]["n_obs"]) for r in history] == [("max_sharpe", 30)] * 2
    assert max(history[0]["target_weights"].values()) <= 0.3 + 1e-9
    traded = (await desk.trades(own))[len(before) :]
    assert {trade["reason"] for trade in traded} == {"scheduled"}
    assert decision.numbers["trades"] == len(traded) > 0
    assert decision.numbers["turnover"] == pytest.approx(sum(trade["value"] for trade in traded), abs=1e-9)
    assert decision.numbers["cost"] == pytest.approx(sum(trade["cost"] for trade in traded), abs=1e-9)
    assert decision.numbers["prices_at"] == "2025-09-02T14:00:00Z"
    for later in ("2025-09-02 15:00", "2025-09-05 15:00"):
        await desk.at(later)
    assert len(await desk.trades(own)) == len(before) + len(traded)
    assert [told for told in await desk.story(own) if told[0] == "scheduled"] == [("scheduled", "traded", "rebalanced")]
    audit = desk.sql("SELECT action, actor, request_id FROM audit WHERE actor = 'scheduler'")
    assert [row[0] for row in audit] == ["portfolio.optimize", "portfolio.rebalance"]
    assert {row[2][:4] for row in audit} == {"sch_"}


async def test_without_a_policy_the_own_method_is_used(desk: Desk) -> None:
    own = await desk.create(rebalance_frequency="daily", optimization_method="inverse_volatility")
    [decision] = await desk.at("2025-08-26 14:00")
    assert decision.outcome == "traded"
    history = (await desk.http.get(f"/portfolios/{own}/optimization-history")).json()["optimization_history"]
    assert [record["method"] for record in history] == ["inverse_volatility"]


async def test_drift_trades_to_the_stored_target_only_beyond_five_percent(desk: Desk) -> None:
    own = await desk.create(rebalance_frequency="quarterly")
    await desk.post(f"/portfolios/{own}/optimize", {"method": "equal_weight"})
    assert [d.outcome for d in await desk.at("2025-08-25 17:00")] == ["not_needed"]  # 10 % is cash: 2 % from each
    held = (await desk.http.get(f"/portfolios/{own}")).json()["positions"]
    much = {"AAPL": {"quantity": held["AAPL"]["quantity"] * 1.6, "avg_cost": 200.0}}
    await desk.post(f"/portfolios/{own}/positions", {"positions": much})
    [decision] = await desk.at("2025-08-25 18:00")
    assert (decision.trigger, decision.outcome, decision.period) == ("drift", "traded", None)
    numbers = decision.numbers
    assert numbers["symbol"] == "AAPL"
    assert numbers["max_drift"] == pytest.approx(abs(numbers["weight"] - 0.2))
    assert numbers["max_drift"] > numbers["threshold"] == 0.05
    weights = {s: p["weight"] for s, p in (await desk.http.get(f"/portfolios/{own}")).json()["positions"].items()}
    assert weights == pytest.approx(dict.fromkeys(TECH, 0.2), abs=0.01)
    assert [d.code for d in await desk.at("2025-08-25 19:00")] == ["within_threshold"]
    assert await desk.story(own) == [CHECK, ("drift", "traded", "rebalanced"), CHECK]


@pytest.mark.slow
async def test_a_large_portfolio_has_no_drift_after_its_run(desk: Desk) -> None:
    """With a band of 1 % for each of forty symbols the small ones would keep the cash that the large ones need."""
    names = list(desk.services.market.known_symbols() or ())[:40]
    own = await desk.create(rebalance_frequency="daily", symbols=names)  # 2.25 % in each of them
    await desk.post(f"/portfolios/{own}/optimize", {"constraints": {"min_position_weight": 0.014}})
    [run] = await desk.at("2025-08-26 14:00")
    assert (run.outcome, run.numbers["max_drift"] > 0.05) == ("traded", True)
    shown = (await desk.http.get(f"/portfolios/{own}")).json()
    weights = {s: position["weight"] for s, position in shown["positions"].items()}
    left = [abs(weights.get(s, 0.0) - target) for s, target in shown["target_weights"].items()]
    assert max(left) < 0.05
    assert [d.code for d in await desk.at("2025-08-26 15:00")] == ["within_threshold"]


async def test_checks_that_say_nothing_new_are_kept_once_a_day(desk: Desk) -> None:
    own = await desk.create(rebalance_frequency="quarterly")
    await desk.post(f"/portfolios/{own}/optimize", {"method": "equal_weight"})
    for moment in ("08-25 17:00", "08-25 18:00", "08-25 19:00", "08-26 14:00", "08-26 15:00"):
        assert len(await desk.at(f"2025-{moment}")) == 1
    kept = await desk.schedule(own)
    assert [d["decided_at"][:10] for d in kept["decisions"]] == ["2025-08-26", "2025-08-25"]
    assert kept["decisions"][0]["numbers"]["max_drift"] > 0


async def test_manual_and_paused_portfolios_are_left_alone(desk: Desk) -> None:
    manual = await desk.create(rebalance_frequency="manual")
    paused = await desk.create(rebalance_frequency="daily")
    for own in (manual, paused):
        await desk.post(f"/portfolios/{own}/optimize", {"method": "min_variance"})
    await desk.patch(paused, status="paused")
    for moment in ("2025-08-26 14:00", "2025-08-26 18:00", "2025-08-27 14:00"):
        await desk.at(moment)
    assert await desk.trades(manual) == await desk.trades(paused) == []
    assert await desk.story(manual) == []
    refused = ("scheduled", "refused", "portfolio_paused")
    assert await desk.story(paused) == [("change", "not_needed", "paused"), refused, refused]
    assert (await desk.schedule(paused))["next_rebalance"] is None
    resumed = await desk.patch(paused, status="active")
    assert resumed["next_rebalance"] == "2025-08-28T14:00:00Z"


async def test_a_relaxed_target_is_never_traded_and_looked_at_again_the_next_day(desk: Desk) -> None:
    own = await desk.create(rebalance_frequency="weekly")
    await desk.post(f"/portfolios/{own}/optimize", {"max_volatility": 0.01})
    [drift] = await desk.at("2025-08-25 17:00")
    assert (drift.trigger, drift.code) == ("drift", "target_relaxed")
    for moment in ("2025-09-02 14:00", "2025-09-02 15:00", "2025-09-03 14:00"):
        await desk.at(moment)
    assert await desk.trades(own) == []
    told = await desk.story(own)
    assert told[-2:] == [("scheduled", "refused", "target_relaxed"), ("missed", "refused", "target_relaxed")]
    assert (await desk.schedule(own))["next_rebalance"] == "2025-09-04T14:00:00Z"
    count = (await desk.http.get(f"/portfolios/{own}/optimization-history")).json()["count"]
    assert count == 3  # the client's, and one a day
    await desk.post(f"/portfolios/{own}/optimize", {})
    assert [d.outcome for d in await desk.at("2025-09-04 14:00")] == ["traded"]


async def test_stale_and_missing_prices_are_never_traded_on_and_tried_again_within_the_session(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = await desk.create(rebalance_frequency="daily")
    market, scheduling = desk.services.market, desk.services.scheduling
    real = market.get_multiple_prices

    async def old(symbols: Sequence[str]) -> Mapping[str, Price]:
        return {s: replace(p, time=p.time - timedelta(hours=1)) for s, p in (await real(symbols)).items()}

    async def away(symbols: Sequence[str]) -> Mapping[str, Price]:
        raise ConnectionError("no answer")

    for broken in (old, away):
        monkeypatch.setattr(market, "get_multiple_prices", broken)
        [refused] = await desk.at(desk.clock.now() + timedelta(days=1) - timedelta(hours=2))
        assert (refused.outcome, refused.code) == ("refused", "stale_prices")
        assert "AAPL" in refused.reason
        assert scheduling.next_check() == desk.clock.now() + timedelta(minutes=1)
        assert await desk.trades(own) == []
        desk.clock.advance(2 * 3600)
    monkeypatch.setattr(market, "get_multiple_prices", real)
    [done] = await scheduling.check()
    assert done.outcome == "traded"


async def test_books_of_another_source_are_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.create(rebalance_frequency="daily")
    monkeypatch.setattr(desk.services.market, "source", "other")
    [decision] = await desk.at("2025-08-26 14:00")
    assert (decision.outcome, decision.code) == ("refused", "provider_mismatch")


@pytest.mark.slow
async def test_an_outage_is_retried_later_and_later_and_never_ends_in_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = await desk.create(rebalance_frequency="monthly")
    real = desk.services.optimisation.optimize

    async def full(*_: Any, **__: Any) -> Any:
        raise Unavailable("overloaded", "the queue is full")

    monkeypatch.setattr(desk.services.optimisation, "optimize", full)
    desk.clock.set(MONDAY_NOON.replace(month=9, day=2, hour=14, minute=0))
    pauses = []
    for _ in range(9):
        await desk.services.scheduling.check()
        again = desk.services.scheduling.next_check()
        pauses.append((again - desk.clock.now()).total_seconds() / 60)
        desk.clock.set(again)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert await desk.story(own) == [("scheduled", "failed", "overloaded")]  # once: nothing new was to say
    monkeypatch.setattr(desk.services.optimisation, "optimize", real)
    assert [(d.trigger, d.outcome) for d in await desk.services.scheduling.check()] == [("scheduled", "traded")]


@pytest.mark.slow
async def test_failures_of_its_own_end_in_status_error_and_patch_is_the_way_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = await desk.create(rebalance_frequency="monthly")
    other = await desk.create(rebalance_frequency="monthly")
    optimisation = desk.services.optimisation
    real = optimisation.optimize

    async def broken(portfolio_id: str, *rest: Any) -> Any:
        if portfolio_id == own:
            raise RuntimeError("boom")
        return await real(portfolio_id, *rest)

    monkeypatch.setattr(optimisation, "optimize", broken)
    desk.clock.set(MONDAY_NOON.replace(month=9, day=2, hour=14, minute=0))
    for _ in range(5):
        await desk.services.scheduling.check()
        desk.clock.set(desk.services.scheduling.next_check())
    shown = await desk.schedule(own)
    assert shown["status"] == "error"
    assert shown["next_rebalance"] is None
    assert [d["outcome"] for d in shown["decisions"]] == ["failed"] * 5
    assert "PATCH" in shown["decisions"][0]["reason"]
    assert (await desk.trades(other)) != []
    monkeypatch.setattr(optimisation, "optimize", real)
    await desk.at("2025-09-02 19:00")
    assert await desk.trades(own) == []
    await desk.patch(own, status="active")
    mine = [d for d in await desk.at("2025-09-03 14:00") if d.portfolio_id == own]
    assert [(d.trigger, d.outcome) for d in mine] == [("missed", "traded")]


async def test_a_change_while_it_works_is_seen_under_the_lock(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    own = await desk.create(rebalance_frequency="daily")
    real = desk.services.optimisation.optimize

    async def paused_meanwhile(*rest: Any) -> Any:
        found = await real(*rest)
        await desk.patch(own, status="paused")
        return found

    monkeypatch.setattr(desk.services.optimisation, "optimize", paused_meanwhile)
    [decision] = await desk.at("2025-08-26 14:00")
    assert (decision.outcome, decision.code) == ("refused", "portfolio_paused")
    assert await desk.trades(own) == []


async def test_no_trade_after_the_close_of_a_long_optimisation(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    own = await desk.create(rebalance_frequency="daily")
    real = desk.services.optimisation.optimize

    async def long(*rest: Any) -> Any:
        found = await real(*rest)
        desk.clock.advance(3600)
        return found

    monkeypatch.setattr(desk.services.optimisation, "optimize", long)
    [decision] = await desk.at("2025-08-26 19:30")
    assert (decision.outcome, decision.code) == ("refused", "market_closed")
    assert await desk.trades(own) == []
    monkeypatch.setattr(desk.services.optimisation, "optimize", real)
    assert [d.trigger for d in await desk.at("2025-08-27 14:00")] == ["missed"]


@pytest.mark.slow
async def test_many_due_at_one_open_leave_workers_and_the_event_loop_to_requests(desk: Desk) -> None:
    for _ in range(12):
        await desk.create(rebalance_frequency="daily")
    workers, most = desk.services.optimisation.workers, 0
    check = asyncio.create_task(desk.at("2025-08-26 14:00"))
    while not check.done():
        most = max(most, workers.unfinished)
        health = (await desk.http.get("/health")).json()["scheduler"]
        assert health["running"] <= 2
    assert [d.outcome for d in await check] == ["traded"] * 12
    assert most <= 2, "half of the four workers"
    health = (await desk.http.get("/health")).json()["scheduler"]
    assert health == {
        "status": "waiting", "last_check": "2025-08-26T14:00:00Z", "next_check": "2025-08-26T15:00:00Z",
        "due": 0, "running": 0,
    }  # fmt: skip
    assert Decimal(str((await desk.http.get("/metrics")).json()["total_rebalances"])) == 12


async def test_trades_and_their_decision_are_one_transaction(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault after the trades were written and before the decision is: nothing is there, and the run is done later."""
    own = await desk.create(rebalance_frequency="daily")
    real, written = write.decision_row, []

    def torn(decision: Decision) -> dict[str, Any]:
        written.append(decision)
        raise OSError("the disk is gone")

    monkeypatch.setattr(write, "decision_row", torn)
    [failed] = await desk.at("2025-08-26 14:00")
    assert [(d.outcome, d.numbers["trades"] > 0) for d in written] == [("traded", True)]
    assert failed.outcome == "failed"
    assert await desk.trades(own) == []
    monkeypatch.setattr(write, "decision_row", real)
    assert [d.outcome for d in await desk.at("2025-08-26 14:10")] == ["traded"]


async def test_a_process_that_dies_right_after_the_commit_has_done_the_period(tmp_path: Path) -> None:
    clock = ManualClock(MONDAY_NOON)
    async with open_desk(tmp_path, clock) as desk:
        own = await desk.create(rebalance_frequency="daily")
        repository = desk.services.repository
        commit = repository.commit

        async def last_word(change: Change) -> None:
            await commit(change)
            if change.decision is not None:
                raise Died

        repository.commit = last_word  # this process knows nothing of its last commit
        with pytest.raises(BaseExceptionGroup):
            await desk.at("2025-08-26 14:00")
        traded = len(desk.sql("SELECT trade_id FROM trades"))
    async with open_desk(tmp_path, clock) as desk:
        assert traded == len(await desk.trades(own)) > 0
        assert [d.trigger for d in await desk.at("2025-08-26 15:00")] == ["check"]
        assert len(await desk.trades(own)) == traded


@pytest.mark.slow
async def test_the_database_concludes_a_period_once(desk: Desk) -> None:
    """Also if a second process ran on the same books: the key refuses the second conclusion with its trades."""
    own = await desk.create(rebalance_frequency="daily")
    await desk.at("2025-08-26 14:00")
    before = await desk.trades(own)
    desk.services.scheduling._memories.clear()  # a process that does not know
    [second] = await desk.at("2025-08-26 15:00")
    assert (second.outcome, second.code) == ("failed", "internal_error")
    assert await desk.trades(own) == before
    assert [d.trigger for d in await desk.at("2025-08-26 16:00")] == ["check"]  # it has read what was done

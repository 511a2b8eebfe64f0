"""GET schedule and PATCH: what they show, what they book, and what begins a schedule anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service.fakes import ManualClock
from tests.service.schedule_support import MONDAY_NOON, Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path, ManualClock(MONDAY_NOON), rebalance_check_interval=1800) as found:
        yield found


async def test_a_new_portfolio_says_when_it_runs(desk: Desk) -> None:
    own = await desk.create(rebalance_frequency="monthly")
    await desk.at(MONDAY_NOON)
    assert await desk.schedule(own) == {
        "portfolio_id": own,
        "rebalance_frequency": "monthly",
        "status": "active",
        "next_check": "2025-08-25T16:30:00Z",
        "next_rebalance": "2025-09-02T14:00:00Z",
        "last_rebalanced": None,
        "decisions": [
            {
                "decided_at": "2025-08-25T16:00:00Z", "trigger": "check", "outcome": "not_needed",
                "code": "no_target", "reason": "nothing is due, and no target is stored to drift from",
                "period": None, "numbers": {"threshold": 0.05},
            }
        ],
        "count": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        ("daily", "2025-08-26T14:00:00Z"),
        ("weekly", "2025-09-02T14:00:00Z"),
        ("monthly", "2025-09-02T14:00:00Z"),
        ("quarterly", "2025-10-01T14:00:00Z"),
        ("manual", None),
    ],
)
async def test_every_frequency_says_when_it_runs(desk: Desk, frequency: str, expected: str | None) -> None:
    own = await desk.create(rebalance_frequency=frequency)
    assert (await desk.schedule(own))["next_rebalance"] == expected


async def test_the_scheduler_wakes_for_the_first_minute_of_a_session(desk: Desk) -> None:
    await desk.at("2025-08-26 13:45")
    assert desk.services.scheduling.next_check().isoformat() == "2025-08-26T14:00:00+00:00"
    await desk.at("2025-08-26 14:00")
    assert desk.services.scheduling.next_check().isoformat() == "2025-08-26T14:30:00+00:00"


async def test_pages_of_decisions(desk: Desk) -> None:
    own = await desk.create(rebalance_frequency="daily")
    for day in (26, 27, 28):
        await desk.at(f"2025-08-{day} 14:00")
    page = (await desk.http.get(f"/portfolios/{own}/schedule?limit=1&offset=1")).json()
    assert page["count"] == 3
    assert [d["period"] for d in page["decisions"]] == ["2025-08-27"]
    assert page["last_rebalanced"] == "2025-08-28T14:00:00Z"


async def test_patch_books_a_change_of_its_own(desk: Desk) -> None:
    own = await desk.create()
    changes = {
        "portfolio_name": "Renamed", "optimization_method": "risk_parity", "rebalance_frequency": "weekly",
        "status": "paused", "metadata": {"desk": "x"},
    }  # fmt: skip
    answer = await desk.http.patch(f"/portfolios/{own}", json=changes, headers={"If-Match": '"1"'})
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"2"'
    assert answer.json() == {"portfolio_id": own, **changes, "next_rebalance": None, "version": 2}
    shown = (await desk.http.get(f"/portfolios/{own}")).json()
    assert {name: shown[name] for name in changes} == changes
    assert desk.sql("SELECT action, actor, version FROM audit ORDER BY audit_id") == [
        ("portfolio.create", "api", 1),
        ("portfolio.amend", "api", 2),
    ]
    assert await desk.story(own) == [("change", "not_needed", "frequency_changed")]


async def test_patch_that_changes_nothing_books_nothing(desk: Desk) -> None:
    own = await desk.create(rebalance_frequency="daily")
    for body in ({}, {"rebalance_frequency": "daily", "status": "active", "portfolio_name": None}):
        assert (await desk.patch(own, **body))["version"] == 1
    assert await desk.story(own) == []


async def test_a_stale_version_and_wrong_fields_are_refused(desk: Desk) -> None:
    own = await desk.create()
    await desk.patch(own, portfolio_name="Second")
    path = f"/portfolios/{own}"
    stale = await desk.http.patch(path, json={"portfolio_name": "Third"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    for body, code in (
        ({"status": "error"}, "validation_error"),
        ({"status": "archived"}, "validation_error"),
        ({"rebalance_frequency": "hourly"}, "validation_error"),
        ({"frequency": "daily"}, "unknown_field"),
        ({"portfolio_name": " "}, "validation_error"),
        ({"metadata": {"much": "x" * 20_000}}, "metadata_too_large"),
    ):
        wrong = await desk.http.patch(path, json=body)
        assert (wrong.status_code, wrong.json()["code"]) == (422, code), body
    assert (await desk.http.patch("/portfolios/port_000000000000", json={})).status_code == 404
    assert (await desk.patch(own))["portfolio_name"] == "Second"


async def test_another_frequency_begins_with_its_next_period(desk: Desk) -> None:
    own = await desk.create(rebalance_frequency="monthly")
    desk.clock.advance(1)
    changed = await desk.patch(own, rebalance_frequency="daily")
    assert changed["next_rebalance"] == "2025-08-26T14:00:00Z"
    assert [d.trigger for d in await desk.at("2025-08-25 18:00")] == ["check"]
    assert [d.trigger for d in await desk.at("2025-08-26 14:00")] == ["scheduled"]
    back = await desk.patch(own, rebalance_frequency="monthly")
    assert back["next_rebalance"] == "2025-09-02T14:00:00Z"


async def test_what_a_process_knew_the_next_one_knows(tmp_path: Path) -> None:
    clock = ManualClock(MONDAY_NOON)
    async with open_desk(tmp_path, clock) as desk:
        own = await desk.create(rebalance_frequency="weekly")
        await desk.at("2025-09-02 14:00")
        traded = len(await desk.trades(own))
    async with open_desk(tmp_path, clock) as desk:
        assert (await desk.schedule(own))["next_rebalance"] == "2025-09-08T14:00:00Z"
        assert [d.trigger for d in await desk.at("2025-09-02 15:00")] == ["check"]
        assert len(await desk.trades(own)) == traded > 0

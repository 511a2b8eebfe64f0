"""Analytics: the contract's eight numbers recomputed in NumPy, the realised record from the ledger, simulations."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from portfolio_service.adapters.market_data.files import FilesMarketData
from portfolio_service.domain.analytics import SimulateRequest
from portfolio_service.domain.errors import Conflict, Unacceptable
from portfolio_service.domain.models import DailyRecord, Portfolio
from portfolio_service.domain.value_history import value_history
from tests.service.fakes import ACTOR, ManualClock
from tests.service.market_support import World, open_world

NAMES = ("AAPL", "KO", "XOM")
DAY = timedelta(days=1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def _record(world: World, portfolio: Portfolio) -> list[DailyRecord]:
    found = await world.records.missing(portfolio)
    await world.repository.save_daily_records(found, [])
    return found


async def test_metrics_are_the_contracts_definition(world: World) -> None:
    portfolio = await world.create(*NAMES, cash="40000")
    valuation = await world.value(portfolio)
    metrics, basis = await world.analytics.metrics(portfolio, valuation)
    prices = await world.market.get_histories([*NAMES, "SPY"], 253)
    returns = prices.pct_change().iloc[1:]
    own = returns[list(NAMES)].to_numpy() @ np.full(3, 0.2)  # 40 % in cash
    market = returns["SPY"].to_numpy()
    daily_rate = 1.02 ** (1 / 252) - 1
    path = np.cumprod(1 + own)
    peak = np.maximum.accumulate(np.concatenate([[1.0], path]))[1:]
    beta = np.cov(own, market)[0, 1] / market.var(ddof=1)
    assert basis == "current_holdings_1y"
    assert metrics.total_return == pytest.approx(path[-1] - 1, rel=1e-6)
    assert metrics.annualized_return == pytest.approx(own.mean() * 252, rel=1e-6)
    assert metrics.volatility == pytest.approx(own.std(ddof=1) * np.sqrt(252), rel=1e-6)
    assert metrics.sharpe_ratio == pytest.approx((own.mean() - daily_rate) / own.std(ddof=1) * np.sqrt(252), rel=1e-6)
    assert metrics.max_drawdown == pytest.approx((path / peak - 1).min(), rel=1e-6)
    assert metrics.beta == pytest.approx(beta, rel=1e-6)
    alpha = (own.mean() - daily_rate - beta * (market.mean() - daily_rate)) * 252
    assert metrics.alpha == pytest.approx(alpha, rel=1e-6)
    assert metrics.var_95 == pytest.approx(np.quantile(own, 0.05) * 100_000, rel=1e-6)
    assert metrics.var_95 < 0


async def test_metrics_are_kept_until_the_books_or_the_day_change(world: World) -> None:
    portfolio = await world.create(*NAMES)
    first = await world.analytics.metrics(portfolio, await world.value(portfolio))
    world.clock.advance(60)
    assert await world.analytics.metrics(portfolio, await world.value(portfolio)) is first
    assert world.analytics.latest() == {portfolio.portfolio_id: first[0]}
    changed = await world.hold(portfolio.portfolio_id, {"MSFT": "100"})
    second = await world.analytics.metrics(changed, await world.value(changed))
    assert second[0].volatility != first[0].volatility
    world.clock.advance(DAY)
    third = await world.analytics.metrics(changed, await world.value(changed))
    assert third[0].calculated_at > second[0].calculated_at
    await world.portfolios.archive(portfolio.portfolio_id, ACTOR)
    assert world.analytics.latest() == {}


async def test_a_book_of_cash_has_insufficient_data_and_zeros(world: World) -> None:
    portfolio = await world.create()
    metrics, basis = await world.analytics.metrics(portfolio, await world.value(portfolio))
    assert basis == "insufficient_data"
    assert (metrics.total_return, metrics.sharpe_ratio, metrics.var_95) == (0.0, 0.0, 0.0)


async def test_short_histories_and_an_absent_benchmark_show(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    prices = 100 * np.cumprod(1 + 0.01 * rng.standard_normal((60, 2)), axis=0)
    days = [datetime(2025, 6, 1, tzinfo=UTC) + k * DAY for k in range(60)]
    rows = [f"{d.date()},{a},{b if k >= 45 else ''}" for k, (d, (a, b)) in enumerate(zip(days, prices, strict=True))]
    (tmp_path / "p.csv").write_text("\n".join(["date,OLD,NEW", *rows]))

    def market_of(clock: ManualClock) -> FilesMarketData:
        return FilesMarketData(tmp_path / "p.csv", clock)

    async with open_world(tmp_path, market_of) as world:
        old, new = await world.create("OLD"), await world.create("OLD", "NEW")
        metrics, basis = await world.analytics.metrics(old, await world.value(old))
        assert basis == "current_holdings_1y_without_benchmark"
        assert (metrics.alpha, metrics.beta) == (0.0, 0.0)
        assert metrics.volatility > 0.05
        assert (await world.analytics.metrics(new, await world.value(new)))[1] == "insufficient_data"


async def test_the_period_ends_with_the_last_close_of_old_prices(tmp_path: Path) -> None:
    days = [datetime(2020, 1, 1, tzinfo=UTC) + k * DAY for k in range(200)]
    (tmp_path / "p.csv").write_text("\n".join(["date,OLD", *(f"{d.date()},{100 + k % 7}" for k, d in enumerate(days))]))
    async with open_world(tmp_path, lambda clock: FilesMarketData(tmp_path / "p.csv", clock)) as world:
        portfolio = await world.create("OLD")
        rows = (await world.analytics.history(portfolio.portfolio_id, 30)).rows
        assert len(rows) == 30
        assert rows[0].date == days[-1]
        points = await value_history(portfolio, world.market, world.repository, world.clock, 30)
        assert [points[0].date, points[-1].date] == [days[-30].date(), days[-1].date()]


async def test_realised_record_is_the_ledger_valued_at_each_close(world: World) -> None:
    portfolio = await world.create(*NAMES)
    quantities = {symbol: float(holding.quantity) for symbol, holding in portfolio.book.holdings.items()}
    world.clock.advance(10 * DAY)
    held = await world.hold(portfolio.portfolio_id, {"KO": "500"})  # flows in or out within a session
    value_then = float((await world.value(held)).total_value)
    flow_price = float(world.prices.get("KO").price)
    world.clock.advance(5 * DAY)
    records = await _record(world, world.books.get(portfolio.portfolio_id))
    closes = await world.market.get_histories([*NAMES, "SPY"], 60)
    closes = closes[closes.index >= "2025-08-25"]
    assert [record.date.date() for record in records] == [day.date() for day in closes.index]
    flow = (500 - quantities["KO"]) * flow_price
    for record, (day, row) in zip(records, closes.iterrows(), strict=True):
        later = day.date() >= datetime(2025, 9, 4, tzinfo=UTC).date()
        held = {**quantities, "KO": 500.0} if later else quantities
        expected = 10_000 + sum(held[symbol] * row[symbol] for symbol in NAMES)
        assert float(record.total_value) == pytest.approx(expected, abs=0.02)
        assert float(record.external_flow) == pytest.approx(
            {"2025-08-25": 100_000, "2025-09-04": flow}.get(str(day.date()), 0), abs=0.01
        )
    values = np.array([float(record.total_value) for record in records])
    flows = np.array([float(record.external_flow) for record in records])
    growth = values / np.concatenate([[100_000], values[:-1]])
    on_that_day = int(np.flatnonzero(flows)[1])
    # grown to what it was worth right before the flow, and from what it was worth right after it
    growth[on_that_day] = (value_then - flow) / values[on_that_day - 1] * values[on_that_day] / value_then
    assert [record.daily_return for record in records] == pytest.approx(list(growth - 1), abs=3e-7)  # cents
    assert records[-1].metrics.total_return == pytest.approx(growth.prod() - 1, abs=1e-6)
    assert records[-1].metrics.volatility == pytest.approx((growth - 1).std(ddof=1) * np.sqrt(252), rel=1e-4)
    assert records[-1].metrics.beta != 0.0
    assert await _record(world, world.books.get(portfolio.portfolio_id)) == []


async def test_days_made_up_late_are_the_days_recorded_in_time(tmp_path: Path) -> None:
    async def run(folder: Path, daily: bool) -> list[tuple[datetime, Decimal, Decimal, float]]:
        async with open_world(folder) as world:
            portfolio = await world.create(*NAMES)
            for day in range(6):
                world.clock.advance(DAY)
                if day == 2:
                    await world.hold(portfolio.portfolio_id, {"AAPL": "1"})
                if daily or day == 5:
                    await _record(world, world.books.get(portfolio.portfolio_id))
            rows = await world.repository.daily_records(portfolio.portfolio_id, portfolio.created_at.date())
            return [(r.date, r.total_value, r.external_flow, r.metrics.total_return) for r in rows]

    (tmp_path / "b").mkdir()
    in_time, late = await run(tmp_path, True), await run(tmp_path / "b", False)
    assert len(in_time) == 6 - 1  # the days from Monday to Sunday hold five closes
    assert in_time == late


async def test_an_opening_statement_is_no_performance(world: World) -> None:
    portfolio = await world.create(initial="500000", cash="50000")
    await world.hold(portfolio.portfolio_id, {"KO": "10"})
    world.clock.advance(DAY)
    (record,) = await _record(world, world.books.get(portfolio.portfolio_id))
    assert abs(record.metrics.total_return) < 0.001  # a small position beside 50000 of cash
    assert record.total_value < 60_000


async def test_performance_history_joins_both_bases_without_mixing_them(world: World) -> None:
    portfolio = await world.create(*NAMES)
    world.clock.advance(30 * DAY)
    records = await _record(world, portfolio)
    rows = (await world.analytics.history(portfolio.portfolio_id, 365)).rows
    dates = [row.date for row in rows]
    assert dates == sorted(dates, reverse=True)
    assert len(set(dates)) == len(dates)
    assert [row.basis for row in rows[: len(records)]] == ["realised"] * len(records)
    assert {row.basis for row in rows[len(records) :]} == {"current_holdings_1y"}
    assert 245 <= len(rows) <= 253
    assert rows[0].metrics.total_return == records[-1].metrics.total_return
    only = (await world.analytics.history(portfolio.portfolio_id, 365, basis="realised")).rows
    assert len(only) == len(records)
    assert len((await world.analytics.history(portfolio.portfolio_id, 7)).rows) == 5


async def test_before_any_record_the_history_ends_with_todays_metrics(world: World) -> None:
    portfolio = await world.create(*NAMES)
    metrics, _ = await world.analytics.metrics(portfolio, await world.value(portfolio))
    rows = (await world.analytics.history(portfolio.portfolio_id, 30)).rows
    assert rows[0].metrics.volatility == pytest.approx(metrics.volatility, rel=1e-9)
    assert rows[0].metrics.total_return == pytest.approx(metrics.total_return, rel=1e-9)


async def test_realised_summary_says_since_when(world: World) -> None:
    portfolio = await world.create(*NAMES)
    assert (await world.analytics.realised(portfolio))["days"] == 0
    world.clock.advance(7 * DAY)
    records = await _record(world, portfolio)
    world.analytics.recorded()  # as the job tells it
    summary = await world.analytics.realised(portfolio)
    assert (summary["since"], summary["days"]) == ("2025-08-25T15:00:00Z", 5)
    assert summary["total_return"] == records[-1].metrics.total_return


async def test_simulation_of_a_portfolio_is_plausible_and_repeatable(world: World) -> None:
    portfolio = await world.create(*NAMES, cash="40000")
    request = SimulateRequest(portfolio_id=portfolio.portfolio_id, scenarios=20_000, seed=7, horizon_days=21)
    one, two = await world.analytics.simulate(request), await world.analytics.simulate(request)
    assert one == two
    prices = await world.market.get_histories(NAMES, 757)
    daily = prices.pct_change().iloc[1:].to_numpy() @ np.full(3, 0.2)
    assert one["initial_value"] == 100_000.0
    assert one["volatility"] == pytest.approx(daily.std(ddof=1) * np.sqrt(21) * 100_000, rel=0.1)
    assert one["cvar_95"] < one["var_95"] < 0
    assert 0 < one["standard_errors"]["var_95"] < 0.1 * -one["var_95"]
    levels = list(one["quantiles"].values())
    assert levels == sorted(levels)
    assert one["device"] == "cpu"
    json.dumps(one, allow_nan=False)


async def test_simulation_draws_a_seed_and_returns_it(world: World) -> None:
    request = SimulateRequest(weights={"KO": 0.5}, scenarios=1000, horizon_days=5)
    one = await world.analytics.simulate(request)
    again = await world.analytics.simulate(
        SimulateRequest(weights={"KO": 0.5}, scenarios=1000, horizon_days=5, seed=one["seed"])
    )
    assert again == one
    assert (await world.analytics.simulate(request))["seed"] != one["seed"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (SimulateRequest(), "invalid_argument"),
        (SimulateRequest(weights={"KO": 0.9, "XOM": 0.2}), "leverage_not_supported"),
        (SimulateRequest(weights={"KO": -0.1}), "leverage_not_supported"),
        (SimulateRequest(weights={"NOPE": 0.1}), "unknown_symbol"),
        (SimulateRequest(weights={"KO": 0.5}, distribution="cauchy"), "invalid_argument"),
        (SimulateRequest(weights={"KO": 0.5}, scenarios=10**10), "memory_limit"),
        (SimulateRequest(weights={"KO": 0.5}, scenarios=10**7, horizon_days=2520), "work_limit"),
        (SimulateRequest(portfolio_id="port_000000000000", weights={"KO": 0.5}), "invalid_argument"),
    ],
)
async def test_wrong_simulations_are_refused(world: World, request_: SimulateRequest, code: str) -> None:
    with pytest.raises(Unacceptable) as caught:
        await world.analytics.simulate(request_)
    assert caught.value.code == code


async def test_a_book_of_cash_is_not_simulated(world: World) -> None:
    portfolio = await world.create()
    with pytest.raises(Conflict):
        await world.analytics.simulate(SimulateRequest(portfolio_id=portfolio.portfolio_id))

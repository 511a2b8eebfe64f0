"""The optimisation service: right data in, the library's answer out, stored once or not at all."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest

import portfolio_engine as pe
from portfolio_service.adapters.market_data.files import FilesMarketData
from portfolio_service.api.schemas.optimization import Optimized
from portfolio_service.domain.errors import Conflict, Unacceptable
from portfolio_service.domain.models import OptimizationMethod
from portfolio_service.domain.optimisation import FrontierRequest, OptimizeRequest
from tests.service.conftest import create_tech
from tests.service.fakes import ACTOR, ManualClock
from tests.service.market_support import World, open_world

NAMES = ("AAPL", "GOOGL", "MSFT", "NVDA", "TSLA")
METHODS = list(OptimizationMethod)
CONTRACT = OptimizeRequest(
    method=OptimizationMethod.MEAN_VARIANCE,
    target_return=0.12,
    max_volatility=0.18,
    constraints={"max_position_weight": 0.30, "min_position_weight": 0.05},
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def _moments(world: World, names: tuple[str, ...] = NAMES, days: int = 756) -> pe.Moments:
    """Moments by another road: prices to returns to mean and Ledoit-Wolf, as the decisions say."""
    prices = await world.market.get_histories(names, days + 1)
    return pe.estimate_moments(prices.pct_change().iloc[1:])


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_answers_like_the_library_on_the_documented_estimates(
    world: World, method: OptimizationMethod
) -> None:
    portfolio = await world.create(*NAMES)
    record = await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(method=method), ACTOR)
    moments = await _moments(world)
    expected = pe.optimize(moments, method.value, risk_aversion=2.5, risk_free_rate=0.02)
    assert record.target_weights == pytest.approx(expected.to_dict(), abs=1e-9)
    assert record.expected_risk == pytest.approx(expected.expected_risk, rel=1e-9)
    assert record.sharpe_ratio == pytest.approx((record.expected_return - 0.02) / record.expected_risk)
    assert sum(record.target_weights.values()) == pytest.approx(1.0, abs=1e-9)
    assert set(record.target_weights) == set(NAMES)
    assert record.status == "optimization_completed"


@pytest.mark.parametrize("method", METHODS)
async def test_more_symbols_than_days_and_near_duplicates(world: World, method: OptimizationMethod) -> None:
    names = [*world.market.known_symbols()[:45], "SPY", "VOO", "VTI"]
    portfolio = await world.create()
    request = OptimizeRequest(
        method=method,
        symbols=names,
        lookback_days=30,
        constraints={"max_position_weight": 0.2, "max_sector_weight": 0.5},
    )
    record = await world.optimisation.optimize(portfolio.portfolio_id, request, ACTOR)
    weights = np.array(list(record.target_weights.values()))
    assert weights.sum() == pytest.approx(1, abs=1e-9)
    assert weights.min() >= -1e-12
    assert max(record.details["residuals"].values()) <= 1e-8
    assert record.details["estimates"]["n_obs"] == 30
    found = record.details["estimates"]
    written = json.loads(Optimized.of(record).to_json())
    assert np.array_equal(written["estimates"].pop("covariance"), found["covariance"])  # the same floats, to the bit
    rest = {**record.details, "estimates": {k: v for k, v in found.items() if k != "covariance"}}
    json.dumps(rest, allow_nan=False)
    assert {k: written[k] for k in rest} == rest


async def test_estimates_and_residuals_come_back_and_can_be_checked(world: World) -> None:
    portfolio = await world.create(*NAMES)
    request = OptimizeRequest(method=OptimizationMethod.MIN_VARIANCE, lookback_days=400)
    record = await world.optimisation.optimize(portfolio.portfolio_id, request, ACTOR)
    found = record.details["estimates"]
    moments = await _moments(world, days=400)
    assert (found["n_obs"], found["source"], found["last_date"]) == (400, "simulated", "2025-08-22")
    assert found["expected_returns"] == pytest.approx(dict(zip(NAMES, moments.mu, strict=True)))
    covariance = np.array(found["covariance"])
    np.testing.assert_allclose(covariance, moments.Sigma, rtol=1e-12)
    assert found["condition_number"] == pytest.approx(np.linalg.cond(covariance), rel=1e-6)
    weights = np.array([record.target_weights[name] for name in found["symbols"]])
    assert record.expected_risk == pytest.approx(np.sqrt(weights @ covariance @ weights))
    assert sum(record.details["risk_contributions"].values()) == pytest.approx(record.expected_risk)
    assert max(record.details["residuals"].values()) < 1e-8
    assert record.details["device"] == "cpu"
    assert record.details["device_reason"]


async def test_what_it_leaves_is_target_policy_history_and_event(world: World) -> None:
    portfolio = await world.create(*NAMES)
    raw = {"method": "min_variance"}
    request = OptimizeRequest(method=OptimizationMethod.MIN_VARIANCE, raw=raw)
    record = await world.optimisation.optimize(portfolio.portfolio_id, request, ACTOR)
    after = world.books.get(portfolio.portfolio_id)
    assert (after.target.weights, after.target.relaxed) == (record.target_weights, False)
    assert (after.policy, after.version) == (raw, portfolio.version + 1)
    assert after.book == portfolio.book
    rows, total = await world.optimisation.history(portfolio.portfolio_id, 10, 0)
    assert total == 1
    assert rows[0].target_weights == record.target_weights
    assert "covariance" not in rows[0].details["estimates"]
    assert rows[0].details["estimates"]["n_obs"] == 756
    told = (await world.events())[-1]
    assert (told.topic, told.payload["optimization_id"]) == ("portfolio.optimized", record.optimization_id)


async def test_an_empty_request_uses_the_portfolios_own_method(world: World) -> None:
    portfolio = await world.create(*NAMES)
    record = await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(), ACTOR)
    assert record.method is portfolio.optimization_method is OptimizationMethod.MEAN_VARIANCE


async def test_targets_out_of_reach_are_relaxed_said_and_alerted(world: World) -> None:
    portfolio = await world.create(*NAMES)
    record = await world.optimisation.optimize(portfolio.portfolio_id, CONTRACT, ACTOR)
    assert record.status == "optimization_relaxed"
    assert record.details["constraints_satisfied"] is False
    broken = {v["constraint"]: v for v in record.details["violations"]}
    assert broken["max_volatility"]["requested"] == 0.18
    assert broken["max_volatility"]["achieved"] == pytest.approx(record.expected_risk)
    assert all(0.05 - 1e-9 <= w <= 0.30 + 1e-9 for w in record.target_weights.values())
    assert world.books.get(portfolio.portfolio_id).target.relaxed
    alerts = [e.payload for e in await world.events() if e.topic == "portfolio.risk.alert"]
    assert [alert["limit"] for alert in alerts] == list(broken)


async def test_a_rule_that_ignores_constraints_says_so_and_checks_them(world: World) -> None:
    portfolio = await world.create(*NAMES)
    request = OptimizeRequest(
        method=OptimizationMethod.EQUAL_WEIGHT, constraints={"max_position_weight": 0.15}, target_return=0.01
    )
    record = await world.optimisation.optimize(portfolio.portfolio_id, request, ACTOR)
    assert set(record.details["ignored"]) == {"max_position_weight", "target_return"}
    assert [v["constraint"] for v in record.details["violations"]] == ["max_position_weight"]
    assert world.books.get(portfolio.portfolio_id).target.relaxed


async def test_max_sharpe_without_positive_excess_return_is_named(world: World) -> None:
    portfolio = await world.create(*NAMES)
    request = OptimizeRequest(method=OptimizationMethod.MAX_SHARPE, risk_free_rate=0.9)
    record = await world.optimisation.optimize(portfolio.portfolio_id, request, ACTOR)
    least = await world.optimisation.optimize(
        portfolio.portfolio_id, OptimizeRequest(method=OptimizationMethod.MIN_VARIANCE), ACTOR
    )
    assert record.details["solution_status"] == "no_positive_excess_return"
    assert record.target_weights == pytest.approx(least.target_weights, abs=1e-9)


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (
            OptimizeRequest(constraints={"max_position_weight": 0.1}),
            "infeasible",
            "5 assets x max_position_weight 0.1 = 0.5 < budget 1",
        ),
        (
            OptimizeRequest(constraints={"max_weights": {"AAPL": 0.1}, "min_weights": {"AAPL": 0.2}}),
            "infeasible",
            r"min_weights\[AAPL\]",
        ),
        (
            OptimizeRequest(max_volatility=0.05, strict=True),
            "infeasible",
            "max_volatility.*feasible: .*volatility from",
        ),
        (OptimizeRequest(symbols=["AAPL", "NOPE", "WHAT"]), "unknown_symbol", "NOPE, WHAT"),
        (OptimizeRequest(constraints={"max_weights": {"AAPX": 0.1}}), "symbol_not_optimised", "AAPX"),
        (OptimizeRequest(views=[{"assets": ["AAPL"], "return": 0.1}]), "invalid_argument", "black_litterman"),
    ],
)
async def test_refused_requests_name_the_cause_and_store_nothing(
    world: World, request_: OptimizeRequest, code: str, words: str
) -> None:
    portfolio = await world.create(*NAMES)
    before = await world.events()
    with pytest.raises(Unacceptable, match=words) as caught:
        await world.optimisation.optimize(portfolio.portfolio_id, request_, ACTOR)
    assert caught.value.code == code
    assert caught.value.errors
    assert world.books.get(portfolio.portfolio_id) == portfolio
    assert await world.events() == before
    assert (await world.optimisation.history(portfolio.portfolio_id, 10, 0))[1] == 0


async def test_infeasible_names_are_those_of_the_request(world: World) -> None:
    portfolio = await world.create("AAPL", "MSFT", "KO")
    constraints = {
        "groups": {"tech": {"symbols": ["AAPL", "MSFT"], "max": 0.3}},
        "max_weights": {"KO": 0.2},
        "linear": {"tilt": {"coefficients": {"AAPL": 1.0}, "lower": 0.1}},
    }
    with pytest.raises(Unacceptable) as caught:
        await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(constraints=constraints), ACTOR)
    assert {error.field for error in caught.value.errors} == {
        "budget",
        "constraints.groups[tech].max",
        "constraints.max_weights[KO]",
    }


async def test_sector_limit_holds_for_every_sector(world: World) -> None:
    names = ("AAPL", "MSFT", "XOM", "CVX", "JPM", "KO")
    portfolio = await world.create(*names)
    request = OptimizeRequest(constraints={"max_sector_weight": 0.4})
    record = await world.optimisation.optimize(portfolio.portfolio_id, request, ACTOR)
    sectors: dict[str, float] = {}
    for name, weight in record.target_weights.items():
        sectors[world.market.sector(name)] = sectors.get(world.market.sector(name), 0.0) + weight
    assert max(sectors.values()) == pytest.approx(0.4, abs=1e-9)


async def test_turnover_counts_from_todays_weights(world: World) -> None:
    portfolio = await world.create(*NAMES, cash="0")
    request = OptimizeRequest(
        method=OptimizationMethod.MIN_VARIANCE, constraints={"max_turnover": 0.1, "max_position_weight": 1.0}
    )
    record = await world.optimisation.optimize(portfolio.portfolio_id, request, ACTOR)
    held = (await world.value(portfolio)).positions
    turnover = sum(abs(record.target_weights[name] - held[name].weight) for name in NAMES)
    assert turnover == pytest.approx(0.1, abs=1e-6)


async def test_views_move_black_litterman(world: World) -> None:
    portfolio = await world.create(*NAMES)
    bl = OptimizationMethod.BLACK_LITTERMAN
    plain = await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(method=bl), ACTOR)
    views = [{"weights": {"NVDA": 1.0, "MSFT": -1.0}, "return": 0.2, "confidence": 0.9}]
    moved = await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(method=bl, views=views), ACTOR)
    assert moved.target_weights["NVDA"] > plain.target_weights["NVDA"] + 0.05
    assert moved.target_weights["MSFT"] < plain.target_weights["MSFT"]


async def test_risk_budgets_are_met(world: World) -> None:
    portfolio = await world.create(*NAMES)
    budgets = dict(zip(NAMES, (0.4, 0.3, 0.1, 0.1, 0.1), strict=True))
    request = OptimizeRequest(method=OptimizationMethod.RISK_PARITY, risk_budgets=budgets)
    record = await world.optimisation.optimize(portfolio.portfolio_id, request, ACTOR)
    shares = {name: part / record.expected_risk for name, part in record.details["risk_contributions"].items()}
    assert shares == pytest.approx(budgets, abs=1e-6)


async def test_nothing_to_optimise_is_a_conflict_and_symbols_help(world: World) -> None:
    portfolio = await world.create()
    with pytest.raises(Conflict, match="send `symbols`") as caught:
        await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(), ACTOR)
    assert caught.value.code == "no_positions"
    request = OptimizeRequest(symbols=[" aapl", "KO", "AAPL"])
    record = await world.optimisation.optimize(portfolio.portfolio_id, request, ACTOR)
    assert list(record.target_weights) == ["AAPL", "KO"]


async def test_too_little_history_names_the_symbols(tmp_path: Path) -> None:
    days = [f"2025-07-{day:02d}" for day in range(1, 32)] + [f"2025-08-{day:02d}" for day in range(1, 21)]
    lines = ["date,OLD,NEW"] + [f"{day},{100 + i % 3},{50 + i % 2 if i >= 31 else ''}" for i, day in enumerate(days)]
    (tmp_path / "prices.csv").write_text("\n".join(lines))

    def market_of(clock: ManualClock) -> FilesMarketData:
        return FilesMarketData(tmp_path / "prices.csv", clock)

    async with open_world(tmp_path, market_of) as world:
        portfolio = await world.create("OLD", "NEW")
        with pytest.raises(Conflict, match=r"19 common daily returns, at least 30 .*too short: NEW$") as caught:
            await world.optimisation.optimize(portfolio.portfolio_id, OptimizeRequest(), ACTOR)
        assert caught.value.code == "insufficient_history"
        alone = OptimizeRequest(symbols=["OLD"], method=OptimizationMethod.MIN_VARIANCE)
        record = await world.optimisation.optimize(portfolio.portfolio_id, alone, ACTOR)
        assert record.target_weights == {"OLD": 1.0}
        assert record.details["estimates"]["n_obs"] == 50


async def test_frontier_rises_and_holds_its_named_portfolios(world: World) -> None:
    portfolio = await world.create(*NAMES)
    answer = await world.optimisation.frontier(FrontierRequest(portfolio_id=portfolio.portfolio_id, points=20))
    risk = np.array([point["expected_risk"] for point in answer["points"]])
    mean = np.array([point["expected_return"] for point in answer["points"]])
    assert answer["count"] == len(answer["points"]) == 20
    assert (np.diff(mean) > 0).all()
    assert (np.diff(risk) > 0).all()
    assert risk[0] == pytest.approx(answer["min_variance"]["expected_risk"], rel=1e-6)
    assert answer["max_sharpe"]["sharpe_ratio"] >= max(point["sharpe_ratio"] for point in answer["points"]) - 1e-9
    assert all(sum(point["weights"].values()) == pytest.approx(1, abs=1e-9) for point in answer["points"])
    capped = await world.optimisation.frontier(
        FrontierRequest(symbols=NAMES, points=5, constraints={"max_position_weight": 0.4})
    )
    assert max(max(point["weights"].values()) for point in capped["points"]) <= 0.4 + 1e-9
    json.dumps(answer, allow_nan=False)


async def test_frontier_of_nothing_is_refused(world: World) -> None:
    with pytest.raises(Unacceptable, match="symbols or portfolio_id"):
        await world.optimisation.frontier(FrontierRequest())
    portfolio = await world.create()
    with pytest.raises(Unacceptable, match="got both"):
        await world.optimisation.frontier(FrontierRequest(symbols=["KO"], portfolio_id=portfolio.portfolio_id))
    with pytest.raises(Conflict):
        await world.optimisation.frontier(FrontierRequest(portfolio_id=portfolio.portfolio_id))


async def test_a_name_that_was_sold_to_nothing_can_come_back(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    first = (await client.post(f"/portfolios/{portfolio_id}/optimize", json={"method": "max_sharpe"})).json()
    assert 0.0 in first["target_weights"].values()
    await client.post(f"/portfolios/{portfolio_id}/rebalance", json={})
    again = (await client.post(f"/portfolios/{portfolio_id}/optimize", json={"method": "equal_weight"})).json()
    assert again["target_weights"] == pytest.approx(dict.fromkeys(NAMES, 0.2))
    await client.post(f"/portfolios/{portfolio_id}/rebalance", json={})
    removed = {"positions": {"AAPL": {"quantity": 0}}}
    await client.post(f"/portfolios/{portfolio_id}/positions", json=removed)
    last = (await client.post(f"/portfolios/{portfolio_id}/optimize", json={"method": "equal_weight"})).json()
    assert "AAPL" not in last["target_weights"], "what its owner removed stays away"

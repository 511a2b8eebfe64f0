"""Every key of the contract's samples is in our answers, with a value of the documented kind."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

import httpx

from portfolio_service.adapters.market_data.simulated import SimulatedMarket
from portfolio_service.domain.models import OptimizationMethod, PerformanceMetrics, Position, RebalanceFrequency
from portfolio_service.domain.ports import MarketDataClient
from tests.service.conftest import TECH, create_tech

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
METRICS = ("total_return", "annualized_return", "volatility", "sharpe_ratio", "max_drawdown", "alpha", "beta", "var_95")


def check(answer: dict[str, Any], **kinds: type | tuple[type, ...]) -> None:
    """Each key is there and of its kind; a bool is no number."""
    for key, kind in kinds.items():
        assert key in answer, f"{key} is missing from {sorted(answer)}"
        value = answer[key]
        assert isinstance(value, kind), f"{key}: {value!r}"
        assert kind is bool or not isinstance(value, bool), f"{key}: {value!r}"


async def test_health(client: httpx.AsyncClient) -> None:
    await create_tech(client)
    answer = (await client.get("/health")).json()
    check(answer, status=str, optimizations_completed=int, rebalances_executed=int, portfolios_managed=int)
    check(answer, active_portfolios=int, total_portfolio_value=float, uptime_seconds=(int, float))
    check(answer, messagebus_connected=bool)
    assert (answer["status"], answer["portfolios_managed"], answer["active_portfolios"]) == ("healthy", 1, 1)
    assert abs(answer["total_portfolio_value"] - 250000) < 0.05


async def test_metrics(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    await client.post(f"/portfolios/{portfolio_id}/optimize", json={"method": "min_variance"})
    await client.post(f"/portfolios/{portfolio_id}/rebalance", json={})
    answer = (await client.get("/metrics")).json()
    check(answer, optimizations_per_hour=(int, float), rebalances_per_hour=(int, float), total_optimizations=int)
    check(answer, total_rebalances=int, portfolios_managed=int, avg_portfolio_value=float, total_aum=float)
    check(answer, cache_efficiency=(int, float), engine_type=str, containerized=bool)
    assert (answer["total_optimizations"], answer["total_rebalances"]) == (1, 1)
    assert answer["engine_type"] == "portfolio_optimization"


async def test_create(client: httpx.AsyncClient) -> None:
    body = {
        "portfolio_name": "Growth Portfolio",
        "initial_value": 500000,
        "cash_balance": 50000,
        "optimization_method": "max_sharpe",
        "rebalance_frequency": "monthly",
    }
    response = await client.post("/portfolios", json=body)
    answer = response.json()
    assert response.status_code == 201
    assert response.headers["location"].endswith(f"/portfolios/{answer['portfolio_id']}")
    assert re.fullmatch(r"port_[0-9a-f]{12}", answer["portfolio_id"])
    expected = {"status": "created", "portfolio_name": "Growth Portfolio", "initial_value": 500000}
    assert {key: answer[key] for key in expected} == expected
    details = (await client.get(f"/portfolios/{answer['portfolio_id']}")).json()
    assert (details["total_value"], details["cash_balance"]) == (500000.0, 50000.0)
    assert details["optimization_method"] == "max_sharpe"


async def test_create_with_symbols(client: httpx.AsyncClient) -> None:
    body = {
        "portfolio_name": "Tech Focus Portfolio",
        "symbols": TECH,
        "initial_value": 250000,
        "cash_balance": 25000,
        "optimization_method": "mean_variance",
        "rebalance_frequency": "weekly",
    }
    answer = (await client.post("/portfolios/with-symbols", json=body)).json()
    check(answer, status=str, portfolio_id=str, portfolio_name=str, initial_value=(int, float), symbols=list)
    assert (answer["status"], answer["symbols"]) == ("created", TECH)
    assert list(answer["positions"]) == TECH
    for position in answer["positions"].values():
        check(position, quantity=float, market_value=float, weight=float)
        assert abs(position["weight"] - 0.18) < 1e-6
    assert round(sum(p["market_value"] for p in answer["positions"].values()), 2) == 225000


async def test_list(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    answer = (await client.get("/portfolios")).json()
    check(answer, portfolios=list, count=int, total_aum=float)
    assert [row["portfolio_id"] for row in answer["portfolios"]] == [portfolio_id]
    check(answer["portfolios"][0], portfolio_name=str, total_value=float, cash_balance=float, position_count=int)
    check(answer["portfolios"][0], status=str, optimization_method=str, rebalance_frequency=str, created_at=str)


async def test_details(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    await client.post(f"/portfolios/{portfolio_id}/optimize", json={"method": "risk_parity"})
    await client.post(f"/portfolios/{portfolio_id}/rebalance", json={})
    answer = (await client.get(f"/portfolios/{portfolio_id}")).json()
    check(answer, portfolio_id=str, portfolio_name=str, total_value=float, cash_balance=float, status=str)
    check(answer, optimization_method=str, positions=dict, target_weights=dict, performance_metrics=dict)
    assert answer["status"] == "active"
    assert TIME.fullmatch(answer["last_rebalanced"])
    for position in answer["positions"].values():
        check(position, quantity=float, market_value=float, weight=float, avg_cost=float, unrealized_pnl=float)
        assert TIME.fullmatch(position["last_updated"])
    check(answer["performance_metrics"], **dict.fromkeys(METRICS, float))
    assert answer["performance_metrics"]["var_95"] < 0 < answer["performance_metrics"]["volatility"]
    assert set(answer["target_weights"]) == set(TECH)


async def test_optimize(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    body = {
        "method": "mean_variance",
        "target_return": 0.05,
        "max_volatility": 0.6,
        "constraints": {"max_position_weight": 0.30, "min_position_weight": 0.05},
    }
    answer = (await client.post(f"/portfolios/{portfolio_id}/optimize", json=body)).json()
    check(answer, expected_return=float, expected_risk=float, sharpe_ratio=float, optimization_time_ms=float)
    assert (answer["status"], answer["portfolio_id"]) == ("optimization_completed", portfolio_id)
    assert answer["method"] == "mean_variance"
    assert re.fullmatch(r"opt_[0-9a-f]{12}", answer["optimization_id"])
    weights = answer["target_weights"].values()
    assert abs(sum(weights) - 1) < 1e-9
    assert min(weights) >= 0.05 - 1e-9
    assert max(weights) <= 0.30 + 1e-9
    ratio = (answer["expected_return"] - answer["risk_free_rate"]) / answer["expected_risk"]
    assert abs(answer["sharpe_ratio"] - ratio) < 1e-12


async def test_rebalance(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    target = dict.fromkeys(TECH, 0.15) | {"AAPL": 0.30}
    body = {"target_weights": target, "rebalance_threshold": 0.02, "minimize_turnover": True}
    answer = (await client.post(f"/portfolios/{portfolio_id}/rebalance", json=body)).json()
    check(answer, trades_executed=int, total_turnover=float, execution_cost=float)
    assert (answer["status"], answer["portfolio_id"]) == ("rebalance_completed", portfolio_id)
    assert answer["target_weights"] == target
    assert answer["trades_executed"] > 0
    assert abs(answer["execution_cost"] - 0.001 * answer["total_turnover"]) <= 0.005 * answer["trades_executed"]


async def test_performance(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    answer = (await client.get(f"/portfolios/{portfolio_id}/performance", params={"period_days": 365})).json()
    assert (answer["portfolio_id"], answer["period_days"]) == (portfolio_id, 365)
    assert answer["count"] == len(answer["performance_history"]) > 200
    for row in answer["performance_history"]:
        assert TIME.fullmatch(row["date"])
        check(row, **dict.fromkeys(METRICS, float))


async def test_optimization_history(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    first = (await client.post(f"/portfolios/{portfolio_id}/optimize", json={"method": "max_sharpe"})).json()
    answer = (await client.get(f"/portfolios/{portfolio_id}/optimization-history")).json()
    assert (answer["portfolio_id"], answer["count"]) == (portfolio_id, 1)
    row = answer["optimization_history"][0]
    check(row, optimization_time_ms=float, created_at=str)
    for key in ("optimization_id", "method", "target_weights", "expected_return", "expected_risk", "sharpe_ratio"):
        assert row[key] == first[key]


async def test_positions(client: httpx.AsyncClient) -> None:
    created = await client.post(
        "/portfolios", json={"portfolio_name": "Growth", "initial_value": 500000, "cash_balance": 50000}
    )
    portfolio_id = created.json()["portfolio_id"]
    body = {
        "positions": {
            "AAPL": {"quantity": 1500.0, "avg_cost": 150.25, "market_value": 225375.0},
            "GOOGL": {"quantity": 80.0, "avg_cost": 2785.50, "market_value": 222840.0},
        }
    }
    answer = (await client.post(f"/portfolios/{portfolio_id}/positions", json=body)).json()
    expected = {"status": "positions_updated", "portfolio_id": portfolio_id, "position_count": 2}
    assert {key: answer[key] for key in expected} == expected
    assert answer["total_value"] == 498215.0


async def test_archive(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    assert (await client.delete(f"/portfolios/{portfolio_id}")).is_success
    gone = await client.get(f"/portfolios/{portfolio_id}")
    assert gone.status_code == 404
    check(gone.json(), detail=str, code=str, errors=list, request_id=str)
    assert (await client.get("/portfolios")).json()["count"] == 0


async def test_trades(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    await client.post(f"/portfolios/{portfolio_id}/rebalance", json={"target_weights": {"AAPL": 0.1}})
    answer = (await client.get(f"/portfolios/{portfolio_id}/trades")).json()
    check(answer, trades=list, count=int)
    sale = next(trade for trade in answer["trades"] if trade["side"] == "sell")
    check(sale, trade_id=str, symbol=str, quantity=float, price=float, value=float, cost=float, reason=str)
    assert sale["symbol"] == "AAPL"
    assert TIME.fullmatch(sale["executed_at"])


async def test_efficient_frontier(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/efficient-frontier", json={"symbols": TECH, "points": 12})).json()
    check(answer, points=list, max_sharpe=dict, min_variance=dict, count=int)
    assert answer["count"] == len(answer["points"]) == 12
    risks = [point["expected_risk"] for point in answer["points"]]
    assert risks == sorted(risks)
    for point in answer["points"]:
        check(point, expected_return=float, expected_risk=float, sharpe_ratio=float, weights=dict)


async def test_simulate(client: httpx.AsyncClient) -> None:
    body = {"weights": {"AAPL": 0.5, "SPY": 0.5}, "horizon_days": 21, "scenarios": 20000, "seed": 7}
    answer = (await client.post("/simulate", json=body)).json()
    check(answer, quantiles=dict, var_95=float, cvar_95=float, standard_errors=dict, seed=int, device=str)
    assert answer["cvar_95"] < answer["var_95"] < 0
    assert (await client.post("/simulate", json=body)).json()["quantiles"] == answer["quantiles"]


def test_enums() -> None:
    methods = {"mean_variance", "risk_parity", "min_variance", "max_sharpe", "black_litterman"}
    assert methods <= {method.value for method in OptimizationMethod}
    assert {f.value for f in RebalanceFrequency} == {"daily", "weekly", "monthly", "quarterly", "manual"}
    position = [field.name for field in dataclasses.fields(Position)]
    documented = "symbol quantity market_value weight avg_cost unrealized_pnl last_updated"
    assert position[:7] == documented.split()
    metrics = [field.name for field in dataclasses.fields(PerformanceMetrics)]
    assert metrics == ["portfolio_id", *METRICS, "calculated_at"]


def test_market_data_client() -> None:
    for owner in (MarketDataClient, SimulatedMarket):
        for name in ("get_multiple_prices", "get_historical_data"):
            assert inspect.iscoroutinefunction(getattr(owner, name))
        assert inspect.signature(owner.get_historical_data).parameters["period"].default == "1y"

"""Portfolios over HTTP: the contract's keys and meanings, and what api-decisions adds."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.service.conftest import TECH, create_tech

CONTRACT_POSITION = {"quantity", "market_value", "weight", "avg_cost", "unrealized_pnl", "last_updated"}
EIGHT = {
    "total_return",
    "annualized_return",
    "volatility",
    "sharpe_ratio",
    "max_drawdown",
    "alpha",
    "beta",
    "var_95",
}


async def test_create_answers_201_with_the_contracts_keys(client: httpx.AsyncClient) -> None:
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
    assert {key: answer[key] for key in ("status", "portfolio_name", "initial_value")} == {
        "status": "created",
        "portfolio_name": "Growth Portfolio",
        "initial_value": 500000,
    }
    assert re.fullmatch(r"port_[0-9a-f]{12}", answer["portfolio_id"])
    assert response.headers["location"] == f"/portfolios/{answer['portfolio_id']}"
    assert answer["unallocated_capital"] == 450000
    assert (await client.get(response.headers["location"])).json()["total_value"] == 500000


async def test_defaults(client: httpx.AsyncClient) -> None:
    created = (await client.post("/portfolios", json={"portfolio_name": "Plain"})).json()
    details = (await client.get(f"/portfolios/{created['portfolio_id']}")).json()
    assert (details["initial_value"], details["cash_balance"]) == (100000, 10000)
    assert (details["optimization_method"], details["rebalance_frequency"]) == ("mean_variance", "monthly")
    assert details["metadata"] == {}


async def test_with_symbols_splits_equally_to_the_cent(client: httpx.AsyncClient) -> None:
    symbols = [" aapl", "GOOGL", "googl ", "MSFT"]
    body = {"portfolio_name": "Thirds", "symbols": symbols, "initial_value": 100000.01, "cash_balance": 0}
    answer = (await client.post("/portfolios/with-symbols", json=body)).json()
    assert answer["symbols"] == ["AAPL", "GOOGL", "MSFT"]
    assert answer["total_value"] == 100000.01
    assert sum(round(position["market_value"] * 100) for position in answer["positions"].values()) == 10000001
    assert all(position["price_source"] == "simulated" for position in answer["positions"].values())
    assert set(answer["positions"]["AAPL"]) >= CONTRACT_POSITION


async def test_details_have_every_documented_key(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client, metadata={"desk": "A", "tags": [1, {"x": None}]})
    details = (await client.get(f"/portfolios/{portfolio_id}")).json()
    assert set(details) >= {
        "portfolio_id",
        "portfolio_name",
        "total_value",
        "cash_balance",
        "status",
        "optimization_method",
        "positions",
        "target_weights",
        "performance_metrics",
        "last_rebalanced",
    }
    assert set(details["performance_metrics"]) == EIGHT
    assert details["performance_basis"] == "current_holdings_1y"
    assert details["performance_metrics"]["var_95"] < 0
    assert details["performance_metrics"]["max_drawdown"] < 0
    assert details["status"] == "active"
    assert details["metadata"] == {"desk": "A", "tags": [1, {"x": None}]}
    assert details["created_at"].endswith("Z")
    assert details["provider_mismatch"] is False
    weights = sum(position["weight"] for position in details["positions"].values())
    assert weights + details["cash_balance"] / details["total_value"] == pytest.approx(1, abs=1e-9)


async def test_list_and_archive(client: httpx.AsyncClient) -> None:
    first, second = await create_tech(client), await create_tech(client, portfolio_name="Second")
    listed = (await client.get("/portfolios")).json()
    assert [row["portfolio_id"] for row in listed["portfolios"]] == [first, second]
    assert listed["count"] == 2
    assert listed["total_aum"] == 500000
    assert listed["portfolios"][1]["position_count"] == 5
    page = (await client.get("/portfolios", params={"limit": 1, "offset": 1})).json()
    assert [row["portfolio_id"] for row in page["portfolios"]] == [second]
    archived = await client.delete(f"/portfolios/{first}")
    assert archived.json() == {"status": "archived", "portfolio_id": first}
    for path in ("", "/trades", "/optimization-history", "/performance"):
        gone = await client.get(f"/portfolios/{first}{path}")
        assert (gone.status_code, gone.json()["code"]) == (404, "portfolio_not_found")
    assert (await client.get("/portfolios")).json()["count"] == 1


async def test_the_documented_positions_sample(client: httpx.AsyncClient) -> None:
    """On the documented create sample the documented statement answers 498215.0, whatever the provider."""
    body = {"portfolio_name": "Growth Portfolio", "initial_value": 500000, "cash_balance": 50000}
    portfolio_id = (await client.post("/portfolios", json=body)).json()["portfolio_id"]
    statement = {
        "AAPL": {"quantity": 1500.0, "avg_cost": 150.25, "market_value": 225375.0},
        "GOOGL": {"quantity": 80.0, "avg_cost": 2785.50, "market_value": 222840.0},
    }
    answer = await client.post(f"/portfolios/{portfolio_id}/positions", json={"positions": statement})
    assert answer.status_code == 200
    assert {k: answer.json()[k] for k in ("status", "portfolio_id", "position_count", "total_value")} == {
        "status": "positions_updated",
        "portfolio_id": portfolio_id,
        "position_count": 2,
        "total_value": 498215.0,
    }
    details = (await client.get(f"/portfolios/{portfolio_id}")).json()
    assert details["unallocated_capital"] == 0
    assert details["positions"]["GOOGL"]["avg_cost"] == 2785.5


async def test_replace_removes_what_is_not_named(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    body = {"positions": {"AAPL": {"quantity": 1}}}
    kept = await client.post(f"/portfolios/{portfolio_id}/positions", json=body)
    assert kept.json()["position_count"] == 5
    replaced = await client.post(f"/portfolios/{portfolio_id}/positions?replace=true", json=body)
    assert replaced.json()["position_count"] == 1
    assert replaced.json()["cash_balance"] == 25000


async def test_documented_workflow(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    path = f"/portfolios/{portfolio_id}"
    optimized = (await client.post(f"{path}/optimize", json={"method": "min_variance"})).json()
    assert set(optimized) >= {
        "status",
        "optimization_id",
        "portfolio_id",
        "method",
        "target_weights",
        "expected_return",
        "expected_risk",
        "sharpe_ratio",
        "optimization_time_ms",
    }
    assert sum(optimized["target_weights"].values()) == pytest.approx(1, abs=1e-9)
    assert list(optimized["target_weights"]) == TECH
    assert optimized["estimates"]["n_obs"] == 756
    rebalanced = (await client.post(f"{path}/rebalance", json={})).json()
    assert rebalanced["status"] == "rebalance_completed"
    assert rebalanced["trades_executed"] == len(rebalanced["trades"]) > 0
    assert rebalanced["total_turnover"] == pytest.approx(sum(t["value"] for t in rebalanced["trades"]), abs=1e-6)
    assert rebalanced["execution_cost"] == pytest.approx(rebalanced["total_turnover"] * 0.001, abs=0.05)
    details = (await client.get(path)).json()
    assert details["target_weights"] == optimized["target_weights"]
    assert details["total_value"] == pytest.approx(250000 - rebalanced["execution_cost"], abs=0.02)
    assert details["last_rebalanced"].endswith("Z")
    trades = (await client.get(f"{path}/trades", params={"limit": 2})).json()
    assert trades["count"] == rebalanced["trades_executed"]
    assert len(trades["trades"]) == 2
    history = (await client.get(f"{path}/optimization-history")).json()
    assert history["count"] == 1
    assert history["optimization_history"][0]["optimization_id"] == optimized["optimization_id"]


async def test_dry_run_changes_nothing(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    before = (await client.get(f"/portfolios/{portfolio_id}")).json()
    body = {"target_weights": {"AAPL": 0.5, "MSFT": 0.5}, "full": True, "dry_run": True}
    planned = (await client.post(f"/portfolios/{portfolio_id}/rebalance", json=body)).json()
    assert planned["status"] == "rebalance_planned"
    assert planned["trades_executed"] == 0
    assert planned["trades"]
    after = (await client.get(f"/portfolios/{portfolio_id}")).json()
    assert (after["positions"], after["version"]) == (before["positions"], before["version"])


async def test_performance_history(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    answer = (await client.get(f"/portfolios/{portfolio_id}/performance", params={"period_days": 30})).json()
    rows = answer["performance_history"]
    assert answer["period_days"] == 30
    assert answer["count"] == len(rows) > 15
    assert set(rows[0]) == EIGHT | {"date", "basis", "total_value", "external_flow", "daily_return"}
    assert [row["date"] for row in rows] == sorted((row["date"] for row in rows), reverse=True)
    assert {row["basis"] for row in rows} == {"current_holdings_1y"}
    realised = (await client.get(f"/portfolios/{portfolio_id}/performance", params={"basis": "realised"})).json()
    assert realised["performance_history"] == []


async def test_frontier(client: httpx.AsyncClient) -> None:
    body = {"symbols": TECH, "points": 7, "constraints": {"max_position_weight": 0.4}}
    answer = (await client.post("/efficient-frontier", json=body)).json()
    risks = [point["expected_risk"] for point in answer["points"]]
    assert answer["count"] == len(risks) == 7
    assert risks == sorted(risks)
    assert answer["min_variance"]["expected_risk"] == pytest.approx(risks[0], rel=1e-6)
    assert max(max(point["weights"].values()) for point in answer["points"]) <= 0.4 + 1e-9
    best = max(point["sharpe_ratio"] for point in answer["points"])
    assert answer["max_sharpe"]["sharpe_ratio"] >= best - 1e-9


async def test_frontier_turnover_counts_from_the_portfolio(client: httpx.AsyncClient) -> None:
    body = {"points": 3, "constraints": {"max_turnover": 0.5}}
    refused = await client.post("/efficient-frontier", json={**body, "symbols": TECH})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_argument")
    assert "portfolio_id" in refused.json()["detail"]
    portfolio_id = await create_tech(client, cash_balance=0)  # 20 % each
    answer = (await client.post("/efficient-frontier", json={**body, "portfolio_id": portfolio_id})).json()
    for point in answer["points"]:
        assert sum(abs(weight - 0.2) for weight in point["weights"].values()) <= 0.5 + 1e-9


async def test_simulate_is_repeatable(client: httpx.AsyncClient) -> None:
    body = {"weights": {"AAPL": 0.6, "MSFT": 0.4}, "horizon_days": 5, "scenarios": 2000, "seed": 7}
    answer = (await client.post("/simulate", json=body)).json()
    again = (await client.post("/simulate", json=body)).json()
    assert answer["quantiles"] == again["quantiles"]
    assert answer["seed"] == 7
    assert answer["cvar_95"] < answer["var_95"] < 0
    assert answer["standard_errors"]["var_95"] > 0
    assert answer["device"] == "cpu"

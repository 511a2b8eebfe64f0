"""Stress tests over HTTP, recomputed by hand from the market's own prices."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from fastapi import FastAPI

from portfolio_service.adapters.market_data.files import FilesMarketData
from portfolio_service.app import create_app, running
from portfolio_service.config import load_settings
from portfolio_service.domain.stress_scenarios import WINDOWS
from tests.service.conftest import create_tech
from tests.service.fakes import START, ManualClock

NAMES = ["AAPL", "JPM", "XOM", "KO"]


async def _stress(client: httpx.AsyncClient, portfolio_id: str, *scenarios: dict[str, Any], **more: Any) -> Any:
    body = {"scenarios": list(scenarios), **more}
    response = await client.post(f"/portfolios/{portfolio_id}/stress-test", json=body)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture
async def portfolio_id(client: httpx.AsyncClient) -> str:
    return await create_tech(client, symbols=NAMES)  # 225,000 in four names, 25,000 of cash


async def _prices(app: FastAPI, *symbols: str, days: int = 3000) -> pd.DataFrame:
    found: pd.DataFrame = await app.state.services.market.get_histories(symbols, days)
    return found


def _assert_sums(answer: dict[str, Any]) -> None:
    for one in answer["scenarios"]:
        parts = [position["pnl"] for position in one["by_position"].values()]
        assert one["pnl"] == pytest.approx(sum(parts), abs=1e-6)
        assert one["pnl"] == pytest.approx(sum(one["by_sector"].values()), abs=1e-6)
        assert one["total_value"] == pytest.approx(answer["total_value"] + one["pnl"], abs=1e-6)
        assert one["pnl_pct"] == pytest.approx(one["pnl"] / answer["total_value"], abs=1e-12)


async def test_a_window_of_history_is_each_symbols_own_return(
    client: httpx.AsyncClient, app: FastAPI, portfolio_id: str
) -> None:
    prices = await _prices(app, *NAMES)
    answer = await _stress(
        client, portfolio_id, {"scenario": "covid_2020"}, {"start": "2022-01-01", "end": "2022-06-30"}
    )
    _assert_sums(answer)
    windows = (WINDOWS["covid_2020"], (date(2022, 1, 1), date(2022, 6, 30)))
    for one, (start, end) in zip(answer["scenarios"], windows, strict=True):
        change = prices[: str(end)].iloc[-1] / prices[: str(start)].iloc[-1] - 1
        for symbol in NAMES:
            assert one["by_position"][symbol]["return"] == pytest.approx(change[symbol], rel=1e-12)
            assert one["by_position"][symbol]["basis"] == "history"
        assert one["pnl"] == pytest.approx(225_000 / 4 * change.sum(), rel=1e-5)
        assert (one["uncovered"], one["proxied"]) == ([], [])
    assert [one["name"] for one in answer["scenarios"]] == ["covid_2020", "2022-01-01..2022-06-30"]
    assert answer["estimates"]["source"] == "simulated"


async def test_a_market_shock_moves_by_beta(client: httpx.AsyncClient, app: FastAPI, portfolio_id: str) -> None:
    answer = await _stress(client, portfolio_id, {"factor": "market", "shock": -0.2})
    _assert_sums(answer)
    returns = (await _prices(app, *NAMES, "SPY", days=253)).pct_change().iloc[1:]
    betas = returns.cov()["SPY"] / returns["SPY"].var()
    (one,) = answer["scenarios"]
    for symbol in NAMES:
        assert one["by_position"][symbol]["beta"] == pytest.approx(betas[symbol], rel=1e-9)
        assert one["by_position"][symbol]["return"] == pytest.approx(-0.2 * betas[symbol], rel=1e-9)
    assert one["worst_positions"][0]["pnl"] == min(p["pnl"] for p in one["by_position"].values())
    risk = (await client.get(f"/portfolios/{portfolio_id}/risk")).json()
    assert one["pnl_pct"] == pytest.approx(-0.2 * risk["beta"], rel=1e-4)


async def test_shocks_of_a_sector_and_of_a_symbol(client: httpx.AsyncClient, app: FastAPI, portfolio_id: str) -> None:
    answer = await _stress(
        client, portfolio_id, {"factor": "energy", "shock": -0.3}, {"factor": "XOM", "shock": -0.3, "name": "oil"}
    )
    _assert_sums(answer)
    sector, symbol = answer["scenarios"]
    assert (sector["name"], symbol["name"]) == ("energy -30%", "oil")
    assert symbol["by_position"]["XOM"]["return"] == pytest.approx(-0.3, rel=1e-9)
    assert sector["by_position"]["XOM"]["return"] < sector["by_position"]["KO"]["return"]


async def test_returns_of_ones_own(client: httpx.AsyncClient, app: FastAPI, portfolio_id: str) -> None:
    given = {"AAPL": -0.3, "XOM": 0.1}
    answer = await _stress(
        client, portfolio_id, {"returns": given}, {"returns": given, "default": "zero"}, {"returns": {"SPY": -0.1}}
    )
    _assert_sums(answer)
    joint, alone, outside = answer["scenarios"]
    assert alone["pnl"] == pytest.approx(225_000 / 4 * -0.2, rel=1e-6)
    assert alone["by_position"]["KO"] == {"pnl": 0.0, "return": 0.0, "basis": "zero", "beta": None}
    returns = (await _prices(app, *NAMES, days=253)).pct_change().iloc[1:]
    sigma = returns.cov()
    slopes = np.linalg.solve(sigma.loc[["AAPL", "XOM"], ["AAPL", "XOM"]], [-0.3, 0.1])
    assert joint["by_position"]["JPM"]["return"] == pytest.approx(sigma.loc["JPM", ["AAPL", "XOM"]] @ slopes, rel=1e-6)
    assert joint["by_position"]["AAPL"] == {
        "pnl": pytest.approx(-16_875, rel=1e-5),
        "return": -0.3,
        "basis": "given",
        "beta": None,
    }
    assert outside["by_position"]["AAPL"]["basis"] == "beta"


async def test_higher_correlations_raise_the_risk_and_move_no_price(
    client: httpx.AsyncClient, portfolio_id: str
) -> None:
    answer = await _stress(
        client,
        portfolio_id,
        {"correlation": 0.0},
        {"correlation": 0.9},
        {"correlation": 1.0, "volatility_multiplier": 2},
    )
    before = answer["scenarios"][0]["risk_before"]
    calm, close, all_one = (one["risk_after"] for one in answer["scenarios"])
    assert before["volatility"] <= calm["volatility"] * (1 + 1e-9)
    assert calm["volatility"] < close["volatility"] < all_one["volatility"]
    risk = (await client.get(f"/portfolios/{portfolio_id}/risk", params={"method": "gaussian"})).json()
    assert before["volatility"] == pytest.approx(risk["volatility"], rel=1e-4)
    assert before["value_at_risk"] == pytest.approx(risk["value_at_risk"]["fraction"], rel=1e-4)
    apart = risk["diversification_ratio"] * risk["volatility"]
    assert all_one["volatility"] == pytest.approx(2 * apart, rel=1e-4)
    assert {one["pnl"] for one in answer["scenarios"]} == {0.0}
    assert "max_volatility" in {one["limit"] for one in answer["scenarios"][2]["limits_beyond"]}


async def test_limits_that_would_be_beyond(client: httpx.AsyncClient, portfolio_id: str) -> None:
    answer = await _stress(client, portfolio_id, {"returns": dict.fromkeys(NAMES, -0.5), "default": "zero"})
    beyond = {(one["limit"], one["subject"]): one for one in answer["scenarios"][0]["limits_beyond"]}
    drawdown = beyond["max_drawdown", ""]
    assert drawdown["value"] == pytest.approx(0.45, rel=1e-3)
    assert (drawdown["state"], drawdown["state_before"]) == ("breach", "ok")
    assert beyond["max_position_weight", "AAPL"]["state_before"] == "breach"


async def test_without_scenarios_the_standard_ones_that_are_covered(
    client: httpx.AsyncClient, portfolio_id: str
) -> None:
    answer = await _stress(client, portfolio_id)
    _assert_sums(answer)
    assert answer["not_covered"] == ["crisis_2008", "downgrade_2011"]  # the simulated market begins in 2015
    assert answer["count"] == 4 + 2 + 1


async def test_nothing_is_changed_and_cash_alone_loses_nothing(client: httpx.AsyncClient) -> None:
    response = await client.post("/portfolios", json={"portfolio_name": "Cash", "initial_value": 1000})
    portfolio_id = response.json()["portfolio_id"]
    answer = await _stress(client, portfolio_id)
    assert answer["count"] == 7
    assert {one["pnl"] for one in answer["scenarios"]} == {0.0}
    assert {one["total_value"] for one in answer["scenarios"]} == {1000.0}
    assert answer["estimates"] is None
    assert (await client.get(f"/portfolios/{portfolio_id}")).json()["version"] == answer["version"]


WRONG = [
    ({}, 422, "invalid_scenario"),
    ({"scenario": "covid_2020", "correlation": 0.9}, 422, "invalid_scenario"),
    ({"scenario": "covid_2019"}, 422, "invalid_scenario"),
    ({"start": "2022-01-01"}, 422, "invalid_scenario"),
    ({"start": "2022-01-03", "end": "2022-01-03"}, 422, "invalid_scenario"),
    ({"start": "2025-01-03", "end": "2035-01-03"}, 422, "invalid_scenario"),
    ({"factor": "market"}, 422, "invalid_scenario"),
    ({"shock": -0.1}, 422, "invalid_scenario"),
    ({"returns": {}}, 422, "invalid_scenario"),
    ({"factor": "weather", "shock": -0.1}, 422, "unknown_factor"),
    ({"returns": {"NOPE": -0.1}}, 422, "unknown_symbol"),
    ({"scenario": "crisis_2008"}, 409, "insufficient_history"),
    ({"factor": "market", "shock": -20}, 422, "validation_error"),
    ({"correlation": 2}, 422, "validation_error"),
    ({"returns": {"aapl": -0.1, "AAPL": -0.1}}, 422, "symbol_twice"),
    ({"shok": -0.1}, 422, "unknown_field"),
]


async def test_wrong_scenarios(client: httpx.AsyncClient, portfolio_id: str) -> None:
    for scenario, status, code in WRONG:
        response = await client.post(f"/portfolios/{portfolio_id}/stress-test", json={"scenarios": [scenario]})
        assert (response.status_code, response.json()["code"]) == (status, code), (scenario, response.text)


async def test_a_symbol_without_that_history_is_proxied_or_listed(tmp_path: Path) -> None:
    """NEW is listed after the window; FRESH has no history to take a beta from."""
    rng = np.random.default_rng(4)
    days = pd.bdate_range("2020-01-01", "2025-08-22")
    moves = rng.standard_normal((len(days), 3)) * 0.01
    table = pd.DataFrame(100 * np.cumprod(1 + moves, axis=0), index=days, columns=["SPY", "OLD", "NEW"])
    table["NEW"] = 100 * np.cumprod(1 + 1.5 * moves[:, 0])
    table["FRESH"] = 50.0
    table.loc[: days[-300], "NEW"] = np.nan
    table.loc[: days[-10], "FRESH"] = np.nan
    table.to_csv(tmp_path / "prices.csv", index_label="date")
    clock = ManualClock(START)
    settings = load_settings(data_dir=tmp_path, market_data_provider="simulated", log_level="warning")
    app = create_app(settings, clock, FilesMarketData(tmp_path / "prices.csv", clock))
    async with (
        running(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8900") as client,
    ):
        portfolio_id = await create_tech(client, symbols=["OLD", "NEW", "FRESH"])
        answer = await _stress(client, portfolio_id, {"scenario": "covid_2020"}, {"factor": "market", "shock": -0.8})
        covid, crash = answer["scenarios"]
        market = covid["basis"]["benchmark_return"]
        assert (covid["proxied"], covid["uncovered"]) == (["NEW"], ["FRESH"])
        assert covid["by_position"]["NEW"]["beta"] == pytest.approx(1.5, rel=1e-6)
        assert covid["by_position"]["NEW"]["return"] == pytest.approx(1.5 * market, rel=1e-6)
        assert covid["uncovered_weight"] == pytest.approx(0.3, rel=1e-4)
        assert "FRESH" not in covid["by_position"]
        assert crash["floored"] == ["NEW"]  # 1.5 x -80 % is more than all
        assert crash["by_position"]["NEW"]["return"] == -1.0
        _assert_sums(answer)

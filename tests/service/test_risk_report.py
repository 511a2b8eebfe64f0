"""GET risk: recomputed in pandas, contributions that add up, cached, and sensible answers without positions."""

from __future__ import annotations

from itertools import product
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from fastapi import FastAPI

from tests.service.conftest import create_tech
from tests.service.fakes import ManualClock

NAMES = ["AAPL", "AGG", "JPM", "XOM"]


async def _risk(client: httpx.AsyncClient, portfolio_id: str, **query: Any) -> dict[str, Any]:
    response = await client.get(f"/portfolios/{portfolio_id}/risk", params=query)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def _returns(app: FastAPI, *symbols: str, days: int = 252) -> pd.DataFrame:
    prices: pd.DataFrame = await app.state.services.market.get_histories(symbols, days + 1)
    return prices.pct_change().iloc[1:]


async def test_against_pandas(client: httpx.AsyncClient, app: FastAPI) -> None:
    portfolio_id = await create_tech(client, symbols=NAMES)
    found = await _risk(client, portfolio_id)
    returns = await _returns(app, *NAMES, "SPY")
    total = pd.Series(returns[NAMES].to_numpy() @ np.full(4, 0.225), index=returns.index)
    assert found["volatility"] == pytest.approx(total.std() * np.sqrt(252), rel=1e-5)
    assert found["value_at_risk"]["amount"] == pytest.approx(total.quantile(0.05) * 250_000, rel=1e-5)
    worst = total.nsmallest(12).sum() + (0.05 * 252 - 12) * total.nsmallest(13).iloc[-1]
    assert found["conditional_value_at_risk"]["fraction"] == pytest.approx(worst / (0.05 * 252), rel=1e-5)
    assert found["beta"] == pytest.approx(total.cov(returns["SPY"]) / returns["SPY"].var(), rel=1e-5)
    correlation = returns[NAMES].corr()
    assert np.array(found["correlation"]["values"]) == pytest.approx(correlation.to_numpy(), abs=1e-6)
    above = correlation.to_numpy()[np.triu_indices(4, 1)]
    assert found["correlation"]["average"] == pytest.approx(above.mean(), rel=1e-9)
    assert found["correlation"]["max_pair"]["value"] == pytest.approx(above.max(), rel=1e-9)
    assert found["concentration"]["by_sector"]["unknown"] == pytest.approx(0.225, rel=1e-4)  # a bond fund has no sector
    assert found["concentration"]["effective_positions"] == pytest.approx(4.0, rel=1e-4)
    assert found["cash_weight"] == pytest.approx(0.1, rel=1e-4)
    assert found["estimates"]["n_obs"] == 252
    assert found["estimates"]["last_date"] == str(returns.index[-1].date())


async def test_contributions_add_up(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client, symbols=NAMES)
    for method, horizon in product(("historical", "gaussian", "cornish_fisher"), (1, 10)):
        query = {"method": method, "horizon_days": horizon, "confidence": 0.99, "lookback_days": 500}
        found = await _risk(client, portfolio_id, **query)
        assert {name: found[name] for name in query} == query
        for name in ("value_at_risk", "conditional_value_at_risk"):
            amount = found[name]
            assert sum(amount["contributions"].values()) == pytest.approx(amount["amount"], abs=1e-6)
            assert amount["amount"] == pytest.approx(amount["fraction"] * found["total_value"], abs=1e-9)
            assert (amount["standard_error"] is None) == (method == "cornish_fisher")
        assert found["conditional_value_at_risk"]["amount"] < found["value_at_risk"]["amount"] < 0
        assert sum(found["volatility_contributions"].values()) == pytest.approx(found["volatility"], rel=1e-12)


async def test_the_default_question_is_that_of_the_performance_metrics(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client, symbols=NAMES)
    metrics = (await client.get(f"/portfolios/{portfolio_id}")).json()["performance_metrics"]
    found = await _risk(client, portfolio_id)
    assert found["value_at_risk"]["amount"] == pytest.approx(metrics["var_95"], rel=1e-9)
    assert found["volatility"] == pytest.approx(metrics["volatility"], rel=1e-9)
    assert found["beta"] == pytest.approx(metrics["beta"], rel=0.02)  # there on excess returns


async def test_the_limits_are_those_that_alert(client: httpx.AsyncClient, app: FastAPI) -> None:
    portfolio_id = await create_tech(client, symbols=["AAPL", "MSFT"])
    found = await _risk(client, portfolio_id)
    beyond = {
        (one["limit"], one["subject"], one["state"]) for one in found["limits"] if one["state"] in ("warning", "breach")
    }
    await app.state.services.risk.watch.run_once()
    alerts = (await client.get(f"/portfolios/{portfolio_id}/alerts")).json()["alerts"]
    assert {(one["limit"], one["subject"], one["severity"]) for one in alerts} == beyond
    assert ("max_position_weight", "AAPL", "breach") in beyond
    assert {one["limit"] for one in found["limits"]} >= {"max_drawdown", "max_leverage", "max_var_95", "max_volatility"}


async def test_cash_alone_has_no_risk(client: httpx.AsyncClient) -> None:
    response = await client.post("/portfolios", json={"portfolio_name": "Cash", "initial_value": 1000})
    found = await _risk(client, response.json()["portfolio_id"])
    assert (found["volatility"], found["beta"], found["value_at_risk"]["amount"]) == (0.0, 0.0, 0.0)
    assert found["concentration"] == {"by_position": {}, "by_sector": {}, "hhi": 0.0, "effective_positions": 0.0}
    assert found["correlation"] == {"symbols": [], "values": [], "average": None, "max_pair": None}
    assert found["estimates"]["n_obs"] == 0
    assert {one["state"] for one in found["limits"]} <= {"ok", "disabled"}


async def test_one_position_and_one_that_only_its_owner_prices(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client, symbols=["KO"])
    found = await _risk(client, portfolio_id)
    assert found["correlation"]["max_pair"] is None
    assert found["diversification_ratio"] == pytest.approx(1.0)
    fund = {"positions": {"FUND": {"quantity": 10, "market_value": 1000}}}
    await client.post(f"/portfolios/{portfolio_id}/positions", json=fund)
    response = await client.get(f"/portfolios/{portfolio_id}/risk")
    assert (response.status_code, response.json()["code"]) == (409, "insufficient_history")
    assert "FUND" in response.json()["detail"]


async def test_answers_are_kept_until_the_books_or_the_close_change(
    client: httpx.AsyncClient, app: FastAPI, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await create_tech(client, symbols=NAMES)
    asked: list[int] = []
    workers = app.state.services.risk.reports._workers
    run = workers.run

    async def counted(function: Any) -> Any:
        asked.append(1)
        return await run(function)

    monkeypatch.setattr(workers, "run", counted)
    first = await _risk(client, portfolio_id)
    assert await _risk(client, portfolio_id) == first
    assert len(asked) == 1
    await _risk(client, portfolio_id, confidence=0.9)
    assert len(asked) == 2
    clock.advance(86_400)
    await _risk(client, portfolio_id)
    assert len(asked) == 3


async def test_wrong_questions(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client, symbols=["KO"])
    wrong: list[dict[str, Any]] = [
        {"confidence": 0.5},
        {"confidence": 1},
        {"horizon_days": 0},
        {"method": "magic"},
        {"lookback_days": 29},
    ]
    for query in wrong:
        response = await client.get(f"/portfolios/{portfolio_id}/risk", params=query)
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == next(iter(query))
    beyond = {"horizon_days": 252, "lookback_days": 252}
    response = await client.get(f"/portfolios/{portfolio_id}/risk", params=beyond)
    assert (response.status_code, response.json()["code"]) == (409, "insufficient_history")

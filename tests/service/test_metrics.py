"""Both forms of /metrics: the contract's JSON, one key a line, and Prometheus text with the documented names."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from portfolio_service.api.prometheus import wanted
from portfolio_service.app import create_app, running
from portfolio_service.config import Settings
from tests.service.conftest import create_tech
from tests.service.fakes import ManualClock

CONTRACT = {
    "optimizations_per_hour",
    "rebalances_per_hour",
    "total_optimizations",
    "total_rebalances",
    "portfolios_managed",
    "avg_portfolio_value",
    "total_aum",
    "cache_efficiency",
    "engine_type",
    "containerized",
}
DOCUMENTED = {  # family names as the parser gives them: counters without _total
    "portfolio_optimizations": {"portfolio_id", "method"},
    "portfolio_rebalances": {"portfolio_id"},
    "portfolio_total_value": {"portfolio_id"},
    "portfolio_optimization_duration_seconds": {"method"},
    "portfolio_rebalance_duration_seconds": set(),
    "portfolio_positions_count": {"portfolio_id"},
    "portfolio_performance_metrics": {"portfolio_id", "metric"},
    "portfolio_risk_metrics": {"portfolio_id", "metric"},
}


async def work(client: httpx.AsyncClient) -> str:
    portfolio_id = await create_tech(client)
    for _ in range(2):
        await client.post(f"/portfolios/{portfolio_id}/optimize", json={"method": "min_variance"})
    await client.post(f"/portfolios/{portfolio_id}/rebalance", json={})
    await client.get(f"/portfolios/{portfolio_id}")
    return portfolio_id


async def test_json(client: httpx.AsyncClient) -> None:
    await work(client)
    response = await client.get("/metrics")
    found = response.json()
    assert response.headers["content-type"] == "application/json"
    assert response.headers["vary"] == "Accept"
    assert set(found) >= CONTRACT | {"optimization_time_ms", "optimization_duration_seconds", "acceleration"}
    assert (found["total_optimizations"], found["total_rebalances"]) == (2, 1)
    assert found["optimizations_per_hour"] == pytest.approx(2 / 24, abs=1e-4)
    assert found["cache_efficiency"] == 0.5  # the second of the same question
    assert found["portfolios_managed"] == 1
    assert found["avg_portfolio_value"] == found["total_aum"] == pytest.approx(249_900, abs=200)
    assert found["optimization_time_ms"] > 0
    assert found["optimization_duration_seconds"] == pytest.approx(found["optimization_time_ms"] / 1e3, rel=1e-2)
    assert found["engine_type"] == "portfolio_optimization"
    assert found["acceleration"] == "cpu"
    lines = response.text.splitlines()
    assert all(sum(f'"{key}"' in line for line in lines) == 1 for key in found)


async def test_counters_survive_a_restart(settings: Settings, clock: ManualClock) -> None:
    counts = []
    for _ in range(2):
        app = create_app(settings, clock)
        transport = httpx.ASGITransport(app)
        async with running(app), httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            await work(http)
            found = (await http.get("/metrics")).json()
            text = (await http.get("/metrics/prometheus")).text
            family = next(f for f in parse(text) if f.name == "portfolio_optimizations")
            assert sum(sample.value for sample in family.samples) == found["total_optimizations"]
            counts.append((found["total_optimizations"], found["total_rebalances"], found["portfolios_managed"]))
    assert counts == [(2, 1, 1), (4, 2, 2)]


async def test_per_hour_forgets_after_a_day(client: httpx.AsyncClient, clock: ManualClock) -> None:
    await work(client)
    clock.advance(25 * 3600)
    found = (await client.get("/metrics")).json()
    assert (found["optimizations_per_hour"], found["rebalances_per_hour"]) == (0, 0)
    assert (found["total_optimizations"], found["total_rebalances"]) == (2, 1)


async def test_prometheus_names_and_labels(client: httpx.AsyncClient, app: FastAPI) -> None:
    portfolio_id = await work(client)
    details = (await client.get(f"/portfolios/{portfolio_id}")).json()
    await app.state.services.risk.watch.run_once()
    response = await client.get("/metrics/prometheus")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in parse(response.text)}
    for name, labels in DOCUMENTED.items():
        assert families[name].samples, name
        for sample in families[name].samples:
            assert set(sample.labels) - {"le"} == labels, name
    value = {s.labels["portfolio_id"]: s.value for s in families["portfolio_total_value"].samples}
    assert value[portfolio_id] == pytest.approx(details["total_value"], abs=0.01)
    shown = {s.labels["metric"]: s.value for s in families["portfolio_performance_metrics"].samples}
    assert shown == pytest.approx(details["performance_metrics"])
    risk = {s.labels["metric"]: s.value for s in families["portfolio_risk_metrics"].samples}
    weights = [position["weight"] for position in details["positions"].values()]
    assert risk["max_position_weight"] == pytest.approx(max(weights), abs=1e-6)
    assert risk["leverage"] == pytest.approx(sum(weights), abs=1e-6)
    assert risk["leverage"] + risk["cash_weight"] == pytest.approx(1, abs=1e-6)
    assert risk["concentration"] == pytest.approx(sum(w * w for w in weights) / sum(weights) ** 2, abs=1e-6)
    assert risk["volatility"] == pytest.approx(shown["volatility"], rel=1e-6)
    assert risk["var_95"] == pytest.approx(shown["var_95"], rel=1e-6)
    assert risk["cvar_95"] < risk["var_95"] < 0 <= risk["drawdown"]
    buckets = [s for s in families["portfolio_optimization_duration_seconds"].samples if s.name.endswith("_bucket")]
    assert buckets[-1].labels == {"method": "min_variance", "le": "+Inf"}
    assert buckets[-1].value == 2
    assert [b.value for b in buckets] == sorted(b.value for b in buckets)


async def test_archived_portfolios_count_together(client: httpx.AsyncClient) -> None:
    await client.delete(f"/portfolios/{await work(client)}")
    families = {f.name: f for f in parse((await client.get("/metrics/prometheus")).text)}
    samples = [(s.labels, s.value) for s in families["portfolio_optimizations"].samples]
    assert samples == [({"portfolio_id": "archived", "method": "min_variance"}, 2)]
    assert families["portfolio_total_value"].samples == []
    assert families["portfolio_performance_metrics"].samples == []


async def test_openmetrics_when_accept_asks_for_it(client: httpx.AsyncClient) -> None:
    await work(client)
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    response = await client.get("/metrics", headers={"Accept": accept})
    assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert {family.name for family in parse_openmetrics(response.text)} >= set(DOCUMENTED)


@pytest.mark.parametrize(
    ("accept", "text"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("text/plain", True),
        ("text/plain;version=0.0.4", True),
        ("application/openmetrics-text; version=1.0.0", True),
        ("text/plain;q=0.5, */*;q=0.1", True),
        ("text/plain;q=0.5, application/json", False),
        ("text/plain;q=0", False),
        ("text/plain;q=x", True),
        ("text/plain;q=\u00b2", True),
        (";;;,,q=", False),
    ],
)
def test_what_accept_asks_for(accept: str, text: bool) -> None:
    assert wanted(accept) is text

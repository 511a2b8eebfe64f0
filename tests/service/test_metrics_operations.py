"""The operator's metrics: the table of docs/monitoring.md, bounded labels, and a scrape when parts are away."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families as parse

from portfolio_service.api.prometheus_portfolios import LARGEST, blocks
from portfolio_service.domain.durations import Durations
from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.models import PerformanceMetrics
from portfolio_service.domain.valuation import LiveValues
from portfolio_service.jobs.loop_lag import LoopLag
from tests.data import ROOT
from tests.service.conftest import create_tech

ROW = re.compile(r"(?m)^\| `(\w+)(?:\{([\w,]+)\})?` \| (\w+) \| (.+) \|$")
DOCUMENTED = {name: (labels, kind) for name, labels, kind, _ in ROW.findall((ROOT / "docs/monitoring.md").read_text())}
REMOTE = {name for name in DOCUMENTED if name.startswith("portfolio_market_data_")}  # a local source calls nobody
AT = datetime(2025, 8, 25, tzinfo=UTC)


async def scraped(client: httpx.AsyncClient) -> dict[str, Metric]:
    response = await client.get("/metrics/prometheus")
    assert response.status_code == 200
    return {family.name: family for family in parse(response.text)}


def value(families: dict[str, Metric], name: str, suffix: str = "", **labels: str) -> float:
    found = [s.value for s in families[name].samples if s.name == name + suffix and labels.items() <= s.labels.items()]
    return sum(found)


async def test_the_table_of_the_document_is_what_is_exposed(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    await client.post(f"/portfolios/{portfolio_id}/optimize", json={})
    await client.get(f"/portfolios/{portfolio_id}")
    families = await scraped(client)
    exposed = {
        name + "_total" * (family.type == "counter"): family
        for name, family in families.items()
        if not name.startswith(("process_", "python_"))
    }
    assert set(DOCUMENTED) - REMOTE == set(exposed)
    for name, family in exposed.items():
        labels, kind = DOCUMENTED[name]
        assert family.type == kind, name
        assert family.documentation, name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == {label for label in labels.split(",") if label}, name


async def test_requests_are_timed_by_route_not_by_path(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    for path in (f"/portfolios/{portfolio_id}", "/portfolios/port_000000000000", "/nowhere/1", "/nowhere/2", "/x" * 99):
        await client.get(path)
    await client.request("BREW", "/portfolios")
    found = (await scraped(client))["portfolio_http_request_duration_seconds"].samples
    counts = {
        (s.labels["route"], s.labels["method"], s.labels["status"]): s.value for s in found if s.name.endswith("_count")
    }
    one = "/portfolios/{portfolio_id}"
    assert counts[one, "GET", "2xx"] == 1
    assert counts[one, "GET", "4xx"] == 1
    assert counts["unmatched", "GET", "4xx"] == 3
    assert counts["/portfolios/with-symbols", "POST", "2xx"] == 1
    assert [key for key in counts if key[1] == "other"]
    assert all("port_" not in route for route, _, _ in counts)


async def test_a_plan_is_no_rebalance(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    weights = {"target_weights": {"AAPL": 0.1}, "dry_run": True}
    assert (await client.post(f"/portfolios/{portfolio_id}/rebalance", json=weights)).status_code == 200
    families = await scraped(client)
    assert value(families, "portfolio_rebalance_duration_seconds", "_count") == 0
    assert value(families, "portfolio_rebalances", "_total", portfolio_id=portfolio_id) == 0
    await client.post(f"/portfolios/{portfolio_id}/rebalance", json={**weights, "dry_run": False})
    families = await scraped(client)
    assert value(families, "portfolio_rebalance_duration_seconds", "_count") == 1
    assert value(families, "portfolio_rebalances", "_total", portfolio_id=portfolio_id) == 1


async def test_a_scrape_while_the_database_is_away(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_tech(client)
    before = await scraped(client)

    async def away(*_: object) -> Any:
        raise Unavailable("storage_unavailable", "the test took it away")

    services = app.state.services
    for place, name in (
        (services.repository, "activity"),
        (services.monitor, "_check_writable"),
        (services.feed._log, "backlog"),
    ):
        monkeypatch.setattr(place, name, away)
    families = await scraped(client)
    assert value(families, "portfolio_database_writable") == 0
    assert families["portfolio_rebalances"].samples == before["portfolio_rebalances"].samples
    assert "portfolio_outbox_pending" not in families
    assert value(families, "portfolio_total_value") > 0


async def test_failures_are_counted_by_code(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    body = {"constraints": {"max_position_weight": 0.1}}
    assert (await client.post(f"/portfolios/{portfolio_id}/optimize", json=body)).json()["code"] == "infeasible"
    families = await scraped(client)
    assert value(families, "portfolio_optimization_failures", "_total", code="infeasible") == 1
    assert value(families, "portfolio_optimization_failures", "_total", code="numerical_error") == 0


async def test_kernels_are_counted_where_they_ran(client: httpx.AsyncClient) -> None:
    portfolio_id = await create_tech(client)
    before = await scraped(client)
    await client.post(f"/portfolios/{portfolio_id}/optimize", json={"method": "risk_parity"})
    after = await scraped(client)
    device = (await client.get("/health")).json()["acceleration"]["device"]

    def grown(name: str, **labels: str) -> float:
        return value(after, name, "_total", **labels) - value(before, name, "_total", **labels)

    assert grown("portfolio_native_computations", kernel="risk_parity", device=device) == 1
    assert grown("portfolio_native_computation_seconds", kernel="risk_parity", device=device) > 0
    if device == "cpu":
        assert grown("portfolio_native_fallbacks") == grown("portfolio_native_computations")


async def test_the_loop_lag_shows_what_blocks_the_loop() -> None:
    lags = Durations()
    job = asyncio.create_task(LoopLag(lags, every_s=0.001).run())
    await asyncio.sleep(0.01)
    time.sleep(0.12)  # noqa: ASYNC251  (blocking the loop is what is to be seen)
    await asyncio.sleep(0.01)
    job.cancel()
    assert lags.count >= 2
    assert sum(lags.counts[7:]) >= 1  # beyond 0.1 s


def many(count: int, held: int) -> tuple[LiveValues, dict[str, PerformanceMetrics]]:
    rng = np.random.default_rng(7)
    ids = tuple(f"port_{i:012x}" for i in range(count))
    values = rng.uniform(100, 5000, count * held)
    owners = np.repeat(np.arange(count, dtype=np.intp), held)
    totals = np.bincount(owners, weights=values)
    live = LiveValues(
        portfolio_ids=ids,
        totals=totals,
        symbols=tuple(f"S{i}" for i in range(500)),
        owners=owners,
        columns=rng.integers(0, 500, count * held),
        market_values=values,
        basis=values * 0.9,
        weights=values / totals[owners],
        unpriced=0,
    )
    return live, {own: PerformanceMetrics(own, 0.1, 0.1, 0.2, 0.5, -0.1, 0.0, 1.0, -900.0, AT) for own in ids}


def test_a_thousand_portfolios_are_written_quickly_and_within_bounds() -> None:
    live, performance = many(1000, 50)
    risk = Metric("portfolio_risk_metrics", "as last looked at", "gauge")
    took = []
    for _ in range(3):
        began = time.perf_counter()
        text = "".join(blocks(live, performance, risk))
        took.append(time.perf_counter() - began)
    assert min(took) < 0.3
    assert text.count("\n") <= 1000 * (2 + 8 + 2 * (LARGEST + 1)) + 12
    families = {family.name: family for family in parse(text)}
    for name, total in (("portfolio_position_weight", 1.0), ("portfolio_position_unrealized_pnl", live.totals[0] / 10)):
        mine = [s for s in families[name].samples if s.labels["portfolio_id"] == live.portfolio_ids[0]]
        assert len(mine) == LARGEST + 1
        assert sum(s.value for s in mine) == pytest.approx(total)


def test_numbers_and_names_are_written_as_prometheus_reads_them() -> None:
    live, _ = many(1, 3)
    odd = SimpleNamespace(**{**vars(live), "totals": np.array([np.inf]), "symbols": ('A"\\B\n',) * 500})
    risk = Metric("portfolio_risk_metrics", "as last looked at", "gauge")
    risk.add_sample("portfolio_risk_metrics", {"portfolio_id": "p", "metric": "volatility"}, float("nan"))
    families = {family.name: family for family in parse("".join(blocks(odd, {}, risk)))}
    assert families["portfolio_total_value"].samples[0].value == np.inf
    assert np.isnan(families["portfolio_risk_metrics"].samples[0].value)
    assert families["portfolio_position_weight"].samples[0].labels["symbol"] == 'A"\\B\n'

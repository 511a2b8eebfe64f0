"""A real Prometheus scrapes a real service: every query of every panel has data, every alert can be evaluated."""

from __future__ import annotations

import json
import math
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.data import ROOT
from tests.service.conftest import TECH, Server
from tests.service.prometheus_support import FOUND, RULES, WITHOUT, Prometheus, promtool, start_prometheus

BOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboards/portfolio-engine.json").read_text())
ALERTS = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"][0]["rules"]
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}".replace(" ", "-"))
    for panel in BOARD["panels"]
    for target in panel["targets"]
]
METHODS = ("max_sharpe", "min_variance", "risk_parity")

pytestmark = pytest.mark.slow
if not FOUND:
    pytest.skip(WITHOUT, allow_module_level=True)


@pytest.fixture(scope="module")
def service(start: Callable[..., Server]) -> Server:
    """Three portfolios, optimised by three methods and rebalanced."""
    server = start()
    with httpx.Client(base_url=server.url, timeout=60) as http:
        for method in METHODS:
            body = {"portfolio_name": "The same name", "symbols": TECH, "optimization_method": method}
            path = f"/portfolios/{http.post('/portfolios/with-symbols', json=body).json()['portfolio_id']}"
            http.post(f"{path}/optimize", json={}).raise_for_status()
            http.post(f"{path}/rebalance", json={"dry_run": True}).raise_for_status()
            http.post(f"{path}/rebalance", json={}).raise_for_status()
            http.get(path).raise_for_status()
    return server


@pytest.fixture(scope="module")
def prometheus(service: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = start_prometheus(tmp_path_factory.mktemp("prometheus"), service.url.removeprefix("http://"), port)
    try:
        running.wait(lambda: running.value('count_over_time(up{job="portfolio-engine"}[1m])') >= 4)
        yield running
    finally:
        running.stop()


@pytest.mark.parametrize("expr", QUERIES)
def test_every_query_of_every_panel_has_data(prometheus: Prometheus, expr: str) -> None:
    found = prometheus.query(expr.replace("$portfolio_id", ".+"))
    assert found, expr
    assert any(math.isfinite(float(series["value"][1])) for series in found), found


def test_the_dashboard_can_show_one_portfolio(prometheus: Prometheus) -> None:
    ids = [series["metric"]["portfolio_id"] for series in prometheus.query("portfolio_info")]
    assert len(ids) == len(METHODS)
    assert BOARD["templating"]["list"][0]["query"] == "label_values(portfolio_info, portfolio_id)"
    expr = next(panel for panel in BOARD["panels"] if panel["title"] == "Real-time Portfolio Values")["targets"][0][
        "expr"
    ]
    assert len(prometheus.query(expr.replace("$portfolio_id", ids[0]))) == 1


def test_the_scatter_keeps_portfolios_of_one_name_apart(prometheus: Prometheus) -> None:
    panel = next(panel for panel in BOARD["panels"] if panel["title"] == "Risk-Return Scatter Plot")
    for target in panel["targets"]:
        assert len(prometheus.query(target["expr"].replace("$portfolio_id", ".+"))) == len(METHODS)


def test_the_acceleration_panel_says_where_it_was_computed(prometheus: Prometheus, service: Server) -> None:
    device = httpx.get(f"{service.url}/health", timeout=20).json()["acceleration"]["device"]
    assert prometheus.value(f'sum(portfolio_native_computations_total{{device="{device}"}})') > 0
    assert prometheus.value('portfolio_accelerator_available{accelerator="metal"}') == float(device == "metal")


def test_every_rule_is_evaluated_without_an_error(prometheus: Prometheus) -> None:
    def rules() -> list[dict[str, Any]]:
        groups = httpx.get(f"{prometheus.url}/api/v1/rules", timeout=20).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    prometheus.wait(lambda: all(rule["health"] != "unknown" for rule in rules()))
    assert [(rule["name"], rule.get("lastError")) for rule in rules() if rule["health"] != "ok"] == []
    assert {rule["name"] for rule in rules()} == {alert["alert"] for alert in ALERTS}
    firing = {series["metric"]["alertname"] for series in prometheus.query('ALERTS{alertstate="firing"}')}
    assert firing == set()  # nothing is wrong with this service
    for alert in ALERTS:
        prometheus.query(alert["expr"])


def test_a_broken_limit_is_on_its_way_to_an_alert(prometheus: Prometheus) -> None:
    def pending() -> set[str]:
        return {series["metric"]["alertname"] for series in prometheus.query('ALERTS{alertstate="pending"}')}

    prometheus.wait(lambda: "PortfolioRiskBreach" in pending())  # one name has more than 20 %


def test_every_metric_an_alert_or_a_panel_reads_exists(prometheus: Prometheus) -> None:
    """An expression over a name that is misspelled is silent for ever."""
    names = set(httpx.get(f"{prometheus.url}/api/v1/label/__name__/values", timeout=20).json()["data"])
    texts = [alert["expr"] for alert in ALERTS] + [p["expr"] for panel in BOARD["panels"] for p in panel["targets"]]
    remote = {"portfolio_market_data_breaker_state"}  # only where the source is another process
    labels = {"portfolio_id", "portfolio_name", "portfolio_info"}
    used = {word for text in texts for word in re.findall(r"\b(?:portfolio|process)_\w+", text)} - labels - remote
    assert used <= names


def test_promtool_finds_nothing_wrong_with_the_exposition(service: Server) -> None:
    text = httpx.get(f"{service.url}/metrics/prometheus", timeout=20).text
    checked = promtool("check", "metrics", text=text)
    wrong = (checked.stdout + checked.stderr).strip().splitlines()
    # the contract's own name; its unit cannot be guessed, so it stays
    assert [line for line in wrong if not line.startswith("portfolio_positions_count ")] == []


def test_scrapes_are_counted_and_timed(prometheus: Prometheus) -> None:
    scrapes = 'portfolio_http_request_duration_seconds_count{route="/metrics/prometheus",method="GET",status="2xx"}'
    assert prometheus.value(scrapes) >= 3
    assert prometheus.value("portfolio_rebalance_duration_seconds_count") == len(METHODS)  # no dry run among them
    assert prometheus.value("sum(portfolio_rebalances_total)") == len(METHODS)
    assert prometheus.value("scrape_duration_seconds") < 1

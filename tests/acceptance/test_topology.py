"""compose.yaml's parts as processes: the service on PostgreSQL, a market-data server, Prometheus.

Both documented programs run against them unmodified, and every query of the Grafana dashboard returns data.
"""

from __future__ import annotations

import fcntl
import json
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from tests.service.conftest import Server, start_server
from tests.service.prometheus_support import PROMETHEUS, Prometheus, start_prometheus
from tests.service.test_contract_programs import run_program

if TYPE_CHECKING:
    from tests.service.postgres import Postgres

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
PANELS = {  # the contract's eight
    "Portfolio Performance Tracking",
    "Optimization Method Comparison",
    "Rebalancing Frequency Analysis",
    "Risk-Return Scatter Plot",
    "Position Concentration Monitoring",
    "Performance Attribution Analysis",
    "M4 Max Acceleration Metrics",
    "Real-time Portfolio Values",
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
if PROMETHEUS is None:  # one skip for the file
    pytest.skip("no Prometheus on this machine; ./run test brings Debian's", allow_module_level=True)


@dataclass
class Topology:
    """Everything that runs."""

    service: Server
    database: str
    prometheus: Prometheus


@pytest.fixture(scope="module")
def topology(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Topology]:
    """Started in the order of compose.yaml; port 8900 is the one that the programs have written in."""
    folder = tmp_path_factory.mktemp("topology")
    engine, url = start_market_data(folder)
    database = postgres.create()
    with (Path(tempfile.gettempdir()) / "portfolio-tests-8900.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        given = {"PORT": "8900", "DATABASE_URL": database, "MARKET_DATA_PROVIDER": "engine", "MARKET_DATA_URL": url}
        service = start_server(folder, **given)
        prometheus = start_prometheus(folder, "127.0.0.1:8900", free_port())
        try:
            yield Topology(service, database, prometheus)
        finally:
            prometheus.stop()
            code = service.stop()
            engine.terminate()
            engine.wait(20)
            assert engine.stdout
            engine.stdout.close()
        assert code == 0
    postgres.drop(database)


def start_market_data(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """`portfolio-engine market-data serve` on a free port; the process and its URL."""
    program = Path(sys.executable).with_name("portfolio-engine")
    with (folder / "market-data.log").open("w") as log:
        process = subprocess.Popen(
            [program, "market-data", "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout
    for line in process.stdout:
        if found := re.search(r"http://\S+", line):
            return process, found[0]
    raise AssertionError(f"the market data server did not start: {(folder / 'market-data.log').read_text()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def queries() -> list[tuple[str, str]]:
    """(panel, query) of every dashboard, its variables set to all."""
    found = []
    for path in DASHBOARDS.glob("*.json"):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                expression = re.sub(r"\$\{?portfolio_id\}?", ".+", target["expr"])
                expression = re.sub(r"\$__(rate_interval|interval|range)", "1m", expression)
                found.append((panel["title"], expression))
    return found


def test_the_parts_are_the_ones_that_compose_joins(topology: Topology) -> None:
    health: dict[str, Any] = httpx.get(f"{topology.service.url}/health", timeout=30).json()
    assert health["status"] == "healthy", health
    assert health["market_data"]["source"] == "engine"
    with psycopg.connect(topology.database) as connection:
        assert connection.execute("SELECT count(*) FROM portfolios").fetchone() is not None
    assert not list(topology.service.log.parent.glob("data/*.db"))


def test_both_documented_programs_run_and_every_dashboard_query_returns_data(topology: Topology) -> None:
    def monitored(seen: str) -> bool:
        return len(re.findall(r"^\w+: \$[\d,.]+ \([\d.]+%\) P&L: \$", seen, re.MULTILINE)) >= 2

    seen = run_program("portfolio_manager.py", monitored, stop=True)
    assert re.search(r"Rebalanced with [1-9]\d* trades", seen), seen
    seen = run_program("portfolio_analyzer.py", lambda text: "Best Sharpe:" in text)
    assert len(re.findall(r"^\w+: Expected Return", seen, re.MULTILINE)) == 4, seen

    listed = queries()
    assert {panel for panel, _ in listed} >= PANELS
    prometheus = topology.prometheus
    prometheus.wait(lambda: prometheus.value("count(portfolio_total_value)") == 5)
    rebalanced = "sum(increase(portfolio_rebalances_total[1d]))"
    prometheus.wait(lambda: prometheus.value(rebalanced) == prometheus.value(rebalanced))  # two scrapes have come
    empty = [(panel, query) for panel, query in listed if not prometheus.query(query)]
    assert empty == []


def test_prometheus_scrapes_the_target_with_our_rules_and_nothing_fires(topology: Topology) -> None:
    assert topology.prometheus.value("up") == 1
    rules = httpx.get(f"{topology.prometheus.url}/api/v1/rules", timeout=20).json()["data"]["groups"]
    assert sum(len(group["rules"]) for group in rules) > 5
    assert all(rule["health"] != "err" for group in rules for rule in group["rules"])

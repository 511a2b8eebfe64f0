"""The dashboard: the contract's panels by their names, generated, and found by Grafana where compose puts it."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import yaml

from tests.data import ROOT

GRAFANA = ROOT / "deploy" / "grafana"
BOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "portfolio-engine.json").read_text())
DOCUMENTED = [
    "Portfolio Performance Tracking",
    "Optimization Method Comparison",
    "Rebalancing Frequency Analysis",
    "Risk-Return Scatter Plot",
    "Position Concentration Monitoring",
    "Performance Attribution Analysis",
    "M4 Max Acceleration Metrics",
    "Real-time Portfolio Values",
]


def test_the_committed_file_is_what_the_script_makes() -> None:
    spec = spec_from_file_location("generate", GRAFANA / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.build() == generate.FILE.read_text(), "run: python deploy/grafana/generate.py"


def test_the_documented_panels() -> None:
    panels = BOARD["panels"]
    assert sorted(panel["title"] for panel in panels) == sorted(DOCUMENTED)
    for panel in panels:
        assert panel["description"]
        refs = [target["refId"] for target in panel["targets"]]
        assert refs == sorted(set(refs))
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels]
    assert len(set(places)) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_provisioning_finds_the_source_and_the_dashboard() -> None:
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/portfolio.yml").read_text())["providers"][0]
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    mounts = dict(volume.split(":")[:2] for volume in compose["grafana"]["volumes"])
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    assert source["url"] == "http://prometheus:9090"
    used = [BOARD["templating"]["list"][0], *BOARD["panels"]]
    assert {part["datasource"]["uid"] for part in used} == {source["uid"]}
    target = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"][0]
    assert target["static_configs"] == [{"targets": ["portfolio:8900"]}]
    assert "portfolio" in compose

"""deploy/prometheus by Prometheus' own tools: it parses, every alert has its cases and its entry in the runbook."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.data import ROOT
from tests.service.prometheus_support import RULES, needs_prometheus, promtool

ALERTS: list[dict[str, Any]] = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"][0]["rules"]
DOCUMENT = ROOT / "docs" / "monitoring.md"
WANTED = {  # what an operator is woken for
    "PortfolioEngineDown",
    "PortfolioDatabaseNotWritable",
    "PortfolioAuditFailed",
    "PortfolioOutboxStuck",
    "PortfolioPricesStale",
    "PortfolioEventLoopLag",
    "PortfolioErrorRatio",
    "PortfolioLatency",
    "PortfolioWorkerQueueFull",
    "PortfolioOptimizationsFail",
    "PortfolioSchedulerLate",
    "PortfolioRiskBreach",
    "PortfolioMemory",
}


@needs_prometheus
def test_configuration_and_rules_are_valid() -> None:
    checked = promtool("check", "config", "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(ALERTS)} rules found" in checked.stdout


@needs_prometheus
def test_every_alert_fires_when_it_should_and_not_otherwise() -> None:
    tested = promtool("test", "rules", "alerts_test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_what_to_do_and_has_both_cases(alert: dict[str, Any]) -> None:
    name = alert["alert"]
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    path, _, anchor = alert["annotations"]["runbook"].partition("#")
    assert ROOT / path == DOCUMENT
    assert anchor in [heading.lower() for heading in re.findall(r"(?m)^#+ (\w+)$", DOCUMENT.read_text())]
    tests = yaml.safe_load((RULES / "alerts_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", []) if case["alertname"] == name]
    assert {bool(case["exp_alerts"]) for case in cases} == {True, False}


def test_every_trouble_has_an_alert() -> None:
    assert {alert["alert"] for alert in ALERTS} >= WANTED

"""The API does what its OpenAPI document says: schemathesis with every check on, against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.service.conftest import TECH, Server
from tests.service.test_openapi import OPERATIONS

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
hooks = "tests.service.schemathesis_hooks"

[checks]
positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 412, 413, 422]
"""


def alert_of(server: Server) -> str:
    """The first alert of the books, awaited in the stream of events: the limits are checked every few seconds."""
    with httpx.stream("GET", f"{server.url}/events", params={"last_event_id": 0}, timeout=60) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:") and (event := json.loads(line[5:])).get("topic") == "portfolio.risk.alert":
                return str(event["payload"]["alert_id"])
    raise AssertionError("the stream ended without an alert")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_check(server: Server, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    body = {"portfolio_name": "Fuzzed", "symbols": TECH}
    created = httpx.post(f"{server.url}/portfolios/with-symbols", json=body, timeout=60)
    portfolio_id = created.json()["portfolio_id"]
    alert_id = alert_of(server)
    arguments = f"run {server.url}/openapi.json --checks all --seed 20250824 --max-examples 10 --max-time 45"
    run = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            *arguments.split(),
            *("--request-timeout", "60", "--no-color"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_PORTFOLIO": portfolio_id,
            "SCHEMATHESIS_ALERT": alert_id,
        },
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert f"{len(OPERATIONS)} selected / {len(OPERATIONS)} total" in run.stdout, run.stdout
    assert httpx.get(f"{server.url}/health", timeout=60).json()["status"] in ("healthy", "degraded")
    assert "request failed" not in server.log.read_text()

"""The API does what its OpenAPI document says: schemathesis with every check on, against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from tests.service.conftest import TECH, Server
from tests.service.test_openapi import OPERATIONS

REQUESTS = int(os.environ.get("SOAK_REQUESTS", "500"))  # at least; 20,000 in ./run soak
EXAMPLES, SECONDS = (100, 240) if REQUESTS > 5000 else (10, 45)  # a run's: of each operation, and at most
MOST_GROWTH = 50 * 2**20
ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
hooks = "tests.service.schemathesis_hooks"

[checks]
positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 412, 413, 422]
negative_data_rejection.expected-statuses = [400, 404, 405, 409, 412, 413, 415, 422]
"""


def alert_of(server: Server) -> str:
    """The first alert of the books, awaited in the stream of events: the limits are checked every few seconds."""
    with httpx.stream("GET", f"{server.url}/events", params={"last_event_id": 0}, timeout=60) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:") and (event := json.loads(line[5:])).get("topic") == "portfolio.risk.alert":
                return str(event["payload"]["alert_id"])
    raise AssertionError("the stream ended without an alert")


def run(server: Server, folder: Path, seed: int, seconds: int) -> None:
    """One run over all phases: examples, boundary values, random and stateful requests."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    for row in httpx.get(f"{server.url}/portfolios", timeout=60).json()["portfolios"]:  # those of the run before
        httpx.delete(f"{server.url}/portfolios/{row['portfolio_id']}", timeout=60).raise_for_status()
    body = {"portfolio_name": "Fuzzed", "symbols": TECH}
    created = httpx.post(f"{server.url}/portfolios/with-symbols", json=body, timeout=60)
    ids = {"SCHEMATHESIS_PORTFOLIO": created.json()["portfolio_id"], "SCHEMATHESIS_ALERT": alert_of(server)}
    arguments = f"run {server.url}/openapi.json --checks all --seed {seed} --max-examples {EXAMPLES}"
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            *arguments.split(),
            *("--max-time", str(seconds), "--request-timeout", "60", "--no-color"),
        ],
        cwd=folder,
        env={**os.environ, **ids, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=seconds + 120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert f"{len(OPERATIONS)} selected / {len(OPERATIONS)} total" in done.stdout, done.stdout


def answers(server: Server) -> Counter[int]:
    """Requests by status, from the log."""
    records = (json.loads(line) for line in server.log.read_text().splitlines())
    return Counter(record["status"] for record in records if record["event"] in ("request", "slow request"))


@pytest.mark.slow
@pytest.mark.timeout(180 + REQUESTS)
def test_every_check(start: Callable[..., Server], tmp_path: Path) -> None:
    """Every check of every phase, no 5xx, and as much memory afterwards as before, whatever was sent."""
    server = start(MAX_PORTFOLIOS="40", LOG_FORMAT="json")
    process, began = psutil.Process(server.process.pid), 0
    for seed in range(20250824, 20250824 + 1000):
        run(server, tmp_path, seed, SECONDS)
        seen = answers(server)
        began = began or process.memory_info().rss  # after the first run everything is loaded
        if sum(seen.values()) >= REQUESTS:
            break
    assert sum(seen.values()) >= REQUESTS
    assert not [status for status in seen if status >= 500], seen
    assert process.memory_info().rss - began < MOST_GROWTH
    assert httpx.get(f"{server.url}/health", timeout=60).json()["status"] in ("healthy", "degraded")
    assert "request failed" not in server.log.read_text()
    server.assert_books_verify()

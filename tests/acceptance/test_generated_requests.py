"""Generated requests of all operations, right and wrong ones: never a 5xx but an honest 503, and memory stays flat.

SOAK_REQUESTS says how many at least; `./run soak` asks for 20,000.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from bench.served import Served
from tests.service.conftest import TECH
from tests.service.test_openapi import OPERATIONS

ROOT = Path(__file__).resolve().parents[2]
REQUESTS = int(os.environ.get("SOAK_REQUESTS", "150"))
# An overloaded or waiting service may say so; every other 5xx is our mistake.
CONFIG = (
    'hooks = "tests.service.schemathesis_hooks"\n[checks]\nnot_a_server_error.expected-statuses = ["2xx", "4xx", 503]\n'
)


def generate(url: str, folder: Path, examples: int, seed: int) -> int:
    """One run of schemathesis with so many examples of each operation; how many requests it made."""
    body = {"portfolio_name": "Fuzzed", "symbols": TECH}
    portfolio_id = httpx.post(f"{url}/portfolios/with-symbols", json=body, timeout=60).json()["portfolio_id"]
    seeds = {"SCHEMATHESIS_PORTFOLIO": portfolio_id, "SCHEMATHESIS_ALERT": "alert_000000000000"}
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{url}/openapi.json"]
    command += ["--checks", "not_a_server_error", "--phases", "fuzzing", "--mode", "all", "--no-color"]
    command += ["--max-examples", str(examples), "--seed", str(seed), "--request-timeout", "60"]
    command += ["--exclude-path", "/events"]  # endless; tests of its own
    run = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **seeds, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    made = re.search(r"(\d+) generated", run.stdout)
    assert made, run.stdout[-2000:]
    return int(made[1])


@pytest.mark.slow
@pytest.mark.timeout(7200 if REQUESTS > 2000 else 300)
def test_no_generated_request_gives_a_5xx_or_makes_memory_grow(tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    with Served(tmp_path / "service", MAX_PORTFOLIOS="1000000") as service:
        made = generate(service.url, tmp_path, 3, seed=1)  # fills what is filled once
        before = service.memory_mib()
        seed = 2
        while made < REQUESTS:
            made += generate(service.url, tmp_path, min(200, 1 + REQUESTS // len(OPERATIONS)), seed)
            seed += 1
        grown = service.memory_mib() - before
        assert service.get("/health")["status"] in ("healthy", "degraded")
        assert "request failed" not in service.log.read_text()
        assert service.stop()[0] == 0
    print(f"{made} requests, memory {grown:+.1f} MiB")
    assert grown < 50

"""The rows that a part of the test suite holds: run as it is, or longer by its own environment variables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from bench.promises import ROOT
from bench.soak.result import Result


@dataclass(frozen=True)
class Suite:
    """Test files, and what makes them long."""

    row: int
    promise: str
    tests: tuple[str, ...]
    longer: dict[str, str] = field(default_factory=dict)
    short: str = "the same"

    @property
    def command(self) -> str:
        given = "".join(f"{name}={value} " for name, value in self.longer.items())
        return f"{given}./run test {' '.join(self.tests)}"

    def run(self) -> Result:
        """Passed only when something ran and nothing failed or was skipped."""
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "7200", *self.tests],
            cwd=ROOT,
            env={**os.environ, **self.longer},
            capture_output=True,
            text=True,
            check=False,
        )
        counts = {what: int(n) for n, what in re.findall(r"(\d+) (passed|failed|error|skipped)", last(done.stdout))}
        took = time.perf_counter() - began
        said = ", ".join(f"{n} {what}" for what, n in counts.items()) or last(done.stdout) or "nothing ran"
        met = done.returncode == 0 and counts.get("passed", 0) > 0 and not counts.get("skipped")
        if not met:
            print(done.stdout[-4000:], done.stderr[-1000:], flush=True)
        return Result(self.row, self.promise, f"{said} in {took:.0f} s", met, self.command, self.short)


def last(text: str) -> str:
    """The last line."""
    return (text.strip().splitlines() or [""])[-1]


SUITES = (
    Suite(
        5,
        "the books balance to the cent after every step: 500 runs of 50 steps over all endpoints and restarts",
        ("tests/service/test_portfolio_machine.py",),
        {"MACHINE_RUNS": "500", "MACHINE_STEPS": "50"},
        "fewer runs, shorter ones",
    ),
    Suite(
        6,
        "weights are valid: sum and bounds to 1e-9, residuals to 1e-8, against an independent solver",
        (
            "tests/python/test_optimize_properties.py",
            "tests/python/test_qp_random.py",
            "tests/python/test_qp_solvers.py",
        ),
    ),
    Suite(
        7,
        "bad input never gives 5xx: 20,000 generated requests and the nasty list, memory flat",
        ("tests/service/test_schemathesis.py", "tests/service/test_nasty.py"),
        {"SOAK_REQUESTS": "20000"},
        "500 requests and the list",
    ),
    Suite(8, "OpenAPI is truthful", ("tests/service/test_schemathesis.py", "tests/service/test_openapi.py")),
    Suite(
        9,
        "the documented programs and curl lines run unmodified",
        ("tests/service/test_contract_programs.py", "tests/acceptance/test_topology.py"),
    ),
    Suite(
        13,
        "market-data faults: no 5xx, stale flag, last good value kept, breaker opens and recovers",
        ("tests/service/test_market_faults.py", "tests/service/test_engine_provider.py"),
    ),
    Suite(
        14,
        "storage faults: 503, never a false 2xx, recovers by itself",
        ("tests/service/test_storage_faults.py", "tests/service/test_postgres_faults.py"),
    ),
    Suite(
        15,
        "corruption is detected: one byte flipped in 100 places",
        ("tests/service/test_corruption.py",),
        {"CORRUPTION_PLACES": "100"},
        "20 places",
    ),
    Suite(
        19,
        "migrations up and down with data on SQLite and PostgreSQL",
        ("tests/service/test_migrations.py", "tests/service/test_cash_migration.py"),
    ),
    Suite(
        20,
        "scheduler: two simulated years, each rebalance once a period, none on a holiday, missed ones once",
        ("tests/service/test_schedule_years.py", "tests/service/test_schedule_decisions.py"),
    ),
    Suite(
        23,
        "closed by default: loopback, key in constant time, no CORS, Host checked, CSP on pages",
        ("tests/service/test_access.py", "tests/service/test_headers.py"),
    ),
    Suite(
        24,
        "determinism: the same data, seed and parameters give the same bits",
        ("tests/python/test_simulate.py", "tests/python/test_qp_batch.py"),
    ),
    Suite(
        25,
        "every change has actor, request id and hashes; the chain verifies by a command",
        ("tests/service/test_storage.py", "tests/service/test_db_cli.py"),
    ),
)


def suites(rows: Container[int]) -> Iterator[Result]:
    """Those of `rows`, one after the other."""
    for suite in SUITES:
        if suite.row in rows:
            yield suite.run()

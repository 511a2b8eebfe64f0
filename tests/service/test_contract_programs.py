"""The contract's two programs and every curl line, unmodified, on port 8900 that they have written in."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.data import market_data, needs_market_data
from tests.service.conftest import Server, start_market_data, start_server

pytestmark = pytest.mark.slow
PROGRAMS = Path(__file__).resolve().parents[1] / "contract"
DIGESTS = {
    "portfolio_manager.py": "e59c4592a776aea0907dce4292793fbac164465ac6c084fd860d00d5c0c126d0",
    "portfolio_analyzer.py": "df44fa7735029e38aeb33db2a20a9eca4ddabb400ec96a12ff5c28f54c18c1b2",
}
# The second program is printed without imports: it stands below the first one, whose imports it uses.
WITH_IMPORTS = (
    "import asyncio, aiohttp, runpy, sys; runpy.run_path(sys.argv[1], {'asyncio': asyncio, 'aiohttp': aiohttp})"
)
CURL_LINES = [
    "curl http://localhost:8900/metrics",
    "curl http://localhost:8900/health",
    "curl http://localhost:8900/portfolios",
    "curl http://localhost:8900/metrics | grep optimization_time",
    "curl http://localhost:8900/health | grep market_data",
    "curl http://localhost:8900/portfolios/{portfolio_id}",
    "curl http://localhost:8900/metrics | grep optimization_duration",
]


@pytest.fixture(scope="module", params=["simulated", "engine", pytest.param("files", marks=needs_market_data)])
def documented(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service on 8900, for one test run of this machine at a time."""
    with (Path(tempfile.gettempdir()) / "portfolio-tests-8900.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", 8900))
            except OSError:
                pytest.fail("port 8900 is taken: the contract's programs have it written in, stop what uses it")
        environment = {"PORT": "8900", "MARKET_DATA_PROVIDER": request.param, "LOG_FORMAT": "json"}
        if request.param == "files":
            environment["MARKET_DATA_DIR"] = str(market_data("prices"))
        with ExitStack() as stack:
            folder = tmp_path_factory.mktemp("documented")
            if request.param == "engine":  # two processes, as in the documented picture
                environment["MARKET_DATA_URL"] = stack.enter_context(start_market_data(folder)).url
            server = start_server(folder, **environment)
            yield server
            assert server.stop() == 0
            assert "Traceback" not in server.log.read_text()


def run_program(name: str, enough: Callable[[str], bool], stop: bool = False) -> str:
    """The program's output; with `stop` it gets Ctrl-C as soon as there is enough of it."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "default"}
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_IMPORTS, str(PROGRAMS / name)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    seen, deadline = "", time.monotonic() + 90
    try:
        for line in process.stdout:
            seen += line
            if stop and enough(seen):
                process.send_signal(signal.SIGINT)
                stop = False
            assert time.monotonic() < deadline, seen
        process.wait(30)
    finally:
        process.kill()
        process.stdout.close()
    assert enough(seen), seen
    return seen


@pytest.mark.parametrize("name", DIGESTS)
def test_the_programs_are_the_contracts_own(name: str) -> None:
    assert hashlib.sha256((PROGRAMS / name).read_bytes()).hexdigest() == DIGESTS[name]


def test_portfolio_manager(documented: Server) -> None:
    def enough(seen: str) -> bool:
        return len(re.findall(r"^\w+: \$[\d,.]+ \([\d.]+%\) P&L: \$", seen, re.MULTILINE)) >= 2

    seen = run_program("portfolio_manager.py", enough, stop=True)
    created = re.search(r"Created portfolio: (port_[0-9a-f]{12})", seen)
    assert created, seen
    assert re.search(r"Optimization completed in \d+\.\dms", seen)
    assert re.search(r"Rebalanced with [1-9]\d* trades", seen)
    assert re.search(r"Total turnover: \$[\d,]+\.\d\d", seen)
    assert "Error" not in seen.partition("KeyboardInterrupt")[0].replace("CancelledError", ""), seen
    details = httpx.get(f"{documented.url}/portfolios/{created[1]}", timeout=60).json()
    shown = re.search(r"Total Value: \$([\d,.]+)", seen)
    assert shown
    assert float(shown[1].replace(",", "")) == pytest.approx(details["total_value"], rel=0.05)
    assert details["last_rebalanced"].endswith("Z")
    assert details["performance_basis"].startswith("current_holdings_1y")
    assert details["performance_metrics"]["volatility"] > 0
    for symbol, target in details["target_weights"].items():
        weight = details["positions"].get(symbol, {"weight": 0.0})["weight"]
        assert weight == pytest.approx(target, abs=0.03)


def test_portfolio_analyzer(documented: Server) -> None:
    seen = run_program("portfolio_analyzer.py", lambda text: "Best Sharpe:" in text)
    for method in ("mean_variance", "max_sharpe", "min_variance", "risk_parity"):
        assert re.search(rf"^{method}: Expected Return -?[\d.]+%, Risk [\d.]+%, Sharpe -?[\d.]+$", seen, re.MULTILINE)
        assert re.search(rf"^{method} +-?[\d.]+% +[\d.]+% +-?[\d.]+ +-[\d.]+%$", seen, re.MULTILINE), seen
    assert re.search(r"^Best Return: \w+ \(-?[\d.]+%\)$", seen, re.MULTILINE)


@pytest.mark.parametrize("documented", ["simulated"], indirect=True)
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
@pytest.mark.parametrize("line", CURL_LINES)
def test_curl_line(documented: Server, line: str) -> None:
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    if "{portfolio_id}" in line:
        assert '"code":"portfolio_not_found"' in done.stdout


@pytest.mark.parametrize("documented", ["simulated"], indirect=True)
@pytest.mark.parametrize("word", ["METAL_ACCELERATION", "market_value"])
def test_log_word(documented: Server, word: str) -> None:
    httpx.post(
        f"{documented.url}/portfolios/with-symbols", json={"portfolio_name": "Log", "symbols": ["AAPL"]}, timeout=60
    ).raise_for_status()
    deadline = time.monotonic() + 30
    while word not in documented.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)

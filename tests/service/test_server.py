"""The real process: starts fast, says where, refuses clearly, stops cleanly, never writes a secret."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.conftest import TECH, Server, start_server

pytestmark = pytest.mark.slow  # real processes, started and stopped


def run_module(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "portfolio_service"],
        env={**inherited, "DATA_DIR": str(folder), "MARKET_DATA_PROVIDER": "simulated", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_cleanly(tmp_path: Path, number: int) -> None:
    server = start_server(tmp_path)
    body = {"portfolio_name": "Kept", "symbols": TECH}
    created = httpx.post(f"{server.url}/portfolios/with-symbols", json=body, timeout=60).json()
    assert server.stop(number) == 0
    assert "Traceback" not in server.log.read_text()
    again = start_server(tmp_path)
    listed = httpx.get(f"{again.url}/portfolios", timeout=60).json()
    assert [row["portfolio_id"] for row in listed["portfolios"]] == [created["portfolio_id"]]
    assert again.stop() == 0


ENDLESS = {"weights": dict.fromkeys(TECH, 0.2), "scenarios": 1_000_000, "horizon_days": 900}


def computing(server: Server) -> float:
    """Computations that run."""
    text = httpx.get(f"{server.url}/metrics/prometheus", timeout=30).text
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith("portfolio_worker_running "))


def until_nothing_computes(server: Server) -> float:
    """Seconds until the worker threads are free."""
    began = time.monotonic()
    while computing(server):
        assert time.monotonic() - began < 10, "the computation goes on without anybody waiting for it"
        time.sleep(0.05)
    return time.monotonic() - began


def test_an_endless_computation_does_not_hold_up_the_end(tmp_path: Path) -> None:
    server = start_server(tmp_path, OPTIMIZATION_TIMEOUT="0.2")
    answer = httpx.post(f"{server.url}/simulate", json=ENDLESS, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (504, "optimization_timeout")
    until_nothing_computes(server)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 5
    assert "Traceback" not in server.log.read_text()


def test_a_client_that_hangs_up_ends_its_computation(tmp_path: Path) -> None:
    server = start_server(tmp_path)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/simulate", json=ENDLESS, timeout=1.0)
    until_nothing_computes(server)
    assert server.stop() == 0
    log = server.log.read_text()
    assert re.search(r"\b503\b", log)
    assert "Traceback" not in log


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_module(tmp_path, PORT=str(port))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"portfolio-engine: port {port} on 127.0.0.1 is taken")
    assert "Traceback" not in done.stderr


def test_a_wrong_value_is_one_line(tmp_path: Path) -> None:
    done = run_module(tmp_path, MAX_PORTFOLIOS="many")
    assert done.returncode == 1
    assert done.stderr == ("portfolio-engine: MAX_PORTFOLIOS: expected a whole number from 1 to 1000000, got 'many'\n")


def test_books_in_use_are_one_line(server: Server, tmp_path: Path) -> None:
    folder = server.log.parent / "data"
    done = run_module(folder, PORT="0")
    assert done.returncode == 1
    assert "another process already keeps its books in" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_bad_price_file_is_one_line(tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text("date,AAPL\n2024-01-02,-1\n2024-01-03,2\n")
    done = run_module(tmp_path / "data", PORT="0", MARKET_DATA_PROVIDER="files", MARKET_DATA_DIR=str(prices))
    assert done.returncode == 1
    assert "prices.csv" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_is_written_and_every_line_is_of_one_form(start: Callable[..., Server], form: str) -> None:
    key = "correct-horse-battery"
    server = start(API_KEY=key, LOG_FORMAT=form, LOG_LEVEL="debug")
    headers = {"Authorization": f"Bearer {key}", "X-Request-ID": "trace-me"}
    assert httpx.get(f"{server.url}/portfolios", headers=headers, timeout=60).status_code == 200
    assert httpx.get(f"{server.url}/portfolios?api_key={key}", timeout=60).status_code == 401
    server.stop()
    written = server.log.read_text()
    assert key not in written
    assert "trace-me" in written
    if form == "json":
        records: list[dict[str, Any]] = [json.loads(line) for line in written.splitlines()]
        assert all({"event", "level", "timestamp"} <= set(record) for record in records)
        assert any(record["event"] == "METAL_ACCELERATION" and record["active"] is False for record in records)
        assert all(record["timestamp"].endswith("Z") for record in records)


@pytest.mark.slow
def test_uvicorn_factory(tmp_path: Path) -> None:
    """The ordinary way: the application wires itself in its lifespan."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = ["--factory", "portfolio_service.app:create_app", "--port", str(port), "--log-level", "warning"]
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "MARKET_DATA_PROVIDER": "simulated"}
    process = subprocess.Popen([sys.executable, "-m", "uvicorn", *arguments], env=environment, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/health", timeout=60).json()["status"] == "healthy"
                break
            except httpx.ConnectError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, written = process.communicate(timeout=30)
        assert b"Traceback" not in written
    finally:
        process.kill()
        process.wait()

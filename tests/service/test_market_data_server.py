"""`portfolio-engine market-data serve`: the documented calls, closed by default, one line when it cannot start."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from portfolio_service.adapters.market_data.files import FilesMarketData
from portfolio_service.adapters.market_data.simulated import SimulatedMarket
from portfolio_service.cli.run import run
from portfolio_service.listener import listen
from tests.service.conftest import start_market_data
from tests.service.fakes import START, ManualClock
from tests.service.market_support import ServerThread

SNAPSHOT = {
    "last_trade": {"price", "size", "timestamp"},
    "quote": {"bid", "ask", "bid_size", "ask_size"},
    "daily_stats": {"open", "high", "low", "volume"},
}


@pytest.fixture
def http(clock: ManualClock) -> Iterator[httpx.Client]:
    with ServerThread(SimulatedMarket(clock)) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def test_a_snapshot_has_the_documented_shape(http: httpx.Client, clock: ManualClock) -> None:
    found = http.post("/symbols/aapl/snapshot").json()
    assert set(found) == {"symbol", "timestamp", "snapshot"}
    assert found["symbol"] == "AAPL"
    assert found["timestamp"] == START.isoformat().replace("+00:00", "Z")
    assert {part: set(values) for part, values in found["snapshot"].items()} == SNAPSHOT
    price = asyncio.run(SimulatedMarket(clock).get_multiple_prices(["AAPL"]))["AAPL"].price
    assert found["snapshot"]["last_trade"]["price"] == float(price)
    day = found["snapshot"]["daily_stats"]
    assert day["low"] <= found["snapshot"]["last_trade"]["price"] <= day["high"]


def test_bars_have_the_documented_shape(http: httpx.Client, clock: ManualClock) -> None:
    found = http.get("/data/AAPL", params={"data_type": "bar", "limit": 3}).json()
    assert set(found) == {"symbol", "data_type", "data", "count"}
    assert (found["symbol"], found["data_type"], found["count"]) == ("AAPL", "bar", 3)
    assert [row["timestamp"] for row in found["data"]] == [f"2025-08-{day}T20:00:00Z" for day in (20, 21, 22)]
    for row in found["data"]:
        assert set(row) == {"timestamp", "data_type", "source", "data", "latency_ms"}
        assert row["source"] == "simulated"
        assert set(row["data"]) == {"open", "high", "low", "close", "volume"}
    closes = asyncio.run(SimulatedMarket(clock).get_histories(["AAPL"], 3))
    assert [row["data"]["close"] for row in found["data"]] == closes["AAPL"].tolist()


def test_health(http: httpx.Client) -> None:
    assert http.get("/health").json() == {"status": "healthy", "source": "simulated", "symbols": 158}


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("POST", "/symbols/NOSUCH/snapshot", 404, "'NOSUCH' is unknown to the source 'simulated'; it knows 158"),
        ("GET", "/data/NOSUCH?data_type=bar&limit=3", 404, "unknown"),
        ("GET", "/data/AAPL?data_type=tick&limit=3", 422, "'bar'"),
        ("GET", "/data/AAPL?data_type=bar&limit=0", 422, "greater than or equal to 1"),
        ("GET", "/data/AAPL?data_type=bar&limit=1000000", 422, "less than or equal to 10000"),
        ("GET", "/data/AAPL?data_type=bar&limit=all", 422, "integer"),
        ("POST", "/symbols/" + "A" * 40 + "/snapshot", 422, "32"),
        ("GET", "/symbols/AAPL/snapshot", 405, "Method Not Allowed"),
        ("GET", "/nothing", 404, "Not Found"),
    ],
)
def test_errors_say_what_is_wrong(http: httpx.Client, method: str, path: str, status: int, word: str) -> None:
    response = http.request(method, path)
    assert response.status_code == status
    assert word in response.text


def test_another_host_and_large_bodies_are_refused(http: httpx.Client) -> None:
    assert http.get("/health", headers={"Host": "evil.example"}).json()["code"] == "host_not_allowed"
    assert http.post("/symbols/AAPL/snapshot", content=b"x" * 2_000_000).status_code == 413


def test_a_file_ends_at_its_last_date(tmp_path: Path) -> None:
    (tmp_path / "adj_close.csv").write_text("date,AAA,GONE\n2026-03-10,100,5\n2026-03-11,101,\n2026-03-12,102,\n")
    clock = ManualClock()
    clock.advance(400 * 86400)
    with ServerThread(FilesMarketData(tmp_path, clock)) as server, httpx.Client(base_url=server.url) as http:
        found = http.post("/symbols/AAA/snapshot").json()
        assert found["timestamp"] == "2026-03-12T20:00:00Z"
        assert found["snapshot"]["last_trade"]["price"] == 102.0
        gone = http.post("/symbols/GONE/snapshot").json()
        assert (gone["timestamp"], gone["snapshot"]["daily_stats"]["open"]) == ("2026-03-10T20:00:00Z", 5.0)
        assert http.get("/data/GONE?data_type=bar&limit=9").json()["count"] == 1
        assert http.get("/health").json()["symbols"] == 2


def test_answers_on_a_kept_connection_do_not_wait_for_nagle() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.slow
def test_the_command_serves_and_stops(tmp_path: Path) -> None:
    with start_market_data(tmp_path) as server:
        for name in ("localhost", "marketdata", "market-data:8800"):  # the last two as a compose file may call it
            answer = httpx.get(f"{server.url}/health", headers={"Host": name}, timeout=60)
            assert answer.json()["source"] == "simulated"
        assert server.stop() == 0
        assert server.log.read_text() == ""


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (["--host", "0.0.0.0"], 2, "error: --host: expected a loopback address such as 127.0.0.1, or ALLOW_UNAUTH"),
        (["--host", "192.0.2.1"], 2, "error: --host: expected a loopback address"),
        (["--source", "files"], 2, "error: --prices: expected a CSV or Parquet file"),
        (["--source", "simulated", "--prices", "x.csv"], 2, "error: --source: expected files beside --prices x.csv"),
        (["--prices", "nowhere.csv"], 2, "error: nowhere.csv: no such file"),
        (["--source", "yahoo"], 2, "error: Invalid value for '--source'"),
    ],
)
def test_what_cannot_start_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: list[str], code: int, line: str
) -> None:
    monkeypatch.delenv("ALLOW_UNAUTHENTICATED", raising=False)
    assert run(["market-data", "serve", *options]) == code
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(line)


def test_a_taken_port_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["market-data", "serve", "--port", str(port)]) == 1
    assert capsys.readouterr().err == (
        f"portfolio-engine: port {port} on 127.0.0.1 is taken; stop what uses it, or choose another with --port\n"
    )

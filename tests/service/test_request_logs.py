"""What the log says of a request: its id on every line down to the kernels, where time went, which keys were tried."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from portfolio_service.domain.spans import collecting, spent, timed
from tests.service.conftest import TECH, Server, create_tech

KEY = "correct-horse-battery"


async def test_a_slow_request_says_where_its_time_went(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await create_tech(client)
    monkeypatch.setattr("portfolio_service.api.middleware.SLOW_S", 0.0)
    with capture_logs() as written:
        await client.post(f"/portfolios/{portfolio_id}/optimize", json={})
        await client.get("/events?follow=false")
        await client.get("/nothing")
    slow = [record for record in written if record["event"] == "slow request"]
    assert [record["route"] for record in slow] == ["/portfolios/{portfolio_id}/optimize", "/nothing"]
    assert all(record["log_level"] == "warning" for record in slow)
    first = slow[0]
    assert (first["method"], first["status"]) == ("POST", 200)
    assert 0 < first["queue_ms"] < first["ms"]
    assert 0 < first["database_ms"] < first["ms"]
    assert slow[1]["queue_ms"] == slow[1]["database_ms"] == 0


async def test_an_ordinary_request_is_one_line(client: httpx.AsyncClient) -> None:
    with capture_logs() as written:
        await client.get("/health/live")
    (record,) = written
    assert (record["event"], record["log_level"], record["status"]) == ("request", "info", 200)


def test_time_is_added_to_its_own_request_only() -> None:
    spent("queue", 1.0)
    with collecting() as outer:
        spent("queue", 1.0)
        with collecting() as inner, timed("database"):
            spent("queue", 2.0)
        spent("queue", 0.5)
    assert outer == {"queue": 1.5}
    assert inner["queue"] == 2.0
    assert inner["database"] >= 0


def test_a_warning_of_a_library_is_a_record_too() -> None:
    program = (
        "import warnings; from portfolio_service.config import Settings; from portfolio_service.logs import configure;"
        "configure(Settings(log_format='json')); warnings.warn('soon gone', UserWarning)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    (record,) = map(json.loads, done.stderr.splitlines())
    assert record["level"] == "warning"
    assert "UserWarning: soon gone" in record["event"]


@pytest.mark.slow
def test_the_request_id_reaches_kernels_and_audit_and_tried_keys_are_told(start: Callable[..., Server]) -> None:
    server = start(API_KEY=KEY, LOG_FORMAT="json", LOG_LEVEL="debug")
    headers = {"X-API-Key": KEY}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
        body = {"portfolio_name": "P", "symbols": TECH}
        created = client.post("/portfolios/with-symbols", json=body, headers={"X-Request-ID": "made-1"}).json()
        path = f"/portfolios/{created['portfolio_id']}/optimize"
        assert client.post(path, json={}, headers={"X-Request-ID": "trace-1"}).status_code == 200
        for k in range(12):
            wrong = (
                {"X-API-Key": f"wrong-{k}-secret", "Authorization": ""} if k % 2 else {"X-API-Key": f"bad-{k}-secret"}
            )
            assert client.get("/portfolios", headers=wrong).status_code == 401
    assert httpx.get(f"{server.url}/portfolios", timeout=60).status_code == 401  # no key is no try
    assert server.stop() == 0
    text = server.log.read_text()
    records: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    kernels = [record for record in records if record["event"] == "kernel" and record.get("request_id") == "trace-1"]
    assert {"covariance", "solve_qp"} <= {record["kernel"] for record in kernels}
    for record in kernels:
        assert record["device"] == "cpu"
        assert record["ms"] > 0
        assert record["size"]
    tried = [record for record in records if record["event"] == "wrong API key"]
    assert [(record["times"], record["client"]) for record in tried] == [(1, "127.0.0.1"), (10, "127.0.0.1")]
    assert KEY not in text
    assert "-secret" not in text
    with closing(sqlite3.connect(server.log.parent / "data" / "portfolio.db")) as connection:
        found = connection.execute("SELECT action, actor, request_id FROM audit ORDER BY audit_id").fetchall()
    assert found == [("portfolio.create", "api", "made-1"), ("portfolio.optimize", "api", "trace-1")]

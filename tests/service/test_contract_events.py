"""The six documented topics arrive on the bus in the documented envelope."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from portfolio_service.domain import events
from tests.service.conftest import TECH, create_tech

PAYLOADS = {
    "portfolio.created": {"portfolio_name", "initial_value", "symbols"},
    "portfolio.optimized": {
        "optimization_method",
        "expected_return",
        "expected_risk",
        "sharpe_ratio",
        "target_weights",
        "optimization_id",
    },
    "portfolio.rebalanced": {"trades_executed", "total_turnover", "execution_cost", "reason"},
    "portfolio.position.updated": {"positions", "total_value"},
}


def outbox(folder: Path) -> list[dict[str, Any]]:
    database = sqlite3.connect(f"file:{folder / 'portfolio.db'}?mode=ro", uri=True)
    try:
        rows = database.execute("select topic, payload from outbox order by message_id").fetchall()
    finally:
        database.close()
    return [{"topic": topic, "payload": json.loads(payload)} for topic, payload in rows]


def test_names() -> None:
    documented = {*PAYLOADS, "portfolio.performance.calculated", "portfolio.risk.alert"}
    assert set(events.TOPICS) == documented


async def test_topics(client: httpx.AsyncClient, tmp_path: Path) -> None:
    portfolio_id = await create_tech(client)
    await client.post(f"/portfolios/{portfolio_id}/optimize", json={"method": "min_variance"})
    await client.post(f"/portfolios/{portfolio_id}/rebalance", json={})
    position = {"positions": {"AAPL": {"quantity": 10, "avg_cost": 100.0}}}
    await client.post(f"/portfolios/{portfolio_id}/positions", json=position)
    sent = outbox(tmp_path)
    assert sent[0]["topic"] == "portfolio.created"
    for topic, keys in PAYLOADS.items():
        found = [event["payload"] for event in sent if event["topic"] == topic]
        assert found, topic
        assert {"portfolio_id", "timestamp", *keys} <= set(found[0])
        assert found[0]["portfolio_id"] == portfolio_id
        assert found[0]["timestamp"].endswith("Z")
    assert sent[0]["payload"]["symbols"] == TECH


@pytest.mark.parametrize("topic", ["portfolio.performance.calculated", "portfolio.risk.alert"])
def test_other_topics_are_built_as_documented(topic: str) -> None:
    assert topic in events.TOPICS

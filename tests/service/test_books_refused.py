"""Books that another process keeps, or that were damaged, are not served; kills: tests/acceptance/test_kills.py."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import httpx
import pytest

from tests.service.conftest import start_server

SYMBOLS = ["AAPL", "GOOGL", "MSFT"]


@pytest.mark.slow
async def test_books_in_use_or_damaged_are_not_served_and_it_says_why(tmp_path: Path) -> None:
    first = start_server(tmp_path)
    try:
        async with httpx.AsyncClient(base_url=first.url, timeout=30) as http:
            body = {"portfolio_name": "P", "symbols": SYMBOLS, "initial_value": 10000}
            portfolio_id = (await http.post("/portfolios/with-symbols", json=body)).json()["portfolio_id"]
        with pytest.raises(AssertionError, match="another process already keeps its books"):
            start_server(tmp_path)
    finally:
        assert first.stop() == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "portfolio.db")) as connection, connection:
        connection.execute("UPDATE positions SET quantity = quantity + 1 WHERE symbol = 'AAPL'")
    with pytest.raises(AssertionError, match=f"{portfolio_id}: position AAPL is") as refusal:
        start_server(tmp_path)
    assert "Traceback" not in str(refusal.value)

"""The documented tables and columns exist in the database that the service writes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import httpx

from tests.service.conftest import create_tech

DOCUMENTED = {
    "portfolios": "portfolio_id portfolio_name total_value cash_balance optimization_method rebalance_frequency "
    "created_at last_rebalanced",
    "positions": "position_id portfolio_id symbol quantity avg_cost market_value weight last_updated",
    "optimizations": "optimization_id portfolio_id method target_weights expected_return expected_risk sharpe_ratio "
    "created_at",
    "performance_history": "history_id portfolio_id calculation_date total_return annualized_return volatility "
    "sharpe_ratio max_drawdown alpha beta var_95",
}


async def test_documented_columns(client: httpx.AsyncClient, tmp_path: Path) -> None:
    portfolio_id = await create_tech(client)
    await client.post(f"/portfolios/{portfolio_id}/optimize", json={"method": "min_variance"})
    with sqlite3.connect(f"file:{tmp_path / 'portfolio.db'}?mode=ro", uri=True) as database:
        for table, columns in DOCUMENTED.items():
            found = {row[1] for row in database.execute(f"pragma table_info({table})")}
            assert set(columns.split()) <= found, table
        count = database.execute("select count(*) from positions where portfolio_id = ?", [portfolio_id]).fetchone()
        method = database.execute("select method from optimizations").fetchall()
    database.close()
    assert count == (5,)
    assert method == [("min_variance",)]

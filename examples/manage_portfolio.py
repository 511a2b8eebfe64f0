"""Create, optimise, rebalance and watch a portfolio over the REST API.

Start the service with `./run` (or `portfolio-engine serve`), then: python examples/manage_portfolio.py --watch 3
Needs: pip install httpx. PORTFOLIO_URL and PORTFOLIO_API_KEY are honoured.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any

import httpx

TECH = ["AAPL", "GOOGL", "MSFT", "NVDA", "TSLA"]


def connect() -> httpx.AsyncClient:
    """A client of the service; answers other than 2xx raise with what the service said."""

    async def explain(response: httpx.Response) -> None:
        if response.is_error:
            await response.aread()
            raise SystemExit(f"{response.request.method} {response.request.url.path}: {response.text}")

    key = os.environ.get("PORTFOLIO_API_KEY")
    return httpx.AsyncClient(
        base_url=os.environ.get("PORTFOLIO_URL", "http://localhost:8900"),
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=60,
        event_hooks={"response": [explain]},
    )


async def call(client: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return (await client.request(method, path, json=body)).json()


async def open_portfolio(client: httpx.AsyncClient, symbols: list[str], value: float) -> str:
    """A new portfolio of equal parts with 10 % in cash; returns its id."""
    created = await call(
        client,
        "POST",
        "/portfolios/with-symbols",
        {
            "portfolio_name": "Tech Focus Portfolio",
            "symbols": symbols,
            "initial_value": value,
            "cash_balance": value / 10,
            "optimization_method": "mean_variance",
            "rebalance_frequency": "weekly",
        },
    )
    print(f"opened {created['portfolio_id']} with {value:,.0f} in {len(created['positions'])} positions and cash")
    return str(created["portfolio_id"])


async def move_to_target(client: httpx.AsyncClient, portfolio_id: str, cap: float) -> None:
    """The portfolio with the best Sharpe ratio, no position above `cap`, traded at once."""
    answer = await call(
        client,
        "POST",
        f"/portfolios/{portfolio_id}/optimize",
        {"method": "max_sharpe", "constraints": {"max_position_weight": cap}},
    )
    print(
        f"optimised in {answer['optimization_time_ms']:.1f} ms: return {answer['expected_return']:.1%}, "
        f"risk {answer['expected_risk']:.1%}, Sharpe ratio {answer['sharpe_ratio']:.2f}"
    )
    done = await call(client, "POST", f"/portfolios/{portfolio_id}/rebalance", {})  # to the stored target
    for trade in done["trades"]:
        print(f"  {trade['side']:>4} {trade['quantity']:>14.4f} {trade['symbol']:<6} at {trade['price']:>10,.2f}")
    print(
        f"{done['trades_executed']} trades, turnover {done['total_turnover']:,.2f}, cost {done['execution_cost']:.2f}"
    )


async def watch(client: httpx.AsyncClient, portfolio_id: str, times: int, every: float) -> None:
    """Value, metrics and positions, a few times."""
    for turn in range(times):
        if turn:
            await asyncio.sleep(every)
        book = await call(client, "GET", f"/portfolios/{portfolio_id}")
        metrics = book["performance_metrics"]
        print(
            f"\nvalue {book['total_value']:,.2f}, cash {book['cash_balance']:,.2f}; "
            f"last year {metrics['total_return']:.1%}, volatility {metrics['volatility']:.1%}, "
            f"worst drawdown {metrics['max_drawdown']:.1%}"
        )
        for symbol, position in book["positions"].items():
            print(
                f"  {symbol:<6}{position['weight']:>8.1%}{position['market_value']:>14,.2f}"
                f"   unrealised {position['unrealized_pnl']:>+10,.2f}"
            )


async def correct_drift(client: httpx.AsyncClient, portfolio_id: str, band: float) -> None:
    """Trades back to the target where a weight is more than `band` away; a dry run shows whether any is."""
    body = {"rebalance_threshold": band}
    plan = await call(client, "POST", f"/portfolios/{portfolio_id}/rebalance", {**body, "dry_run": True})
    if not plan["trades"]:
        print(f"\nevery weight is within {band:.0%} of its target")
        return
    done = await call(client, "POST", f"/portfolios/{portfolio_id}/rebalance", body)
    print(f"\nbrought {done['trades_executed']} weights back, cost {done['execution_cost']:.2f}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--symbols", default=",".join(TECH))
    parser.add_argument("--value", type=float, default=500_000)
    parser.add_argument("--cap", type=float, default=0.35, help="largest weight of a position")
    parser.add_argument("--watch", type=int, default=1, help="number of looks at the portfolio")
    parser.add_argument("--every", type=float, default=30, help="seconds between them")
    given = parser.parse_args()
    async with connect() as client:
        portfolio_id = await open_portfolio(client, given.symbols.split(","), given.value)
        await move_to_target(client, portfolio_id, given.cap)
        await watch(client, portfolio_id, given.watch, given.every)
        await correct_drift(client, portfolio_id, 0.03)


if __name__ == "__main__":
    asyncio.run(main())

"""One portfolio per optimisation method, side by side, over the REST API.

Start the service with `./run`, then: python examples/compare_methods.py
Needs: pip install httpx. PORTFOLIO_URL and PORTFOLIO_API_KEY are honoured.
"""

from __future__ import annotations

import os
from typing import Any

import httpx

SYMBOLS = ["AAPL", "GOOGL", "MSFT", "AMZN", "TSLA", "NVDA", "META"]
METHODS = ["mean_variance", "max_sharpe", "min_variance", "risk_parity", "black_litterman"]


def post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = client.post(path, json=body)
    if response.is_error:
        raise SystemExit(f"POST {path}: {response.text}")
    answer: dict[str, Any] = response.json()
    return answer


def build(client: httpx.Client, method: str) -> tuple[str, dict[str, Any]]:
    """A portfolio that follows `method`; its id and what the optimisation expects."""
    name = method.replace("_", " ").title()
    body = {"portfolio_name": name, "symbols": SYMBOLS, "initial_value": 100_000, "optimization_method": method}
    portfolio_id = post(client, "/portfolios/with-symbols", body)["portfolio_id"]
    expected = post(client, f"/portfolios/{portfolio_id}/optimize", {"method": method})
    post(client, f"/portfolios/{portfolio_id}/rebalance", {"target_weights": expected["target_weights"]})
    return portfolio_id, expected


def main() -> None:
    key = os.environ.get("PORTFOLIO_API_KEY")
    with httpx.Client(
        base_url=os.environ.get("PORTFOLIO_URL", "http://localhost:8900"),
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=60,
    ) as client:
        print(f"{'':<16}{'expected, three years':^24}{'these weights, last year':^36}")
        print(
            f"{'method':<16}{'return':>8}{'risk':>8}{'Sharpe':>8}{'return':>12}{'risk':>8}{'Sharpe':>8}{'drawdown':>10}"
        )
        seen: dict[str, dict[str, float]] = {}
        for method in METHODS:
            portfolio_id, expected = build(client, method)
            metrics = client.get(f"/portfolios/{portfolio_id}").raise_for_status().json()["performance_metrics"]
            seen[method] = metrics
            print(
                f"{method:<16}{expected['expected_return']:>8.1%}{expected['expected_risk']:>8.1%}"
                f"{expected['sharpe_ratio']:>8.2f}{metrics['total_return']:>12.1%}{metrics['volatility']:>8.1%}"
                f"{metrics['sharpe_ratio']:>8.2f}{metrics['max_drawdown']:>10.1%}"
            )
        for measure in ("total_return", "sharpe_ratio"):
            best = max(seen, key=lambda method: seen[method][measure])
            print(f"best {measure.replace('_', ' ')}: {best} ({seen[best][measure]:.3f})")


if __name__ == "__main__":
    main()

"""The documented workflow, call by call; what each answers is kept for the tables and pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from portfolio_service.cli.showcase.service import Client

METHODS = (
    "mean_variance", "min_variance", "max_sharpe", "risk_parity", "black_litterman", "equal_weight",
    "inverse_volatility",
)  # fmt: skip
CAP = 0.25  # most of one position, so that no method holds a single name
VALUE = 500_000.0
VIEW: dict[str, Any] = {
    "assets": ["NVDA"],
    "return": 0.22,
    "confidence": 0.6,
}  # an opinion for Black-Litterman to blend in


@dataclass
class Story:
    """Answers of the service, in the order of the calls."""

    symbols: list[str]
    portfolio_id: str = ""
    created: dict[str, Any] = field(default_factory=dict)
    optimized: dict[str, dict[str, Any]] = field(default_factory=dict)
    rebalanced: dict[str, Any] = field(default_factory=dict)
    portfolio: dict[str, Any] = field(default_factory=dict)
    history: dict[str, Any] = field(default_factory=dict)
    frontier: dict[str, Any] = field(default_factory=dict)
    simulated: dict[str, Any] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)


def create(client: Client, story: Story) -> None:
    story.created = client.post(
        "/portfolios/with-symbols",
        {
            "portfolio_name": "Demo Portfolio",
            "symbols": story.symbols,
            "initial_value": VALUE,
            "cash_balance": VALUE / 10,
            "optimization_method": "max_sharpe",
            "rebalance_frequency": "monthly",
        },
    )
    story.portfolio_id = story.created["portfolio_id"]


def optimize(client: Client, story: Story, method: str) -> dict[str, Any]:
    body: dict[str, Any] = {"method": method, "constraints": {"max_position_weight": CAP}}
    if method == "black_litterman":
        body["views"] = [VIEW]
    answer: dict[str, Any] = client.post(f"/portfolios/{story.portfolio_id}/optimize", body)
    story.optimized[method] = answer
    return answer


def rebalance(client: Client, story: Story) -> None:
    """Trades to the portfolio of the highest Sharpe ratio."""
    weights = story.optimized["max_sharpe"]["target_weights"]
    story.rebalanced = client.post(f"/portfolios/{story.portfolio_id}/rebalance", {"target_weights": weights})


def report(client: Client, story: Story) -> None:
    """Live valuation, performance history and health."""
    story.portfolio = client.get(f"/portfolios/{story.portfolio_id}")
    story.history = client.get(f"/portfolios/{story.portfolio_id}/performance?period_days=365")
    story.health = client.get("/health")


def analyse(client: Client, story: Story) -> None:
    """Frontier and Monte Carlo of the same portfolio."""
    story.frontier = client.post(
        "/efficient-frontier",
        {"portfolio_id": story.portfolio_id, "points": 50, "constraints": {"max_position_weight": CAP}},
    )
    story.simulated = client.post(
        "/simulate", {"portfolio_id": story.portfolio_id, "horizon_days": 252, "scenarios": 100_000, "seed": 7}
    )

"""The demo's tables: on the screen, and as CSV and JSON files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portfolio_service.cli import output
from portfolio_service.cli.commands.frontier import largest
from portfolio_service.cli.showcase.workflow import CAP, VIEW, Story

if TYPE_CHECKING:
    from portfolio_engine.backtest import Backtest


def show_methods(story: Story) -> None:
    rows = [
        [
            method,
            output.percent(answer["expected_return"], 1),
            output.percent(answer["expected_risk"], 1),
            output.ratio(answer["sharpe_ratio"]),
            f"{answer['optimization_time_ms']:.1f} ms",
            largest(answer["target_weights"]),
        ]
        for method, answer in story.optimized.items()
    ]
    columns = ["Method", "Return", "Risk", "Sharpe", "Time", "Largest weights"]
    caption = (
        f"at most {CAP:.0%} each; black_litterman with the view that {VIEW['assets'][0]} returns {VIEW['return']:.0%}"
    )
    output.table("Optimised by every method", columns, rows, caption)


def show_trades(story: Story) -> None:
    done = story.rebalanced
    rows = [
        [item["symbol"], item["side"], f"{item['quantity']:,.4f}", output.amount(item["price"]),
         output.amount(item["value"]), output.amount(item["cost"])]
        for item in done["trades"]
    ]  # fmt: skip
    caption = (
        f"{done['trades_executed']} trades, turnover {output.amount(done['total_turnover'])} "
        f"({done['rebalance_ratio']:.1%} of the portfolio), cost {output.amount(done['execution_cost'])}"
    )
    output.table("Rebalanced", ["Symbol", "Side", "Quantity", "Price", "Value", "Cost"], rows, caption)


def show_portfolio(story: Story) -> None:
    book = story.portfolio
    rows = [
        [symbol, f"{item['quantity']:,.4f}", output.amount(item["market_value"]), output.percent(item["weight"], 1),
         output.amount(item["unrealized_pnl"])]
        for symbol, item in book["positions"].items()
    ]  # fmt: skip
    metrics = book["performance_metrics"]
    caption = (
        f"value {output.amount(book['total_value'])}, cash {output.amount(book['cash_balance'])}; these weights over "
        f"the last year: return {metrics['total_return']:.1%}, volatility {metrics['volatility']:.1%}, Sharpe "
        f"{metrics['sharpe_ratio']:.2f}, drawdown {metrics['max_drawdown']:.1%}, "
        f"VaR 95 % {metrics['var_95']:,.0f} a day"
    )
    output.table("Live valuation", ["Symbol", "Quantity", "Value", "Weight", "Unrealised"], rows, caption)


def show_simulation(story: Story) -> None:
    answer = story.simulated
    rows = [[name, output.amount(value)] for name, value in answer["quantiles"].items()]
    caption = f"VaR 95 % {answer['var_95']:,.0f}, CVaR 95 % {answer['cvar_95']:,.0f} over a year, on {answer['device']}"
    output.table("Value in a year, 100,000 scenarios", ["Quantile", "Value"], rows, caption)


def show_backtests(tests: dict[str, Backtest]) -> None:
    rows = [
        [name, output.percent(test.performance.annualized_return, 1), output.percent(test.performance.volatility, 1),
         output.ratio(test.performance.sharpe_ratio), output.percent(test.performance.max_drawdown, 1),
         output.amount(test.total_cost), output.amount(float(test.values.iloc[-1]))]
        for name, test in tests.items()
    ]  # fmt: skip
    columns = ["Method", "Return", "Volatility", "Sharpe", "Drawdown", "Costs", "Final value"]
    first = next(iter(tests.values()))
    caption = f"{first.dates[0].date()} to {first.dates[-1].date()}, monthly, 10 basis points a trade, from 100,000"
    output.table("Walk-forward test", columns, rows, caption)


def write_files(folder: Path, story: Story, tests: dict[str, Backtest]) -> list[Path]:
    """Every table as CSV, everything the service answered as JSON; returns the paths."""
    methods = [
        {"method": method, **{key: answer[key] for key in _NUMBERS}, **answer["target_weights"]}
        for method, answer in story.optimized.items()
    ]
    points = [{**{k: p[k] for k in _NUMBERS[:3]}, **p["weights"]} for p in story.frontier["points"]]
    positions = [{"symbol": symbol, **item} for symbol, item in story.portfolio["positions"].items()]
    days = next(iter(tests.values())).dates
    values = [{"date": str(day.date()), **{name: t.values.loc[day] for name, t in tests.items()}} for day in days]
    tables = {
        "methods": methods,
        "trades": story.rebalanced["trades"],
        "positions": positions,
        "frontier": points,
        "performance": story.history["performance_history"],
        "backtest": values,
    }
    paths = [_csv(folder / f"{name}.csv", rows) for name, rows in tables.items()]
    summary = folder / "summary.json"
    measured = {name: test.performance.to_dict() for name, test in tests.items()}
    summary.write_text(json.dumps(output.plain({**vars(story), "backtests": measured}), indent=2), encoding="utf-8")
    return [*paths, summary]


_NUMBERS = ("expected_return", "expected_risk", "sharpe_ratio", "optimization_time_ms")


def _csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else ["empty"])
        writer.writeheader()
        writer.writerows(rows)
    return path

"""The demo, as a user runs it: a real service, every table and every picture."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portfolio_service.cli.showcase.workflow import CAP, METHODS

COMMAND = Path(sys.executable).parent / "portfolio-engine"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What it prints and its folder; settings of the user's own service must not reach it."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {**os.environ, "API_KEY": "key-of-another-service", "PORT": "1", "MAX_PORTFOLIOS": "1"}
    done = subprocess.run(
        [COMMAND, "demo", "--output", folder / "out", "--readme-image", folder / "images" / "demo.png"],
        capture_output=True,
        text=True,
        timeout=110,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout, folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
def test_every_table_and_picture_is_there(demo: tuple[str, Path]) -> None:
    printed, folder = demo
    titles = ("Optimised by every method", "Rebalanced", "Live valuation", "Value in a year", "Walk-forward test")
    assert all(title in printed for title in titles)
    for name in ("frontier", "weights", "backtest", "overview"):
        assert (folder / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "images" / "demo.png").read_bytes() == (folder / "out" / "overview.png").read_bytes()
    assert {row["method"] for row in rows(folder / "out" / "methods.csv")} == set(METHODS)
    assert len(rows(folder / "out" / "frontier.csv")) == 50


@pytest.mark.slow
def test_the_numbers_hang_together(demo: tuple[str, Path]) -> None:
    _, folder = demo
    story: dict[str, Any] = json.loads((folder / "out" / "summary.json").read_text())
    for method, answer in story["optimized"].items():
        weights = answer["target_weights"]
        assert sum(weights.values()) == pytest.approx(1, abs=1e-8)
        if method in {"mean_variance", "min_variance", "max_sharpe", "black_litterman"}:
            assert max(weights.values()) <= CAP + 1e-8
    risks = {method: answer["expected_risk"] for method, answer in story["optimized"].items()}
    ratios = {method: answer["sharpe_ratio"] for method, answer in story["optimized"].items()}
    assert risks["min_variance"] <= min(risks["mean_variance"], risks["max_sharpe"], risks["equal_weight"])
    assert ratios["max_sharpe"] >= max(ratios[m] for m in ("mean_variance", "min_variance", "equal_weight"))
    trades = rows(folder / "out" / "trades.csv")
    done = story["rebalanced"]
    assert len(trades) == done["trades_executed"]
    assert sum(float(trade["value"]) for trade in trades) == pytest.approx(done["total_turnover"], abs=0.01)
    book = story["portfolio"]
    held = sum(position["market_value"] for position in book["positions"].values())
    assert book["total_value"] == pytest.approx(
        held + book["cash_balance"] + book.get("unallocated_capital", 0), abs=0.01
    )
    assert story["simulated"]["cvar_95"] < story["simulated"]["var_95"] < 0

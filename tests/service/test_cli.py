"""The command line, called in this process: tables, JSON, pictures and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import Constraints, estimate_moments, optimize
from portfolio_service.cli.run import run

SYMBOLS = ["AAA", "BBB", "CCC", "DDD", "EEE"]


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 days of five made-up symbols as a CSV file."""
    rng = np.random.default_rng(11)
    days = pd.bdate_range("2022-01-03", periods=500, name="date")
    steps = 0.0005 + rng.standard_normal((500, 1)) * 0.007 + rng.standard_normal((500, 5)) * 0.01
    path = tmp_path_factory.mktemp("prices") / "prices.csv"
    pd.DataFrame(100 * np.exp(steps.cumsum(axis=0)), index=days, columns=SYMBOLS).to_csv(path)
    return path


class Out(tuple[int, str, str]):
    """Exit code, stdout, stderr."""

    code = property(lambda self: self[0])
    out = property(lambda self: self[1])
    err = property(lambda self: self[2])

    @property
    def json(self) -> Any:
        return json.loads(self[1], parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> Out:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Out((code, captured.out, captured.err))

    return call


def moments(path: Path, names: list[str] = SYMBOLS) -> Any:
    table = pd.read_csv(path, index_col="date", parse_dates=True)[names]
    return estimate_moments(table.pct_change().iloc[1:])


@pytest.mark.parametrize("method", ["mean_variance", "min_variance", "max_sharpe", "risk_parity", "black_litterman"])
def test_optimize_prints_what_the_library_computes(cli: Any, prices: Path, method: str) -> None:
    result = cli("optimize", prices, "-m", method, "--max-weight", 0.4 if method != "risk_parity" else 1, "--json")
    rules = Constraints(max_weight=0.4 if method != "risk_parity" else 1.0)
    expected = optimize(moments(prices), method, rules, risk_free_rate=0.02)
    assert result.code == 0
    assert result.err == ""
    assert result.json["weights"] == pytest.approx(expected.to_dict(), abs=1e-12)
    assert result.json["sharpe_ratio"] == pytest.approx(expected.sharpe_ratio)
    assert result.json["status"] == "optimal"


def test_optimize_table_names_the_held_and_counts_the_rest(cli: Any, prices: Path) -> None:
    result = cli("optimize", prices, "-m", "max_sharpe", "-s", "aaa, bbb,ccc")
    weights = optimize(moments(prices, SYMBOLS[:3]), "max_sharpe", risk_free_rate=0.02).to_dict()
    assert result.code == 0
    for name, weight in weights.items():
        row = next((line for line in result.out.splitlines() if line.startswith(f"{name} ")), None)
        assert row is None if weight == 0 else f"{weight:.2%}" in str(row)
    assert "499 daily returns, 2022-01-04 to 2023-12-01" in result.out
    assert "DDD" not in result.out


def test_constraints_reach_the_optimiser(cli: Any, prices: Path) -> None:
    options = ["--min-weight", "AAA=0.15", "--max-weight", "AAA=0.2,*=0.5", "--group", "g=BBB,CCC"]
    result = cli(
        "optimize", prices, "-m", "min_variance", *options, "--group-max", "g=0.1", "--group-min", "g=0.05", "--json"
    )
    weights = result.json["weights"]
    assert 0.15 - 1e-9 <= weights["AAA"] <= 0.2 + 1e-9
    assert 0.05 - 1e-9 <= weights["BBB"] + weights["CCC"] <= 0.1 + 1e-9
    assert max(weights.values()) <= 0.5 + 1e-9
    held = cli("optimize", prices, "-m", "min_variance", "--current", "EEE=1", "--turnover", 0.2, "--json").json
    assert held["weights"]["EEE"] == pytest.approx(0.9, abs=1e-7)


def test_views_move_the_posterior(cli: Any, prices: Path) -> None:
    base = cli("optimize", prices, "-m", "black_litterman", "--json").json["weights"]
    liked = cli("optimize", prices, "-m", "black_litterman", "--view", "AAA - EEE = 0.10 @ 0.9", "--json").json
    assert liked["weights"]["AAA"] > base["AAA"]
    assert liked["weights"]["EEE"] < base["EEE"]


def test_relaxed_targets_exit_one_and_give_the_range(cli: Any, prices: Path) -> None:
    result = cli("optimize", prices, "--target-return", 0.9, "--json")
    assert result.code == 1
    assert result.json["constraints_satisfied"] is False
    assert "target_return: asked for 0.9, reached" in result.err
    assert "expected return from" in result.err
    rule = cli("optimize", prices, "-m", "equal_weight", "--max-weight", 0.1)
    assert rule.code == 0
    assert "applies only the budget; ignored: max_weight" in rule.err


def test_frontier(cli: Any, prices: Path, tmp_path: Path) -> None:
    result = cli("frontier", prices, "--points", 7, "--json", "--plot", tmp_path / "f.png")
    assert result.code == 0
    points = result.json["points"]
    assert len(points) == result.json["count"] == 7
    returns = [point["expected_return"] for point in points]
    assert returns == sorted(returns)
    assert points[0]["expected_risk"] == pytest.approx(result.json["min_variance"]["expected_risk"], rel=1e-6)
    assert all(sum(point["weights"].values()) == pytest.approx(1) for point in points)
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    table = cli("frontier", prices, "--points", 40)
    assert "maximum Sharpe" in table.out
    assert "of 40 points" in table.out


def test_performance(cli: Any, prices: Path) -> None:
    result = cli("performance", prices, "-w", "AAA=0.5,BBB=0.25", "--json").json
    daily = pd.read_csv(prices, index_col="date", parse_dates=True)[["AAA", "BBB"]].pct_change().iloc[1:] @ [0.5, 0.25]
    assert result["total_return"] == pytest.approx((1 + daily).prod() - 1)
    assert result["volatility"] == pytest.approx(daily.std() * 252**0.5)
    assert result["beta"] is None  # NaN is not JSON
    against = cli("performance", prices, "-b", "AAA", "-w", "AAA=1", "--json").json
    assert against["beta"] == pytest.approx(1)
    table = cli("performance", prices, "-b", "AAA")
    assert "sharpe ratio" in table.out
    assert "Worst drawdowns" in table.out


def test_weights_come_from_the_output_of_optimize(cli: Any, prices: Path, tmp_path: Path) -> None:
    stored = tmp_path / "weights.json"
    stored.write_text(cli("optimize", prices, "-m", "min_variance", "--json").out)
    by_file = cli("performance", prices, "-w", stored, "--json").json
    weights = json.loads(stored.read_text())["weights"]
    inline = cli("performance", prices, "-w", ",".join(f"{n}={w!r}" for n, w in weights.items()), "--json").json
    assert by_file["volatility"] == inline["volatility"]


def test_backtest(cli: Any, prices: Path, tmp_path: Path) -> None:
    options = ["-m", "min_variance", "--lookback", 60, "--schedule", "quarterly", "-b", "EEE"]
    result = cli("backtest", prices, *options, "--json", "--plot", tmp_path / "b.svg")
    assert result.code == 0
    book = result.json
    assert book["final_value"] == pytest.approx(100_000 * (1 + book["performance"]["total_return"]))
    assert len(book["rebalances"]) == sum(book["statuses"].values()) == 8
    assert list(book["values"])[-1] == book["last_date"]
    assert "EEE" not in book["rebalances"][0]["target_weights"]
    assert "<svg" in (tmp_path / "b.svg").read_text()
    table = cli("backtest", prices, *options)
    assert "Turnover, all trades" in table.out
    stuck = cli("backtest", prices, "--lookback", 60, "--max-weight", 0.1)
    assert stuck.code == 1
    assert "no decision could be traded: {'infeasible':" in stuck.err


def test_config_shows_value_and_origin_and_hides_secrets(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "a-secret-of-mine")
    monkeypatch.setenv("PORT", "8999")
    monkeypatch.setenv("LOG_LEVEL", "")
    shown = cli("config", "--json").json
    assert shown["PORT"] == {"value": 8999, "origin": "environment"}
    assert shown["LOG_LEVEL"] == {"value": "info", "origin": "default"}
    table = cli("config")
    assert "a-secret-of-mine" not in table.out + str(shown)
    assert "environment" in next(line for line in table.out.splitlines() if "API_KEY" in line)


def test_help_and_version(cli: Any) -> None:
    assert cli("--version").out.startswith("portfolio-engine 0.")
    for command in (
        "serve",
        "demo",
        "optimize",
        "frontier",
        "simulate",
        "performance",
        "backtest",
        "config",
        "market-data",
    ):
        shown = cli(command, "--help")
        assert shown.code == 0
        assert "Usage: portfolio-engine " + command in shown.out
    bare = cli()
    assert bare.code == 2
    assert "Usage: portfolio-engine" in bare.out


def test_the_installed_command_starts_without_loading_the_service() -> None:
    heavy = ["numpy", "pandas", "fastapi", "matplotlib", "sqlalchemy", "portfolio_engine"]
    code = (
        f"import sys; from portfolio_service.cli.commands import app; print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    script = Path(sys.executable).parent / "portfolio-engine"
    done = subprocess.run([script, "optimise"], capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: No such command 'optimise'. Did you mean 'optimize'?; see: portfolio-engine --help"
    ]

"""The errors a newcomer meets: one line on stderr that says what to do, no traceback, the right exit code."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

import portfolio_engine as pe
from portfolio_service.cli.run import run
from tests.service.conftest import create_tech

pytestmark = pytest.mark.slow  # real processes, started and stopped

FAILED, USAGE = 1, 2
FIVE = "AAPL,MSFT,JPM,PG,KO"
METHODS = ["mean_variance", "min_variance", "max_sharpe", "risk_parity", "black_litterman"]


def price_table(folder: Path, days: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    index = pd.bdate_range("2023-01-02", periods=days, name="date")
    steps = 0.0005 + rng.standard_normal((days, 5)) * 0.01
    return pd.DataFrame(100 * np.exp(steps.cumsum(axis=0)), index=index, columns=FIVE.split(","))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    table = price_table(folder)
    hole = table.assign(PG=np.nan)
    frames = {"good": table, "nan_column": hole, "one_row": table.iloc[:1], "short": table.iloc[:20]}
    paths = {name: folder / f"{name}.csv" for name in (*frames, "no_dates", "late")}
    for name, frame in frames.items():
        frame.to_csv(paths[name])
    table.to_csv(paths["no_dates"], index=False)
    late = table.copy()
    late.iloc[:-10, 3] = np.nan
    late.to_csv(paths["late"])
    return paths


# what was typed (file names in braces), the exit code, words that the one line must have
CASES: dict[str, tuple[str, int, list[str]]] = {
    "unknown method": (
        "optimize {good} --method markowitz",
        USAGE,
        ["expected one of", *METHODS, "'markowitz'"],
    ),
    "unknown method in a backtest": ("backtest {good} -m markowitz", USAGE, ["expected one of", "max_sharpe"]),
    "max weight 0.1 with 5 symbols": (
        "optimize {good} --max-weight 0.1",
        FAILED,
        ["budget", "max_weight", "5 assets x max_weight 0.1 = 0.5 < budget 1"],
    ),
    "30 for 0.30": ("optimize {good} --max-weight 30", USAGE, ["max_weight", "got 30", "did you mean 0.30?"]),
    "12 for 0.12": ("optimize {good} --target-return 12", USAGE, ["target_return", "did you mean 0.12?"]),
    "target return out of range": (
        "optimize {good} --target-return 0.9",
        FAILED,
        ["target_return", "asked for 0.9", "expected return from", " to "],
    ),
    "volatility out of range": (
        "optimize {good} --max-volatility 0.01",
        FAILED,
        ["max_volatility", "asked for 0.01", "volatility from"],
    ),
    "unknown symbol of the simulated market": (
        "optimize -s AAPL,MSFTX",
        USAGE,
        ["MSFTX", "did you mean MSFT?", "knows 1", "symbols", "own prices", "CSV or Parquet"],
    ),
    "unknown symbol of a file": ("optimize {good} -s AAPL,ZZZ", USAGE, ["ZZZ", "5 symbols", "AAPL, MSFT"]),
    "unknown symbol in the weights": ("performance {good} -w AAPL=0.5,ZZZ=0.5", USAGE, ["ZZZ", "5 symbols"]),
    "unknown symbol in the bounds": ("optimize {good} --max-weight APPL=0.2", USAGE, ["'APPL'", "'AAPL'?"]),
    "CSV without dates": ("optimize {no_dates}", USAGE, ["without a date", "expected a first column of dates"]),
    "NaN column": ("optimize {nan_column}", USAGE, ["no price at all in PG", "delete the column"]),
    "one row": ("optimize {one_row}", USAGE, ["one row only", "at least two dates"]),
    "twenty rows": ("optimize {short}", USAGE, ["at least 30 common daily returns, got 19"]),
    "a late listing": ("optimize {late}", USAGE, ["at least 30", "PG has 10 prices", "--symbols"]),
    "too short for a backtest": ("backtest {short}", USAGE, ["at least 255 days", "got 20", "shorten lookback"]),
    "no such file": ("optimize nowhere.csv", USAGE, ["nowhere.csv", "no such file", "CSV or Parquet"]),
    "a file of another kind": ("optimize prices.xlsx", USAGE, ["no such file"]),
    "device metal": ("optimize {good} --device metal", USAGE, ["device", '"metal"', '"cpu" or "auto"']),
    "unknown schedule": ("backtest {good} --schedule hourly", USAGE, ["daily, weekly, monthly, quarterly", "'hourly'"]),
    "unknown distribution": ("simulate {good} --distribution cauchy", USAGE, ["normal", "lognormal", "student_t"]),
    "a date that is none": ("optimize {good} --start yesterdayish", USAGE, ["--start", "2024-01-31", "'yesterdayish'"]),
    "words for numbers": ("optimize {good} --max-weight half", USAGE, ["--max-weight", "0.30", "'half'"]),
    "weights that are none": ("performance {good} -w half", USAGE, ["--weights", "AAPL=0.5,MSFT=0.5", "'half'"]),
    "a view that is none": ("optimize {good} -m black_litterman --view AAPL", USAGE, ["--view", "AAPL=0.12"]),
    "views for another method": ("optimize {good} --view AAPL=0.1", USAGE, ["views", "black_litterman"]),
    "mistyped command": ("optimise", USAGE, ["optimise", "Did you mean 'optimize'?", "--help"]),
    "mistyped option": ("optimize --metod risk_parity", USAGE, ["--metod", "--method", "--help"]),
    "plot of an unknown kind": ("optimize {good} --plot picture.docx", USAGE, ["--plot", ".png, .svg or .pdf"]),
    "plot in no folder": ("optimize {good} --plot nowhere/a.png", USAGE, ["--plot", "nowhere"]),
    "prices that cannot be served": ("serve --prices {no_dates}", USAGE, ["without a date"]),
    "host without a key": ("serve --host 0.0.0.0", USAGE, ["HOST", "API_KEY", "ALLOW_UNAUTHENTICATED=1"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_one_line_and_an_exit_code(case: str, files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    typed, code, words = CASES[case]
    if case == "device metal" and any(device.name == "metal" and device.available for device in pe.available_devices()):
        pytest.skip("this machine has Metal")
    assert run([part.format(**files) for part in typed.split()]) == code
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith("error: ")
    for word in words:
        assert word in said[0], said[0]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PORT", "eighty", ["PORT", "a port number from 0 to 65535", "'eighty'"]),
        ("RISK_FREE_RATE", "2", ["RISK_FREE_RATE", "0.02", "'2'"]),
        ("MARKET_DATA_PROVIDER", "bloomberg", ["MARKET_DATA_PROVIDER", "files or simulated", "'bloomberg'"]),
        ("REDIS_URL", "redis://x", ["REDIS_URL", "this version"]),
        ("LOG_LEVEL", "loud", ["LOG_LEVEL", "debug, info, warning or error", "'loud'"]),
    ],
)
def test_wrong_environment_values(
    name: str, value: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    for command in ("serve", "config"):
        assert run([command]) == USAGE
        (line,) = capsys.readouterr().err.strip().splitlines()
        for word in words:
            assert word in line


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    """Through the installed command: nothing of a traceback may reach the terminal."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        command = [Path(sys.executable).parent / "portfolio-engine", "serve", "--port", port, "--data-dir", tmp_path]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=110, env={**os.environ, "LOG_LEVEL": "error"}
        )
    assert done.returncode == FAILED
    (line,) = done.stderr.strip().splitlines()
    for word in (port, "is taken", "--port"):
        assert word in line


def test_library_errors_name_function_argument_and_expectation() -> None:
    returns = np.random.default_rng(1).standard_normal((60, 5)) * 0.01
    cases: dict[str, Any] = {
        r"^\[optimize\] method: expected one of .*got 'x'$": lambda: pe.optimize(returns, "x"),
        r"^\[optimize\] constraints: .*5 assets x max_weight 0.1": lambda: pe.optimize(
            returns, constraints=pe.Constraints(max_weight=0.1)
        ),
        r"^\[Constraints\] max_weight: .*got 30; did you mean 0.30": lambda: pe.Constraints(max_weight=30),
        r"^\[optimize\].*target_return.*expected return from": lambda: pe.optimize(
            returns, target_return=2.0, strict=True
        ),
        r"^\[estimate_moments\] returns: .*NaN": lambda: pe.estimate_moments(returns * [1, 1, np.nan, 1, 1]),
        r"^\[estimate_moments\] returns: .*got \(?1": lambda: pe.estimate_moments(returns[:1]),
        r'^\[covariance\] device: .*"metal"': lambda: pe.estimate_moments(returns, device="metal"),
    }
    for message, call in cases.items():
        if "metal" in message and any(item.name == "metal" and item.available for item in pe.available_devices()):
            continue
        with pytest.raises(ValueError, match=message):
            call()


async def test_api_errors_say_what_to_do(client: httpx.AsyncClient) -> None:
    """The same mistakes over HTTP: status, code and words of the one answer."""
    mine = await create_tech(client)
    bare = await client.post("/portfolios", json={"portfolio_name": "Empty"})
    empty = bare.json()["portfolio_id"]
    cases: list[tuple[str, str, dict[str, Any] | None, int, str, list[str]]] = [
        ("GET", "/portfolios/port_000000000000", None, 404, "portfolio_not_found", ["port_000000000000"]),
        ("POST", f"/portfolios/{mine}/rebalance", {}, 409, "no_target", ["optimize"]),
        ("POST", f"/portfolios/{empty}/optimize", {}, 409, "no_positions", ["symbols"]),
        ("POST", f"/portfolios/{mine}/optimize", {"method": "markowitz"}, 422, "", METHODS),
        (
            "POST",
            f"/portfolios/{mine}/optimize",
            {"constraints": {"max_position_weight": 30}},
            422,
            "",
            ["max_position_weight", "did you mean 0.3"],
        ),
        (
            "POST",
            f"/portfolios/{mine}/optimize",
            {"constraints": {"max_position_weight": 0.1}},
            422,
            "infeasible",
            ["max_position_weight", "0.5"],
        ),
        (
            "POST",
            f"/portfolios/{mine}/optimize",
            {"target_return": 1.9, "strict": True},
            422,
            "infeasible",
            ["target_return", "expected return from"],
        ),
        ("POST", f"/portfolios/{mine}/optimize", {"metod": "x"}, 422, "", ["metod", "method"]),
        (
            "POST",
            "/portfolios/with-symbols",
            {"portfolio_name": "P", "symbols": ["AAPL", "ZZZZ"]},
            422,
            "unknown_symbol",
            ["ZZZZ", "own prices"],
        ),
    ]
    for method, path, body, status, code, words in cases:
        answer = await client.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        said = answer.json()
        assert not code or said["code"] == code, said
        for word in words:
            assert word in answer.text, (word, said)

"""The programs in examples/, as users start them."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.data import ROOT
from tests.service.conftest import Server


def run_example(name: str, *arguments: str, url: str = "") -> str:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "PORTFOLIO_URL": url},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.slow
def test_manage_portfolio(server: Server) -> None:
    said = run_example("manage_portfolio.py", "--watch", "2", "--every", "0", url=server.url)
    value, cash = (float(x.replace(",", "")) for x in re.findall(r"value ([\d,.]+), cash ([\d,.]+);", said)[-1])
    cost = float(re.findall(r"turnover [\d,.]+, cost ([\d.]+)", said)[0])
    assert value == pytest.approx(500_000 - cost, rel=2e-3)  # the simulated market has ticked since
    assert 0 <= cash < 1
    held = re.findall(r"^  (\w+) +([\d.]+)% +([\d,.]+) +unrealised", said.split("value ")[-1], re.MULTILINE)
    assert sum(float(amount.replace(",", "")) for _, _, amount in held) + cash == pytest.approx(value, abs=0.02)
    assert max(float(weight) for _, weight, _ in held) <= 35.1
    assert "every weight is within 3% of its target" in said


@pytest.mark.slow
def test_compare_methods(server: Server) -> None:
    said = run_example("compare_methods.py", url=server.url)
    ratios = {row.split()[0]: float(row.split()[3]) for row in said.splitlines()[2:7]}
    assert set(ratios) == {"mean_variance", "max_sharpe", "min_variance", "risk_parity", "black_litterman"}
    assert ratios["max_sharpe"] == max(ratios.values())
    assert "best sharpe ratio: " in said


@pytest.mark.slow
def test_library_tour() -> None:
    said = run_example("library_tour.py")
    assert re.search(r"max_sharpe \(optimal\): return [\d.]+%, risk [\d.]+%", said)
    spent = sum(float(value) for value in re.findall(r"buy .*: ([\d.]+)$", said, re.MULTILINE))
    turnover, cost, left = (
        float(x) for x in re.findall(r"turnover ([\d.]+), cost ([\d.]+), cash left ([\d.]+)", said)[0]
    )
    assert spent == pytest.approx(turnover)
    assert turnover + cost + left == pytest.approx(100_000)
    assert "walk-forward:" in said

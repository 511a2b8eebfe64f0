"""docs/contract.md: every row points at code and a test that exist, and no promise of the contract lacks a row."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

import pytest

from tests.data import ROOT

PROMISED = {
    "endpoints": [
        "GET /health",
        "GET /metrics",
        "POST /portfolios",
        "POST /portfolios/with-symbols",
        "GET /portfolios/{portfolio_id}",
        "POST /portfolios/{portfolio_id}/optimize",
        "POST /portfolios/{portfolio_id}/rebalance",
        "GET /portfolios/{portfolio_id}/performance",
        "GET /portfolios/{portfolio_id}/optimization-history",
        "POST /portfolios/{portfolio_id}/positions",
    ],
    "variables": [
        "HARDWARE_PLATFORM",
        "M4_MAX_OPTIMIZED",
        "ENABLE_METAL_ACCELERATION",
        "ENABLE_NEURAL_ENGINE",
        "PORTFOLIO_OPTIMIZATION_WORKERS",
        "OPTIMIZATION_BATCH_SIZE",
        "OPTIMIZATION_TIMEOUT",
        "MAX_PORTFOLIOS",
        "REBALANCE_CHECK_INTERVAL",
        "RISK_FREE_RATE",
        "OPTIMIZATION_CACHE_TTL",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "PORTFOLIO_MAX_MEMORY",
        "PORTFOLIO_MAX_CPU",
    ],
    "metrics": [
        "portfolio_optimizations_total",
        "portfolio_rebalances_total",
        "portfolio_total_value",
        "portfolio_optimization_duration_seconds",
        "portfolio_rebalance_duration_seconds",
        "portfolio_positions_count",
        "portfolio_performance_metrics",
        "portfolio_risk_metrics",
    ],
    "topics": [
        "portfolio.created",
        "portfolio.optimized",
        "portfolio.rebalanced",
        "portfolio.position.updated",
        "portfolio.performance.calculated",
        "portfolio.risk.alert",
    ],
    "tables": ["table portfolios", "table positions", "table optimizations", "table performance_history"],
}


@dataclass(frozen=True)
class Row:
    promise: str
    where: str
    test: str
    state: str


def rows() -> list[Row]:
    text = (ROOT / "docs" / "contract.md").read_text()
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("| ")]
    found = [Row(*(cell.strip().strip("`") for cell in row)) for row in cells if row[0].strip() != "promise"]
    assert len(found) > 100, "the table was not read"
    return found


def defined_tests(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_every_row_points_at_code_and_a_test_that_exist() -> None:
    known: dict[str, set[str]] = {}
    wrong = []
    for row in rows():
        if row.state.startswith("not yet"):
            continue
        if not row.state.startswith(("works", "differs: ")):
            wrong.append(f"{row.promise}: state is {row.state!r}")
        if not (ROOT / row.where).exists():
            wrong.append(f"{row.promise}: {row.where} does not exist")
        path, _, name = row.test.partition("::")
        if not (ROOT / path).is_file():
            wrong.append(f"{row.promise}: {path} does not exist")
        elif name not in known.setdefault(path, defined_tests(path)):
            wrong.append(f"{row.promise}: {path} has no {name}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", PROMISED)
def test_every_promise_has_a_row(kind: str) -> None:
    text = [row.promise for row in rows()]
    missing = [promise for promise in PROMISED[kind] if not any(promise in cell for cell in text)]
    assert not missing

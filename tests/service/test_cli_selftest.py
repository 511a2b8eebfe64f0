"""`portfolio-engine selftest`: a report, JSON, and an exit code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portfolio_engine import kernels
from portfolio_service.cli.run import run


def test_a_report_to_paste(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["selftest", "--quick"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("### portfolio-engine self-test\n\nall ")
    assert "| solve_qp_batch" in shown.out
    assert not shown.err  # the bar is for terminals


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["selftest", "--quick", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is True
    assert {row["kernel"] for row in found["rows"]} >= {"covariance", "eigh_batch", "simulate float32"}


def test_a_failure_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    right = kernels.risk_parity

    def wrong(*given: Any, **options: Any) -> dict[str, Any]:
        result = right(*given, **options)
        result["weights"][0] += 1e-6
        return result

    monkeypatch.setattr(kernels, "risk_parity", wrong)
    assert run(["selftest", "--quick"]) == 1
    assert "FAILED" in capsys.readouterr().out

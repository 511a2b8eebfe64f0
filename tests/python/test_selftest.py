"""The self-test: it passes here, says what was not there, and fails when a kernel, or a GPU, is wrong."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import portfolio_engine as pe
from portfolio_engine import kernels
from portfolio_engine._selftest import run
from portfolio_engine._selftest.case import Case

REAL = pe.metal_health().available and not pe.metal_health().emulated


def test_every_kernel_passes_here_and_the_report_says_where() -> None:
    seen: list[tuple[int, int]] = []
    found = pe.selftest(quick=True, progress=lambda done, total: seen.append((done, total)))
    assert found.passed, found.text()
    assert {row.device for row in found.rows} == ({"cpu", "metal"} if REAL else {"cpu"})
    assert all(row.computed_on == "cpu" and row.difference is None for row in found.rows if row.device == "cpu")
    assert all(row.seconds and row.seconds > 0 for row in found.rows)
    assert seen == [(k, len(seen) - 1) for k in range(len(seen))]
    text = found.text()
    for word in (
        "### portfolio-engine self-test",
        f"all {len(found.rows)} rows passed",
        "solve_qp_batch",
        np.__version__,
    ):
        assert word in text
    if not REAL:
        assert "metal was not there: " in found.verdict or pe.metal_health().emulated


def test_the_json_has_no_nan() -> None:
    found = pe.selftest(quick=True).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False))["passed"] is True
    assert {"kernel", "size", "device", "computed_on", "error", "tolerance", "seconds"} <= set(found["rows"][0])


def test_a_wrong_answer_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    right = kernels.covariance

    def wrong(*given: Any, **options: Any) -> dict[str, Any]:
        result = right(*given, **options)
        result["covariance"][0, 0] *= 1 + 1e-9
        return result

    monkeypatch.setattr(kernels, "covariance", wrong)
    found = pe.selftest(quick=True)
    assert not found.passed
    assert {row.kernel for row in found.rows if not row.passed} == {"covariance"}
    assert found.verdict.startswith(f"2 of {len(found.rows)} rows FAILED")
    assert "FAILED" in found.text()


def test_a_kernel_that_raises_fails_and_the_others_are_still_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(kernels, "eigh", broken)
    found = pe.selftest(quick=True)
    failed = [row for row in found.rows if not row.passed]
    assert {row.kernel for row in failed} == {"eigh"}
    assert "no such kernel" in failed[0].note
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["passed"] is False


class Gpu:
    """A machine with a GPU that answers as told, beside the real CPU."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, error: float = 0.0, fails: bool = False) -> None:
        self.error, self.fails, self.fallbacks = error, fails, 0
        devices = (pe.DeviceInfo("cpu", True, "here"), pe.DeviceInfo("metal", True, "a GPU"))
        monkeypatch.setattr(run, "available_devices", lambda: devices)
        monkeypatch.setattr(run, "metal_health", self.health)
        monkeypatch.setattr(run, "cases", lambda quick: iter([self.case()]))

    def health(self) -> pe.DeviceHealth:
        return pe.DeviceHealth(True, not self.fails, False, "a GPU", "", self.fallbacks, "timeout", {})

    def case(self) -> Case:
        def call(device: str) -> dict[str, Any]:
            on_gpu = device == "metal" and not self.fails
            self.fallbacks += device == "metal" and self.fails
            reason = "timeout" if device == "metal" and self.fails else "requested"
            return {"x": 1 + self.error * on_gpu, "device": "metal" if on_gpu else "cpu", "device_reason": reason}

        return Case("eigh", "1 x 1", call, lambda got: abs(got["x"] - 1), lambda got: got["x"])


def test_a_gpu_is_compared_with_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    Gpu(monkeypatch)
    found = pe.selftest()
    assert found.passed
    assert [(row.device, row.computed_on, row.difference) for row in found.rows] == [
        ("cpu", "cpu", None),
        ("metal", "metal", 0.0),
    ]
    Gpu(monkeypatch, error=1e-6)
    found = pe.selftest()
    assert [row.passed for row in found.rows] == [True, False]
    assert found.rows[1].difference == pytest.approx(1e-6)


def test_a_right_answer_that_the_cpu_gave_in_place_of_a_gpu_that_failed_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Gpu(monkeypatch, fails=True)
    found = pe.selftest()
    row = found.rows[1]
    assert (row.passed, row.computed_on, row.error, row.note, row.seconds) == (False, "cpu", 0.0, "timeout", None)
    assert not found.passed


def test_an_unknown_or_absent_device_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^\[selftest\] devices: expected some of cpu, metal, got 'gpu'"):
        pe.selftest(devices=["gpu"])
    if not pe.metal_health().available:
        with pytest.raises(ValueError, match=r"^\[selftest\] devices: 'metal' is not available here: "):
            pe.selftest(devices=["metal"])

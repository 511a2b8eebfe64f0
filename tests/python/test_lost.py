"""Work that a GPU failed to do is in the log, once for each reason; what the CPU does by choice is not."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from portfolio_engine._lost import LostWork


class Gpu:
    """A health that the test moves."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"available": True, "healthy": True, "fallbacks": 0, "last_fallback": ""}
        self.asked = 0

    def fail(self, reason: str, *, for_good: bool = False) -> None:
        self.state |= {
            "healthy": self.state["healthy"] and not for_good,
            "fallbacks": self.state["fallbacks"] + 1,
            "last_fallback": reason,
        }

    def __call__(self) -> dict[str, Any]:
        self.asked += 1
        return self.state


def on_cpu(reason: str) -> dict[str, str]:
    return {"device": "cpu", "device_reason": reason}


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="portfolio_engine.kernels")
    return caplog


def test_a_failure_is_a_warning_with_kernel_reason_and_state(logged: pytest.LogCaptureFixture) -> None:
    gpu = Gpu()
    lost = LostWork(gpu)
    gpu.fail("command buffer: page fault", for_good=True)
    lost.look("covariance", on_cpu("command buffer: page fault"))
    (record,) = logged.records
    assert (record.levelname, record.name) == ("WARNING", "portfolio_engine.kernels")
    said = {name: getattr(record, name) for name in ("kernel", "reason", "healthy", "fallbacks")}
    assert said == {
        "kernel": "covariance",
        "reason": "command buffer: page fault",
        "healthy": False,
        "fallbacks": 1,
    }


def test_a_thousand_failures_for_one_reason_are_one_warning(logged: pytest.LogCaptureFixture) -> None:
    gpu = Gpu()
    lost = LostWork(gpu)
    for _ in range(1000):
        gpu.fail("timeout")
        lost.look("eigh_batch", [{"device": "metal", "device_reason": ""}, on_cpu("timeout")])
    gpu.fail("out of memory")
    lost.look("eigh_batch", on_cpu("out of memory"))
    assert [record.reason for record in logged.records if record.levelno == logging.WARNING] == [
        "timeout",
        "out of memory",
    ]


def test_work_on_the_cpu_by_choice_is_no_failure(logged: pytest.LogCaptureFixture) -> None:
    gpu = Gpu()
    lost = LostWork(gpu)
    for reason in ("requested", "default", "Metal needs macOS", "size rule: faster below 64 assets"):
        lost.look("covariance", on_cpu(reason))
    lost.look("covariance", {"device": "metal", "device_reason": "available"})
    lost.look("solve_qp_batch", [])
    assert not logged.records
    assert gpu.asked == 2  # only where the reason may be one


def test_a_device_that_is_not_there_is_asked_about_once(logged: pytest.LogCaptureFixture) -> None:
    gpu = Gpu()
    gpu.state["available"] = False
    lost = LostWork(gpu)
    for _ in range(3):
        lost.look("covariance", on_cpu("Metal needs macOS"))
    assert gpu.asked == 1
    assert not logged.records


def test_the_kernels_are_watched() -> None:
    from portfolio_engine import _tally, kernels

    assert isinstance(_tally._lost, LostWork)
    assert _tally._lost._health is kernels.metal_health

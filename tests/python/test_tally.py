"""Kernel calls are counted where they were computed; a batch that devices share counts on each."""

from __future__ import annotations

from typing import Any

import pytest

from portfolio_engine import Computation, Tally, _tally, computations


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tally, "_tallies", {})


def on(device: str, reason: str = "") -> dict[str, str]:
    return {"device": device, "device_reason": reason}


def test_a_call_counts_where_it_was_computed() -> None:
    _tally._count("eigh", on("cpu", "requested"), 0.5)
    _tally._count("eigh", on("cpu", "requested"), 1.0)
    assert computations() == {Computation("eigh", "cpu", "requested"): Tally(2, 1.5)}


def test_a_shared_batch_counts_once_on_each_device_with_its_share_of_the_time() -> None:
    batch = [on("metal", "requested")] * 3 + [on("cpu", "not certified on the GPU")]
    _tally._count("solve_qp_batch", batch, 2.0)
    assert computations() == {
        Computation("solve_qp_batch", "metal", "requested"): Tally(1, 1.5),
        Computation("solve_qp_batch", "cpu", "not certified on the GPU"): Tally(1, 0.5),
    }


def test_an_empty_batch_and_a_call_that_raises_do_not_count() -> None:
    _tally._count("solve_qp_batch", [], 1.0)

    def kernel() -> Any:
        raise ValueError("[kernel] x: expected a vector")

    with pytest.raises(ValueError, match="expected a vector"):
        _tally.tallied(kernel)()
    assert computations() == {}


@pytest.mark.parametrize(("slow_from", "level"), [(60.0, "DEBUG"), (0.0, "INFO")])
def test_a_slow_call_is_told_but_never_to_who_has_no_log(
    slow_from: float, level: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_tally, "SLOW_S", slow_from)
    caplog.set_level("DEBUG", logger=_tally.log.name)
    _tally.tallied(lambda: on("cpu"))()
    assert [record.levelname for record in caplog.records] == [level]

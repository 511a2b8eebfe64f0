"""The self-test on every device there is; an emulated one is checked like a real one and never timed."""

from __future__ import annotations

import portfolio_engine as pe
from tests.parity.conftest import DEVICES


def test_all_devices_pass() -> None:
    found = pe.selftest(quick=True, devices=DEVICES)
    assert found.passed, found.text()
    assert {row.device for row in found.rows} == set(DEVICES)
    for row in found.rows:
        assert (row.seconds is None) == (row.device == "metal" and found.metal.emulated), row
    if "metal" in DEVICES:
        computed = {row.kernel for row in found.rows if row.computed_on == "metal"}
        assert computed >= {"covariance_batch", "eigh_batch", "solve_qp_batch", "risk_parity_batch", "simulate float32"}

"""The table of tolerances has a row for everything that a device computes, and nobody loosens it unseen."""

from __future__ import annotations

import re

from portfolio_engine._selftest.cases import cases
from portfolio_engine._selftest.tolerance import TOLERANCE
from tests.data import ROOT

DRAWS = {"standard_normals float32", "standard_normals float64"}  # held to it by test_monte_carlo alone


def test_every_kernel_that_metal_overrides_has_a_row() -> None:
    header = (ROOT / "metal" / "metal_backend.hpp").read_text()
    overrides = set(re.findall(r"(\w+)\([^;{]*\) const override;", header)) - {"name"}
    assert {"covariance", "solve_qp_batch", "simulate"} <= overrides
    assert overrides <= {row.split()[0] for row in TOLERANCE}


def test_every_row_is_tried_by_the_self_test() -> None:
    assert {case.kernel for case in cases(quick=True)} == set(TOLERANCE) - DRAWS
    assert all(set(row) == {"cpu", "metal"} for row in TOLERANCE.values())


def test_certified_answers_are_as_exact_on_a_gpu() -> None:
    """What is refined or certified in float64 has one bound; single precision shows in these alone."""
    looser = {kernel for kernel, row in TOLERANCE.items() if row["metal"] > row["cpu"]}
    assert looser <= {"covariance", "covariance_batch"}

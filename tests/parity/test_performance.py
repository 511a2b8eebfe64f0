"""Measures of a series, on both devices, against NumPy."""

from __future__ import annotations

import pytest

from portfolio_engine import performance
from portfolio_engine._selftest import reference
from portfolio_engine._selftest.tolerance import TOLERANCE
from tests.parity.problems import returns


@pytest.mark.parametrize("days", [31, 33, 252])
def test_measures(device: str, days: int) -> None:
    series = returns(days, 1)[:, 0]
    got = performance(series, device=device)
    for name, value in reference.performance(series).items():
        assert getattr(got, name) == pytest.approx(value, rel=TOLERANCE["performance"][device]), name

"""Every test of this folder runs once on each device that the loaded core has: the CPU, and Metal or its emulation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import portfolio_engine as pe

DEVICES = [device.name for device in pe.available_devices() if device.available]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """Its name. A failure of the GPU, after which the CPU answers, must not pass for parity."""
    before = pe.metal_health().fallbacks
    yield request.param
    assert pe.metal_health().fallbacks == before, pe.metal_health().last_fallback

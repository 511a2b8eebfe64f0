"""Twenty-five seconds of steady traffic: no errors, nothing that grows without end (`./run soak` takes 30 minutes)."""

from __future__ import annotations

import pytest

from bench.soak.steady import steady


@pytest.mark.slow
async def test_steady_traffic_leaks_no_descriptors_and_little_memory() -> None:
    found = await steady(25, every_s=0.5)
    assert found.tally.errors == {}
    assert found.tally.requests > 100
    assert found.more_descriptors <= 2
    assert found.wal_mib <= 64
    assert found.growth_mib < 50

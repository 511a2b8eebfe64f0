"""Devices: what is there, what is the default, and what became of the GPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import portfolio_engine as pe

RETURNS = np.random.default_rng(1).normal(size=(20, 3))


@pytest.fixture(autouse=True)
def _default_stays() -> Iterator[None]:
    before = pe.default_device()
    yield
    pe.set_default_device(before)


def test_the_default_stands_for_auto() -> None:
    pe.set_default_device("cpu")
    assert pe.default_device() == "cpu"
    result = pe.covariance(RETURNS)
    assert (result.device, result.device_reason) == ("cpu", "default")
    assert pe.covariance(RETURNS, device="cpu").device_reason == "requested"
    pe.set_default_device("auto")
    assert pe.default_device() == "auto"


def test_unknown_and_absent_devices_are_no_default() -> None:
    before = pe.default_device()
    with pytest.raises(ValueError, match=r"\[set_default_device\] device: expected .* got \"gpu\""):
        pe.set_default_device("gpu")
    if not pe.metal_health().available:
        with pytest.raises(ValueError, match=r"\[set_default_device\] device: expected an available device"):
            pe.set_default_device("metal")
    assert pe.default_device() == before


def test_health_agrees_with_the_list_of_devices() -> None:
    metal = {device.name: device for device in pe.available_devices()}["metal"]
    health = pe.metal_health()
    assert health.available == metal.available
    assert health.healthy == (health.reason == "")
    assert metal.description == (health.name or health.reason)
    assert bool(health.fallbacks) == bool(health.last_fallback)
    assert set(health.limits) == {"simdgroup_matrix", "threads_per_threadgroup", "threadgroup_memory", "buffer_length"}


def test_auto_never_chooses_an_emulated_device() -> None:
    pe.set_default_device("auto")
    if pe.metal_health().emulated:
        result = pe.covariance(RETURNS)
        assert result.device == "cpu"
        assert "only when it is named" in result.device_reason
    else:
        assert pe.covariance(RETURNS).device in {"cpu", "metal"}

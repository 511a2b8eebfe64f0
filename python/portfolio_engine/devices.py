"""Where the kernels can run on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from portfolio_engine import kernels


@dataclass(frozen=True)
class DeviceInfo:
    """One device: its name as `device=` takes it, whether it can be used, and the hardware or the reason why not."""

    name: str
    available: bool
    description: str


def available_devices() -> tuple[DeviceInfo, ...]:
    """Every device this library knows, present or not; the CPU comes first and is always available."""
    return tuple(DeviceInfo(*device) for device in kernels.available_devices())

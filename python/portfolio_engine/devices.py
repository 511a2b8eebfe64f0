"""Where the kernels can run on this machine, and where they run unless a call names a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portfolio_engine import kernels


@dataclass(frozen=True)
class DeviceInfo:
    """One device: its name as `device=` takes it, whether it can be used, and the hardware or the reason why not."""

    name: str
    available: bool
    description: str


@dataclass(frozen=True)
class DeviceHealth:
    """How a device that may fail has fared since the process started.

    Attributes:
        available: this machine has one, and this build has kernels for it.
        healthy: it is used. After an error it is not used again, and its work is done on the CPU.
        emulated: a stand-in for tests, which "auto" never chooses.
        name: the hardware; empty when there is none.
        reason: why it is absent or unhealthy; empty when it is healthy.
        fallbacks: calls that it should have computed and the CPU did.
        last_fallback: why the last of them.
        limits: simdgroup_matrix (bool), threads_per_threadgroup, threadgroup_memory and buffer_length (bytes).
    """

    available: bool
    healthy: bool
    emulated: bool
    name: str
    reason: str
    fallbacks: int
    last_fallback: str
    limits: dict[str, Any]


def available_devices() -> tuple[DeviceInfo, ...]:
    """Every device this library knows, present or not; the CPU comes first and is always available."""
    return tuple(DeviceInfo(*device) for device in kernels.available_devices())


def set_default_device(device: str) -> None:
    """What `device="auto"` means from now on, in the whole process.

    Args:
        device: "cpu" or "metal", as if every call named it; "auto" (as at import) chooses for each problem.

    Raises:
        ValueError: an unknown or absent device.
    """
    kernels.set_default_device(device)


def default_device() -> str:
    """The device of `set_default_device`: "auto" unless it was called."""
    return str(kernels.default_device())


def metal_health() -> DeviceHealth:
    """Whether there is a Metal GPU, whether it is still used, and how often the CPU stood in for it."""
    return DeviceHealth(**kernels.metal_health())

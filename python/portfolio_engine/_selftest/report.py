"""The outcome of a self-test, and its report."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from portfolio_engine import kernels
from portfolio_engine.devices import DeviceHealth, DeviceInfo

HEADINGS = ("kernel", "size", "asked for", "computed on", "error", "allowed", "from the CPU's", "ms", "")


@dataclass(frozen=True)
class Row:
    """One problem on one device.

    Attributes:
        kernel, size: the problem.
        device, computed_on: the device asked for, and the one that computed; empty when it raised.
        error: against NumPy; NaN when it raised. `tolerance` is the most allowed, for `difference` too.
        difference: from the CPU's answer; None on the CPU.
        seconds: fastest call; None when not timed: an emulated device never is.
        note: why it was computed there, or the error's message.
        passed: within the tolerance, and no work of the device fell back to the CPU by a failure.
    """

    kernel: str
    size: str
    device: str
    computed_on: str
    error: float
    tolerance: float
    difference: float | None
    seconds: float | None
    note: str
    passed: bool

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of HEADINGS."""
        difference = "" if self.difference is None else f"{self.difference:.1e}"
        milliseconds = "" if self.seconds is None else f"{1e3 * self.seconds:.3f}"
        last = " ".join(part for part in ("ok" if self.passed else "FAILED", self.note) if part)
        return (
            self.kernel, self.size, self.device, self.computed_on, f"{self.error:.1e}", f"{self.tolerance:.0e}",
            difference, milliseconds, last,
        )  # fmt: skip


@dataclass(frozen=True)
class SelfTest:
    """What `selftest` found.

    Attributes:
        rows: one for each problem and device.
        machine: versions, system and processor.
        devices: every known device, with the hardware or the reason why it is absent.
        metal: the GPU's health and limits after the test.
    """

    rows: tuple[Row, ...]
    machine: dict[str, str]
    devices: tuple[DeviceInfo, ...]
    metal: DeviceHealth

    @property
    def passed(self) -> bool:
        """Whether every row passed."""
        return all(row.passed for row in self.rows)

    @property
    def verdict(self) -> str:
        """One line."""
        tested = sorted({row.device for row in self.rows})
        failed = sum(not row.passed for row in self.rows)
        outcome = f"{failed} of {len(self.rows)} rows FAILED" if failed else f"all {len(self.rows)} rows passed"
        absent = [f"{d.name} was not there: {d.description}" for d in self.devices if d.name not in tested]
        return "; ".join([f"{outcome} on {' and '.join(tested)}", *absent])

    def to_dict(self) -> dict[str, Any]:
        """Everything in JSON's types; NaN is None."""
        rows = [asdict(row) | {"error": None if np.isnan(row.error) else row.error} for row in self.rows]
        return {
            "passed": self.passed,
            "verdict": self.verdict,
            "machine": self.machine,
            "devices": [asdict(device) for device in self.devices],
            "metal": asdict(self.metal),
            "rows": rows,
        }

    def text(self) -> str:
        """A report to paste into an issue: Markdown that reads well as it is."""
        lines = ["### portfolio-engine self-test", "", self.verdict, ""]
        lines += [f"- {name}: {value}" for name, value in self.machine.items()]
        lines += [f"- {device.name}: {device.description}" for device in self.devices]
        if self.metal.available:
            lines += [f"- metal, {name}: {value}" for name, value in self.metal.limits.items()]
            lines += [f"- metal is no longer used: {self.metal.reason}"] * (not self.metal.healthy)
        table = [HEADINGS, *(row.cells() for row in self.rows)]
        widths = [max(len(line[k]) for line in table) for k in range(len(HEADINGS))]
        padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in table]
        padded.insert(1, ["-" * width for width in widths])
        return "\n".join([*lines, "", *("| " + " | ".join(line) + " |" for line in padded)])


def machine() -> dict[str, str]:
    """What a reader of the report needs to know about where it was made."""
    from portfolio_engine import __version__

    return {
        "portfolio-engine": __version__,
        "system": platform.platform(),
        "machine": platform.processor() or platform.machine(),
        "cores": f"{os.cpu_count()}, {kernels.num_threads()} used",
        "instructions": kernels.simd_level(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }

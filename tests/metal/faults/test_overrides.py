"""A kernel that the Metal backend merely inherits would compute on the CPU and say "metal"."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def methods(text: str) -> list[str]:
    """Every `const` member function, overloads as often as they are there."""
    return sorted(re.findall(r"(\w+)\((?:[^()]|\(\))*\)\s*const\s+(?:= 0|override);", text))


def test_the_metal_backend_overrides_every_kernel() -> None:
    wanted = methods((ROOT / "cpp/src/backend.hpp").read_text())
    assert {"name", "covariance_batch", "performance"} <= set(wanted)
    assert methods((ROOT / "metal/metal_backend.hpp").read_text()) == wanted

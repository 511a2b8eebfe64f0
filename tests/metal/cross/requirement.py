"""Prints the line of requirements, with hashes, of the wheel mlx-metal as uv.lock has it."""

from __future__ import annotations

import tomllib
from pathlib import Path

LOCK = Path(__file__).resolve().parents[3] / "uv.lock"


def requirement() -> str:
    packages = tomllib.loads(LOCK.read_text())["package"]
    (found,) = (package for package in packages if package["name"] == "mlx-metal")
    hashes = " ".join(f"--hash={wheel['hash']}" for wheel in found["wheels"])
    return f"mlx-metal=={found['version']} {hashes}"


if __name__ == "__main__":
    print(requirement())

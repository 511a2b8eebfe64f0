"""Who may include whom in the native code; lint-imports and ruff hold the same rules for Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.data import ROOT

# folder -> what its files may never include
NEVER = {
    "cpp/include": r"Eigen|Metal|pybind11|backend\.hpp|cblas|lapack",
    "cpp/src": r"Eigen|Metal/|pybind11|cblas|lapack|blas\.hpp|cpu_backend\.hpp",
    "cpp/cpu": r"Metal/|metal/|pybind11",
    "metal": r"pybind11",
    "python/src": r"Eigen|Metal|backend\.hpp|checks\.hpp|blas\.hpp",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def sources(folder: str) -> list[Path]:
    return [p for p in sorted((ROOT / folder).rglob("*")) if p.suffix in {".hpp", ".cpp", ".h", ".metal"}]


@pytest.mark.parametrize("folder", NEVER)
def test_includes(folder: str) -> None:
    files = sources(folder)
    assert files, f"no sources in {folder}"
    bad = [
        f"{path.relative_to(ROOT)} includes {name}"
        for path in files
        for name in INCLUDE.findall(path.read_text())
        if re.search(NEVER[folder], name)
    ]
    # The choice of device is the one place of cpp/src that names a backend's factory, through backend.hpp.
    assert not bad


def test_public_headers_include_only_std_and_each_other() -> None:
    for path in sources("cpp/include"):
        for name in INCLUDE.findall(path.read_text()):
            assert name.startswith("portfolio/") or re.fullmatch(r"[a-z_]+", name), f"{path.name} includes {name}"


def test_no_platform_switch_above_metal() -> None:
    for folder in ("cpp/src", "cpp/include", "python/src"):
        for path in sources(folder):
            assert "__APPLE__" not in path.read_text(), f"{path} switches on the platform"

"""The installed C++ library, used by a project that knows nothing of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data import ROOT

BIN = Path(sys.prefix) / "bin"


def sh(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **environment},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.deep
@pytest.mark.timeout(900)
def test_twenty_lines_against_the_installed_tree(tmp_path: Path) -> None:
    # The build that `./run test` makes; without it the first call takes minutes.
    build_native = 'set -e; ROOT=$PWD; source .ci/setup.sh; VENV=$1; build_native "$ROOT/build-tests"'
    sh("bash", "-c", build_native, "_", sys.prefix)
    prefix, build = tmp_path / "prefix", tmp_path / "build"
    sh("cmake", "--install", "build-tests", "--prefix", prefix)
    shipped = [p for p in (prefix / "include").rglob("*") if p.is_file()]
    assert shipped
    assert all("Eigen" not in p.read_text() for p in shipped)
    sh("cmake", "-S", "tests/cpp/consumer", "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    sh("cmake", "--build", build)
    *weights, status = sh(build / "consumer", LD_LIBRARY_PATH="").splitlines()
    assert [float(w) for w in weights] == pytest.approx([1 / 7, 4 / 7, 2 / 7], abs=1e-6)
    assert status == "optimal on cpu"

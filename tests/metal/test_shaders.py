"""The shaders' unit tests on the emulator: plain always, under sanitizers and with planted faults in CI."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.metal.mutants.__main__ import main
from tests.metal.mutants.catalogue import KERNELS, PROGRAMS, all_mutants
from tests.metal.mutants.trial import BUILDS, build, environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the emulator's threads and sanitizers are Linux's")


def run_all(check: str) -> None:
    folder = build(BUILDS, check)
    command = ["ctest", "--test-dir", str(folder), "--output-on-failure", "--parallel", "2", "--no-tests=error"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_in_order_shuffled_and_with_noise() -> None:
    run_all("plain")


def test_every_planted_fault_still_has_its_place() -> None:
    mutants = all_mutants()
    assert len({mutant.name for mutant in mutants}) == len(mutants) > 50
    assert [mutant.name for mutant in mutants if mutant.text == (KERNELS / mutant.file).read_text()] == []
    assert {f"{stem}.metal" for stem in PROGRAMS} == {path.name for path in KERNELS.glob("*.metal")}


@pytest.mark.deep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("check", ["address", "thread"])
def test_under_sanitizers(check: str) -> None:
    run_all(check)


@pytest.mark.deep
@pytest.mark.timeout(3600)
def test_every_mutant_is_caught_and_nothing_else() -> None:
    assert main([]) == 0

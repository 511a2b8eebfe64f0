"""The strict front end: our shaders pass, a committed set of bad ones fails, each for its own stated reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.metal.strict.check import KERNELS, check, main

STRICT = Path(__file__).parent / "strict"
BAD = sorted((STRICT / "bad").glob("*.metal"))


def stated(path: Path, what: str) -> str:
    found = re.search(rf"^// {what}: (.+)$", path.read_text(), re.M)
    assert found, f"{path.name} does not say what it is rejected for"
    return found[1]


def test_our_shaders_pass() -> None:
    shaders = sorted(KERNELS.glob("*.metal"))
    assert shaders
    problems = [str(problem) for path in shaders for problem in check(path)]
    assert not problems, "\n".join(problems)


def test_everything_allowed_passes() -> None:
    assert check(STRICT / "good.metal") == []


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_rejected_for_its_own_reason(path: Path) -> None:
    reason = stated(path, "Finds")
    problems = check(path)
    assert problems
    assert [str(problem) for problem in problems if reason not in problem.message] == []
    assert {Path(problem.path).name for problem in problems} <= {path.name, "strict_simd.h"}


def test_every_reason_is_another_one() -> None:
    reasons = [stated(path, "Rejected") for path in BAD]
    assert len(reasons) > 40
    assert len(set(reasons)) == len(reasons)


def test_a_helper_is_checked_with_the_shader_that_includes_it(tmp_path: Path) -> None:
    (tmp_path / "helper.h").write_text("#pragma once\ninline float twice(float a) { return 2.0 * a; }\n")
    shader = tmp_path / "uses.metal"
    shader.write_text(
        '#include <metal_stdlib>\n#include "helper.h"\nusing namespace metal;\n'
        "kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] = twice(x[i]); }\n"
    )
    problems = check(shader, tmp_path)
    assert {(Path(problem.path).name, problem.line) for problem in problems} == {("helper.h", 2)}


def test_the_command_fails_on_a_bad_shader(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(BAD[0])]) == 1
    assert BAD[0].name in capsys.readouterr().out

"""The lint of shared structs and names: our files pass, each planted fault is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.metal.lint import KERNELS, PARAMS, lint

GOOD = """#pragma once
struct Moments {
  uint32_t rows, columns;
  float scale;
  uint32_t padding;
};
static_assert(sizeof(Moments) == 16, "shared layout");
"""
STRUCTS = {
    "a bool": ("uint32_t padding;", "bool padding;", "uint32_t or float"),
    "three components": ("float scale;", "float3 scale;", "uint32_t or float"),
    "a size_t": ("uint32_t padding;", "size_t padding;", "uint32_t or float"),
    "a long": ("float scale;", "long scale;", "uint32_t or float"),
    "a double": ("float scale;", "double scale;", "uint32_t or float"),
    "a pointer": ("float scale;", "float *scale;", "plain name"),
    "a default": ("float scale;", "float scale = 1.0f;", "plain name"),
    "no padding": ("  uint32_t padding;\n", "", "not padded"),
    "no assertion": ("static_assert", "// static_assert", "no static_assert"),
    "another size": ("== 16", "== 32", "asserted size is 32"),
    "a system's macro": ("float scale;", "float major;", "major is taken"),
    "a keyword": ("float scale;", "float device;", "device is taken"),
    "a commented field": ("uint32_t padding;", "// uint32_t padding;", "not padded"),
}
NAMES = {
    "a keyword as a variable": ("inline float f(float a) { float thread = a; return thread; }", "thread"),
    "a keyword as a parameter": ("inline float f(float constant) { return 1.0f; }", "constant"),
    "a type as a function": ("inline float uchar(float a) { return a; }", "uchar"),
    "a word of C++20": ("inline float f(float a) { float requires = a; return a; }", "requires"),
    "a library function": ("inline float clamp(float a) { return a; }", "clamp"),
    "a library function as a constant": ("constant float sign = 1.0f;", "sign"),
    "a macro": ("#define half 0.5f", "half"),
}


def complaints(tmp_path: Path, text: str, *, shared: bool) -> list[str]:
    path = tmp_path / "some.h"
    path.write_text(text)
    return lint(path, shared=shared)


def test_our_files_pass() -> None:
    files = sorted([*KERNELS.glob("*.metal"), *KERNELS.glob("*.h")])
    assert PARAMS in files
    assert [line for path in files for line in lint(path, shared=path == PARAMS)] == []


def test_a_good_struct_passes(tmp_path: Path) -> None:
    assert complaints(tmp_path, GOOD, shared=True) == []


@pytest.mark.parametrize("fault", STRUCTS)
def test_a_bad_struct_is_found(tmp_path: Path, fault: str) -> None:
    old, new, message = STRUCTS[fault]
    assert old in GOOD
    found = complaints(tmp_path, GOOD.replace(old, new), shared=True)
    assert any(message in line for line in found), found


@pytest.mark.parametrize("fault", NAMES)
def test_a_reserved_name_is_found(tmp_path: Path, fault: str) -> None:
    text, word = NAMES[fault]
    assert [line.split(": ", 1)[1].split()[0] for line in complaints(tmp_path, text + "\n", shared=False)] == [word]


def test_a_local_name_of_a_library_function_is_allowed(tmp_path: Path) -> None:
    text = "inline float f(float a) { const float step = a; return step; }\n"
    assert complaints(tmp_path, text, shared=False) == []


def test_a_header_without_structs_is_no_proof(tmp_path: Path) -> None:
    assert complaints(tmp_path, "#pragma once\n", shared=True) == [f"{tmp_path / 'some.h'}:1: no struct found"]

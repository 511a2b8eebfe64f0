"""The translator: what it makes of the documented style, and that it refuses everything else with file and line."""

import json
from pathlib import Path

import pytest

from tests.metal.emulator.translate import MetalError, Source, parse
from tests.metal.emulator.translate.__main__ import main
from tests.metal.emulator.translate.emit import translated

HEAD = "#include <metal_stdlib>\nusing namespace metal;\n"


def source_of(folder: Path, text: str, name: str = "some.metal") -> Source:
    path = folder / name
    path.write_text(text)
    return Source(path)


def kernel(parameters: str, body: str = "") -> str:
    return f"{HEAD}kernel void f({parameters}) {{ {body} }}\n"


GOOD = (
    "device const float* x [[buffer(0)]], const device uint* y [[ buffer( 1 ) ]], device float4* z [[buffer(2)]],\n"
    "constant Params& p [[buffer(3)]], device atomic_uint& n [[buffer(4)]], constant float* table [[buffer(5)]],\n"
    "threadgroup float* s [[threadgroup(0)]], uint2 g [[threadgroup_position_in_grid]], "
    "uint t [[thread_index_in_threadgroup]]"
)


def test_every_documented_parameter_is_understood(tmp_path: Path) -> None:
    (found,) = parse(source_of(tmp_path, kernel(GOOD)))
    rows = [(p.kind, p.index, p.type, p.name, p.writable, p.reference) for p in found.parameters]
    assert rows == [
        ("buffer", 0, "float", "x", False, False),
        ("buffer", 1, "uint", "y", False, False),
        ("buffer", 2, "float4", "z", True, False),
        ("buffer", 3, "Params", "p", False, True),
        ("buffer", 4, "atomic_uint", "n", True, True),
        ("buffer", 5, "float", "table", False, False),
        ("threadgroup", 0, "float", "s", True, False),
        ("builtin", -1, "uint2", "g", False, False),
        ("builtin", -1, "uint", "t", False, False),
    ]
    assert [p.attribute for p in found.parameters[-2:]] == [
        "threadgroup_position_in_grid",
        "thread_index_in_threadgroup",
    ]
    assert (found.name, found.line, found.max_threads) == ("f", 3, 0)


X = "device float* x [[buffer(0)]]"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (HEAD, 1, "no kernel"),
        (kernel("device float* x"), 3, "documented style: device float* x"),
        (kernel("float* x [[buffer(0)]]"), 3, "documented style"),
        (kernel("device float x [[buffer(0)]]"), 3, "documented style"),
        (kernel("device float** x [[buffer(0)]]"), 3, "documented style"),
        (kernel("device metal::float2* x [[buffer(0)]]"), 3, "documented style"),
        (kernel("volatile device float* x [[buffer(0)]]"), 3, "documented style"),
        (kernel("device float* x [[buffer(FIRST)]]"), 3, "documented style"),
        (kernel("device float* x [[buffer(0)]] [[raster_order_group(0)]]"), 3, "documented style"),
        (kernel("const constant float& x [[buffer(0)]]"), 3, "documented style"),
        (kernel("threadgroup float& x [[threadgroup(0)]]"), 3, "documented style"),
        (kernel("texture2d<float> x [[texture(0)]]"), 3, "documented style"),
        (kernel("float4 x [[stage_in]]"), 3, "documented style"),
        (kernel("uint x [[grid_origin]]"), 3, "no uint [[grid_origin]]"),
        (kernel("uint2 x [[thread_index_in_simdgroup]]"), 3, "no uint2 [[thread_index_in_simdgroup]]"),
        (kernel("ushort x [[thread_index_in_simdgroup]]"), 3, "documented style"),
        (kernel(X + ", device float* y [[buffer(0)]]"), 3, "buffer indices are [0, 0]"),
        (kernel(X + ", device float* y [[buffer(2)]]"), 3, "buffer indices are [0, 2]"),
        (kernel("device float* x [[buffer(31)]]"), 3, "not below 31"),
        (kernel("threadgroup float* x [[threadgroup(1)]]"), 3, "threadgroup indices are [1]"),
        (kernel("uint2 a [[thread_position_in_grid]], uint b [[threads_per_grid]]"), 3, "different types"),
        (kernel("uint a [[threads_per_grid]], uint b [[threads_per_grid]]"), 3, "used twice"),
        (kernel(X) + kernel(X).removeprefix(HEAD), 3, "two kernels are called f"),
        (HEAD + "template <typename T>\nkernel void f(" + X + ") {}\n", 3, "'template' outside"),
        (kernel(X) + 'template [[host_name("g")]] kernel void f<float>(device float*);\n', 4, "'[[' outside"),
        (HEAD + f"[[kernel]] void f({X}) {{}}\n", 1, "no kernel"),
        (kernel(X) + "[[kernel]] void g() {}\n", 4, "outside a kernel signature"),
        (kernel(X) + "constant bool full [[function_constant(0)]];\n", 4, "'[[' outside"),
        (HEAD + f"kernel void f({X});\n", 3, "defined where it is declared"),
        (HEAD + f"kernel void f({X}) {{\n", 3, "never closed"),
        (kernel(X) + "kernel float g() { return 1.0f; }\n", 4, "'kernel' outside"),
        (kernel(X, "{ threadgroup float a[4]; }"), 3, "inside an inner block"),
        (kernel(X, "threadgroup float a;"), 3, "threadgroup variable"),
        (kernel(X, "threadgroup float a[4], b[4];"), 3, "threadgroup variable"),
        (kernel(X, "threadgroup float a[4] = {};"), 3, "threadgroup variable"),
        (kernel(X) + "inline void g() { threadgroup float a[4]; }\n", 4, "threadgroup variable"),
    ],
)
def test_anything_else_is_an_error_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(MetalError) as error:
        parse(source_of(tmp_path, text))
    assert str(error.value).startswith(f"{tmp_path}/some.metal:{line}: ")
    assert message in str(error.value)


def test_comments_and_strings_are_no_code(tmp_path: Path) -> None:
    text = (
        kernel(X + "/* , uint y [[stage_in]] */", "// kernel [[ \n")
        + '/* [[ \n template */ constant char s[] = "[[";\n'
    )
    (found,) = parse(source_of(tmp_path, text))
    assert [p.name for p in found.parameters] == ["x"]


def test_helpers_may_be_templates_and_take_threadgroup_pointers(tmp_path: Path) -> None:
    helper = "template <typename T>\ninline T g(threadgroup T* a, threadgroup const float* b) { return a[0]; }\n"
    assert len(parse(source_of(tmp_path, HEAD + helper + kernel(X).removeprefix(HEAD)))) == 1


def test_lines_keep_their_numbers(tmp_path: Path) -> None:
    body = "\n  threadgroup float tile\n      [8]\n      [4];\n  MARK;\n"
    source = source_of(tmp_path, kernel(GOOD, body) + "MARK;\n")
    lines = translated(source, parse(source)).splitlines()
    number = 0
    seen = []
    for line in lines:
        if line.startswith("#line"):
            number = int(line.split()[1])
            continue
        if "MARK" in line:
            seen.append(number)
        number += 1
    assert seen == [i + 1 for i, line in enumerate(source.text.splitlines()) if "MARK" in line]


def test_output_files_and_reflection(tmp_path: Path) -> None:
    source_of(tmp_path, kernel(GOOD))
    limited = kernel(X).replace("kernel void f", "[[max_total_threads_per_threadgroup(64)]]\nkernel void g")
    source_of(tmp_path, limited, "other.metal")
    out = tmp_path / "out"
    assert main([str(out), str(tmp_path / "some.metal"), str(tmp_path / "other.metal")]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "index.cpp",
        "other.cpp",
        "other.json",
        "some.cpp",
        "some.json",
    ]
    (reflected,) = json.loads((out / "other.json").read_text())["kernels"]
    assert (reflected["name"], reflected["max_threads"], reflected["line"]) == ("g", 64, 4)
    assert reflected["parameters"][0]["kind"] == "buffer"
    index = (out / "index.cpp").read_text()
    assert "metal_file_some_kernels" in index
    assert "metal_file_other_kernels" in index


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("kernel void g() {}\n", "kernels belong in .metal files"),
        ("inline void g() { threadgroup float a[4]; }\n", "threadgroup variable"),
    ],
)
def test_headers_are_checked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str], header: str, message: str) -> None:
    (tmp_path / "inner.h").write_text(f"#pragma once\n{header}")
    (tmp_path / "outer.h").write_text('#pragma once\n#include "inner.h"\n')
    source_of(tmp_path, '#include "outer.h"\n' + kernel(X))
    assert main([str(tmp_path / "out"), str(tmp_path / "some.metal")]) == 1
    shown = capsys.readouterr().err
    assert f"{tmp_path}/inner.h:2: " in shown
    assert message in shown

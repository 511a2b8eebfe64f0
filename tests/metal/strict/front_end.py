"""The shader through stock clang as C++14 with real address spaces: the clang of the wheel `ziglang`."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tempfile
from pathlib import Path

from tests.metal.strict.source import Source

INCLUDE = Path(__file__).parent / "include"
FLAGS = [
    "-x",
    "c++",
    "-std=c++14",
    "--target=aarch64-none-elf",
    "-fsyntax-only",
    "-ffreestanding",
    "-nostdinc",
    "-nostdinc++",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-threadsafe-statics",
    "-ferror-limit=0",
    "-fno-caret-diagnostics",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wdouble-promotion",
    "-Wvla",
    "-Wuninitialized",
    "-Wno-sign-conversion",
    "-Wno-unused-const-variable",
    "-Wno-unused-function",
    "-Wno-unknown-pragmas",
    "-Wno-pragma-once-outside-header",
    "-Wno-c99-designator",
    "-Werror",
    "-D__METAL_VERSION__=310",
]
MESSAGE = re.compile(r"^(.*?):(\d+):\d+: (?:fatal )?error: (.*)$", re.M)
ATTRIBUTE = re.compile(r"\[\[\s*\w+\s*(?:\([^()\]]*\))?\s*\]\]")
CONSTANT = re.compile(r"\bconstant\s+(\w+)\s+(\w+)\s*\[\[\s*function_constant\s*\(\s*\w+\s*\)\s*\]\]\s*;")
STRUCT = re.compile(r"\bstruct\s+(\w+)\s*\{")
SHARED = re.compile(r"(?m)^(\s*)threadgroup\s+([\w:<>]+)\s+(\w+)\s*((?:\[[^\]\n]*\]\s*)*)([;,=])")


class NoFrontEnd(RuntimeError):
    """The wheel `ziglang` of the dependency group `dev` is missing."""


def clang() -> list[str]:
    """The command of the wheel's clang."""
    wheel = importlib.util.find_spec("ziglang")
    if wheel is None or wheel.origin is None:
        raise NoFrontEnd("the package ziglang is missing: ./run setup dev brings it")
    return [str(Path(wheel.origin).parent / "zig"), "clang"]


def shared(declaration: re.Match[str]) -> str:
    """Threadgroup memory has no constructor and no scope of its own, which stock clang has no word for."""
    indent, kind, name, lengths, end = declaration.groups()
    if end != ";":  # several in one statement, or an initialiser, which a rule refuses
        return f"{indent}static threadgroup {kind} {name}{lengths}{end}"
    return f"{indent}auto& {name} = metal::strict_shared<threadgroup {kind}{lengths}>();"


def as_cpp(source: Source, structs: set[str]) -> str:
    """What clang reads: no attributes, function constants with a value, shared arrays from elsewhere."""
    edits = [(m.start(), m.end(), f"constant {m[1]} {m[2]} = {m[1]}(1);") for m in CONSTANT.finditer(source.code)]
    edits += [(m.start(1), m.end(), shared(m)) for m in SHARED.finditer(source.code)]
    taken = [(start, end) for start, end, _ in edits]
    for found in ATTRIBUTE.finditer(source.text):
        if source.code[found.start()] == "[" and not any(start <= found.start() < end for start, end in taken):
            edits.append((found.start(), found.end(), ""))
    if structs:  # Metal copies a struct out of any address space; stock clang has no constructor for that
        copy = rf"\b({'|'.join(sorted(structs))})(\s+\w+\s*=)(\s*[^;{{}}]+);"
        edits += [
            (m.start(), m.end(), f"{m[1]}{m[2]} metal::strict_copy<{m[1]}>({m[3]});")
            for m in re.finditer(copy, source.code)
        ]
    text = source.text
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    return f'#line 1 "{source.path}"\n{text}'


def compile_errors(sources: list[Source]) -> list[tuple[str, int, str]]:
    """Path, line and message of everything that clang finds in a shader, the first, with the helpers it includes."""
    structs = {name for source in sources for name in STRUCT.findall(source.code)}
    with tempfile.TemporaryDirectory() as folder:
        for helper in sources[1:]:
            (Path(folder) / helper.path.name).write_text(as_cpp(helper, structs))
        command = [*clang(), *FLAGS, "-I", str(INCLUDE), "-I", folder, "-"]
        text = as_cpp(sources[0], structs)
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
    found = [(m[1], int(m[2]), m[3]) for m in MESSAGE.finditer(done.stderr)]
    if done.returncode and not found:
        raise RuntimeError(f"{sources[0].path}: clang failed without a message:\n{done.stderr}")
    return found

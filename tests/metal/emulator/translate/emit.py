"""Writes the C++ that the emulator compiles: the kernel's own lines, then the table that binds its parameters."""

import json
import re
from dataclasses import asdict
from pathlib import Path

from .signature import POSITIONS, Kernel, Parameter
from .source import Source

ATTRIBUTE = re.compile(r"\[\[[^\]]*\]\]")
INCLUDE = re.compile(r"(?m)^[ \t]*#[ \t]*include\b.*\n")


def translated(source: Source, kernels: list[Kernel]) -> str:
    """C++ of one file. Lines keep their numbers, so that every message points into the `.metal` file."""
    text = _without_attributes(source, kernels)
    includes = list(INCLUDE.finditer(text))
    start = includes[-1].end() if includes else 0
    name = identifier(source.path)
    # A namespace a file: two files may both have a helper `group_sum`, and the linker would merge them.
    opening = f"namespace {name} {{\n" + _line_directive(source, text.count("\n", 0, start) + 1)
    head = _line_directive(source, 1) + text[:start] + opening
    undefine = "".join(f"#undef {word}\n" for word in ("kernel", "device", "constant", "threadgroup", "thread"))
    linked = (
        f"namespace emulator {{\nextern const LinkedFile {name}_kernels;\n"
        f"const LinkedFile {name}_kernels = {{{name}::table, {len(kernels)}}};\n}}  // namespace emulator\n"
    )
    return f"{head}{text[start:]}\n{undefine}{_tables(source, kernels)}}}  // namespace {name}\n{linked}"


def index(sources: list[Path]) -> str:
    """C++ of the list of all translated files of one program."""
    names = [identifier(path) for path in sources]
    externs = "".join(f"extern const LinkedFile {name}_kernels;\n" for name in names)
    entries = "".join(f"    &{name}_kernels,\n" for name in names)
    return (
        '#include "device.hpp"\n\nnamespace emulator {\n'
        f"{externs}const LinkedFile* const linked_files[] = {{\n{entries}    nullptr,\n}};\n}}  // namespace emulator\n"
    )


def reflection(source: Source, kernels: list[Kernel]) -> str:
    """JSON: for each kernel its name, line, limit of threads and parameters."""
    keep = ("kind", "index", "type", "name", "writable", "reference", "attribute")
    table = [
        {
            "name": kernel.name,
            "line": kernel.line,
            "max_threads": kernel.max_threads,
            "parameters": [{key: asdict(parameter)[key] for key in keep} for parameter in kernel.parameters],
        }
        for kernel in kernels
    ]
    return json.dumps({"file": source.path.name, "kernels": table}, indent=1) + "\n"


def identifier(path: Path) -> str:
    return "metal_file_" + re.sub(r"\W", "_", path.stem)


def _line_directive(source: Source, line: int) -> str:
    return f"#line {line} {json.dumps(str(source.path))}\n"


def _without_attributes(source: Source, kernels: list[Kernel]) -> str:
    edits: list[tuple[int, int, str]] = []
    for kernel in kernels:
        spans = (match.span() for match in ATTRIBUTE.finditer(source.code, kernel.begin, kernel.end))
        edits.extend((*span, "") for span in spans)
        for ordinal, array in enumerate(kernel.arrays):
            call = f"emulator::threadgroup_array({ordinal})"
            lines = "\n" * source.code.count("\n", array.begin, array.end)
            declaration = f"auto& {array.name} = *static_cast<{array.type}(*){array.sizes}>({call});{lines}"
            edits.append((array.begin, array.end, declaration))
    text = source.text
    for begin, end, replacement in sorted(edits, reverse=True):
        text = text[:begin] + replacement + text[end:]
    return text


def _tables(source: Source, kernels: list[Kernel]) -> str:
    parts = []
    for kernel in kernels:
        arguments = ", ".join(_argument(parameter) for parameter in kernel.parameters)
        rows = "".join(f"    {_row(parameter)},\n" for parameter in kernel.parameters)
        bytes_of_arrays = "".join(f"sizeof({array.type}{array.sizes}), " for array in kernel.arrays)
        parts.append(
            f"static const unsigned long {kernel.name}_arrays[] = {{{bytes_of_arrays}0}};\n"
            f"static void {kernel.name}_entry(const emulator::Thread& t) {{\n  {kernel.name}({arguments});\n}}\n"
            f"static const emulator::LinkedParameter {kernel.name}_parameters[] = {{\n{rows}}};\n"
        )
    entries = "".join(
        f'    {{"{kernel.name}", {json.dumps(str(source.path))}, {kernel.line}, {kernel.name}_entry, '
        f"{kernel.name}_parameters, {len(kernel.parameters)}, {kernel.max_threads}, {kernel.name}_arrays}},\n"
        for kernel in kernels
    )
    return "".join(parts) + f"static const emulator::LinkedKernel table[] = {{\n{entries}}};\n"


def _type(parameter: Parameter) -> str:
    return parameter.type if parameter.writable else f"const {parameter.type}"


def _argument(parameter: Parameter) -> str:
    if parameter.kind == "builtin":
        if parameter.attribute in POSITIONS:
            return f"emulator::as<{parameter.type}>(t.{parameter.attribute})"
        return f"t.{parameter.attribute}"
    block = f"t.{'buffers' if parameter.kind == 'buffer' else 'threadgroup_memory'}[{parameter.index}]"
    return f"emulator::{'reference' if parameter.reference else 'pointer'}<{_type(parameter)}>({block})"


def _row(parameter: Parameter) -> str:
    kind = {"buffer": "'b'", "threadgroup": "'t'", "builtin": "'i'"}[parameter.kind]
    name, of = parameter.attribute or parameter.name, parameter.type
    flags = ", ".join("true" if flag else "false" for flag in (parameter.writable, parameter.reference))
    return f'{{{kind}, {parameter.index}, "{name}", "{of}", sizeof({of}), alignof({of}), {flags}}}'

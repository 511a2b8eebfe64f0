"""Parses kernel signatures and threadgroup arrays, in one style (Metal Shading Language 3.1, section 5)."""

import re
from dataclasses import dataclass

from .source import Source

POSITIONS = (
    "thread_position_in_grid",
    "thread_position_in_threadgroup",
    "threadgroup_position_in_grid",
    "threads_per_grid",
    "threads_per_threadgroup",
    "threadgroups_per_grid",
)
INDICES = (
    "thread_index_in_threadgroup",
    "thread_index_in_simdgroup",
    "simdgroup_index_in_threadgroup",
    "simdgroups_per_threadgroup",
    "threads_per_simdgroup",
)
BUILTINS = POSITIONS + INDICES
MAX_BUFFERS = 31

KERNEL = re.compile(
    r"(?:\[\[\s*max_total_threads_per_threadgroup\(\s*(?P<max>\d+)\s*\)\s*\]\]\s*)?\bkernel\s+void\s+(?P<name>\w+)\s*\("
)
BUFFER = re.compile(
    r"(?P<space>device\s+const|const\s+device|device|constant)\s+(?P<type>\w+)\s*(?P<form>[*&])\s*(?P<name>\w+)"
    r"\s*\[\[\s*buffer\(\s*(?P<index>\d+)\s*\)\s*\]\]"
)
THREADGROUP = re.compile(
    r"threadgroup\s+(?P<type>\w+)\s*\*\s*(?P<name>\w+)\s*\[\[\s*threadgroup\(\s*(?P<index>\d+)\s*\)\s*\]\]"
)
BUILTIN = re.compile(r"(?P<type>uint[23]?)\s+(?P<name>\w+)\s*\[\[\s*(?P<attribute>\w+)\s*\]\]")
ARRAY = re.compile(r"\bthreadgroup\s+(?P<type>\w+)\s+(?P<name>\w+)(?P<sizes>(?:\s*\[[^\[\]]+\])+)\s*;")
# A threadgroup variable, as opposed to a pointer or reference to one (the name follows the type without * or &).
VARIABLE = re.compile(r"\bthreadgroup\s+(?:const\s+)?(?!const\b)\w+\s+(?!const\b)\w+")


@dataclass(frozen=True)
class Parameter:
    """One kernel parameter. kind: buffer, threadgroup or builtin; index -1 and the attribute for a builtin."""

    kind: str
    index: int
    type: str
    name: str
    writable: bool
    reference: bool
    attribute: str
    begin: int
    end: int


@dataclass(frozen=True)
class ThreadgroupArray:
    type: str
    name: str
    sizes: str
    begin: int
    end: int


@dataclass(frozen=True)
class Kernel:
    """One entry point; begin and end delimit its signature, body_end its closing brace."""

    name: str
    line: int
    max_threads: int
    parameters: tuple[Parameter, ...]
    arrays: tuple[ThreadgroupArray, ...]
    begin: int
    end: int
    body_end: int


def parse(source: Source) -> list[Kernel]:
    """All kernels of a `.metal` file. Raises MetalError for anything outside the documented style."""
    kernels = [_kernel(source, match) for match in KERNEL.finditer(source.code)]
    if not kernels:
        raise source.error(0, "no kernel in this file")
    names = [kernel.name for kernel in kernels]
    for kernel in kernels:
        if names.count(kernel.name) > 1:
            raise source.error(kernel.begin, f"two kernels are called {kernel.name}")
    understood = [(kernel.begin, kernel.end) for kernel in kernels]
    for match in re.finditer(r"\bkernel\b|\[\[|\btemplate\b(?=\s*<[^;{}()]*>\s*kernel)", source.code):
        if not any(begin <= match.start() < end for begin, end in understood):
            raise source.error(match.start(), f"'{match.group()}' outside a kernel signature of the documented style")
    arrays = {array.begin for kernel in kernels for array in kernel.arrays}
    check_threadgroup_variables(source, arrays)
    return kernels


def check_threadgroup_variables(source: Source, understood: set[int]) -> None:
    """Threadgroup variables are arrays at the top of a kernel's body: elsewhere each thread would get its own."""
    for match in VARIABLE.finditer(source.code):
        if match.start() not in understood:
            raise source.error(
                match.start(), "a threadgroup variable that is not an array at the top level of a kernel's body"
            )


def _kernel(source: Source, match: re.Match[str]) -> Kernel:
    name, opening = match["name"], match.end() - 1
    closing = source.closing(opening)
    parameters = tuple(_parameter(source, name, begin, end) for begin, end in source.split(opening + 1, closing))
    _check_parameters(source, match, parameters)
    body = re.compile(r"\s*\{").match(source.code, closing + 1)
    if body is None:
        raise source.error(closing, f"{name}: a kernel is defined where it is declared")
    body_end = source.closing(body.end() - 1)
    arrays = tuple(_arrays(source, name, body.end(), body_end))
    return Kernel(
        name,
        source.line(match.start("name")),
        int(match["max"] or 0),
        parameters,
        arrays,
        match.start(),
        closing,
        body_end,
    )


def _parameter(source: Source, kernel: str, begin: int, end: int) -> Parameter:
    text = source.code[begin:end]
    if match := BUFFER.fullmatch(text):
        writable = match["space"] == "device"
        index = int(match["index"])
        if index >= MAX_BUFFERS:
            raise source.error(begin, f"{kernel}: buffer index {index} is not below {MAX_BUFFERS}")
        return Parameter("buffer", index, match["type"], match["name"], writable, match["form"] == "&", "", begin, end)
    if match := THREADGROUP.fullmatch(text):
        return Parameter("threadgroup", int(match["index"]), match["type"], match["name"], True, False, "", begin, end)
    if match := BUILTIN.fullmatch(text):
        attribute = match["attribute"]
        if attribute not in BUILTINS or (attribute in INDICES and match["type"] != "uint"):
            raise source.error(begin, f"{kernel}: no {match['type']} [[{attribute}]] among the attributes in use here")
        return Parameter("builtin", -1, match["type"], match["name"], False, False, attribute, begin, end)
    raise source.error(begin, f"{kernel}: parameter not in the documented style: {' '.join(text.split())}")


def _check_parameters(source: Source, match: re.Match[str], parameters: tuple[Parameter, ...]) -> None:
    where, name = match.start("name"), match["name"]
    for kind in ("buffer", "threadgroup"):
        indices = sorted(parameter.index for parameter in parameters if parameter.kind == kind)
        if indices != list(range(len(indices))):
            raise source.error(where, f"{name}: {kind} indices are {indices}, not 0, 1, 2, ... each once")
    positions = {parameter.type for parameter in parameters if parameter.attribute in POSITIONS}
    if len(positions) > 1:
        raise source.error(where, f"{name}: position attributes of different types: {sorted(positions)}")
    attributes = [parameter.attribute for parameter in parameters if parameter.kind == "builtin"]
    if len(attributes) != len(set(attributes)):
        raise source.error(where, f"{name}: an attribute is used twice")


def _arrays(source: Source, kernel: str, begin: int, end: int) -> list[ThreadgroupArray]:
    arrays = []
    for match in ARRAY.finditer(source.code, begin, end):
        if source.code.count("{", begin, match.start()) != source.code.count("}", begin, match.start()):
            raise source.error(match.start(), f"{kernel}: threadgroup array {match['name']} inside an inner block")
        sizes = re.sub(r"\s+", " ", match["sizes"]).strip()
        arrays.append(ThreadgroupArray(match["type"], match["name"], sizes, match.start(), match.end()))
    return arrays

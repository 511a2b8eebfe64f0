"""The signature of a kernel in the documented style, as the emulator and Apple's compiler read it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.metal.strict.source import Source, split_arguments

ATTRIBUTE = re.compile(r"\[\[\s*(\w+)\s*(?:\(\s*(\w+)\s*\))?\s*\]\]")
POSITIONS = {
    "thread_position_in_grid",
    "thread_position_in_threadgroup",
    "threadgroup_position_in_grid",
    "threads_per_threadgroup",
    "threads_per_grid",
    "threadgroups_per_grid",
}
SCALARS = {
    "thread_index_in_threadgroup",
    "thread_index_in_simdgroup",
    "simdgroup_index_in_threadgroup",
    "simdgroups_per_threadgroup",
    "threads_per_simdgroup",
}
MOST_BUFFERS = 31


def signatures(source: Source) -> Iterator[tuple[int, str]]:
    for function in source.functions():
        if not function.is_kernel:
            continue
        seen: set[tuple[str, str]] = set()
        widths: set[str] = set()
        for argument in split_arguments(function.parameters):
            for message in _argument(argument, seen, widths):
                yield function.at, f"{function.name}: {message}"
        if len(widths) > 1:
            yield function.at, f"{function.name}: positions of different widths: {', '.join(sorted(widths))}"
        if not re.search(r"\bvoid\s*$", function.head):
            yield function.at, f"{function.name}: a kernel returns void"


def _argument(argument: str, seen: set[tuple[str, str]], widths: set[str]) -> Iterator[str]:
    shown = " ".join(argument.split())
    found = ATTRIBUTE.findall(argument)
    if len(found) != 1:
        yield f"one attribute an argument: {shown}"
        return
    kind, index = found[0]
    declared = ATTRIBUTE.sub("", argument).split()
    if kind in ("buffer", "threadgroup"):
        yield from _bound(kind, index, declared, shown, seen)
    elif kind in POSITIONS:
        widths.add({"2": "2", "3": "3"}.get(declared[0][-1], "1"))
        if not re.fullmatch(r"u(?:int|short)[23]?", declared[0]):
            yield f"a position is uint or ushort, of one to three components: {shown}"
    elif kind in SCALARS:
        if declared[0] not in ("uint", "ushort"):
            yield f"an index in a group is uint or ushort: {shown}"
    else:
        yield f"attribute that we do not use: {kind}"
    if (kind, index) in seen:
        yield f"twice the same attribute: {kind} {index}".rstrip()
    seen.add((kind, index))


def _bound(kind: str, index: str, declared: list[str], shown: str, seen: set[tuple[str, str]]) -> Iterator[str]:
    if not index.isdigit():
        yield f"a plain number is the index of a buffer: {shown}"
    elif int(index) >= MOST_BUFFERS:
        yield f"the index of a buffer is at most {MOST_BUFFERS - 1}: {shown}"
    spaces = {"device", "constant"} if kind == "buffer" else {"threadgroup"}
    if not spaces & set(declared):
        yield f"{kind} in {' or '.join(sorted(spaces))} memory: {shown}"

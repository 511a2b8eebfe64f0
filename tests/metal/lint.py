"""Lint of what host and shaders share, and of names: `python -m tests.metal.lint` prints `file:line: what`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.metal.reserved import FUNCTIONS, KEYWORDS, MACROS
from tests.metal.strict.source import Source

KERNELS = Path(__file__).resolve().parents[2] / "metal" / "kernels"
PARAMS = KERNELS / "params.h"
FIELDS = {"uint32_t": 4, "float": 4}
ALIGNMENT = 16
STRUCT = re.compile(r"\bstruct\s+(\w+)\s*\{([^{}]*)\}\s*;")
ASSERTION = re.compile(r"\bstatic_assert\s*\(\s*sizeof\s*\(\s*(\w+)\s*\)\s*==\s*(\w+)")
DECLARED = re.compile(
    r"\b(?:void|bool|auto|[ui]nt(?:8|16|32|64)_t|(?:float|half|u?int|u?short|u?char|u?long)[234]?|struct|simdgroup_\w+|[A-Z]\w*)"
    r"(?:<[^<>;]*>)?\s*(?:(?:const|thread)\s*)?[*&]*\s+[*&]?(\w+)\s*(?=[=;,()\[{:])"
)
DEFINED = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.M)

Complaint = tuple[int, str]  # offset, what


def shared_structs(source: Source) -> Iterator[Complaint]:
    """Structs of params.h have one layout everywhere: 32-bit scalars, padded to 16 bytes, with the size asserted."""
    asserted = {found[1]: found[2] for found in ASSERTION.finditer(source.code)}
    found_any = False
    for found in STRUCT.finditer(source.code):
        found_any = True
        name, body = found[1], found[2]
        size = 0
        for declaration in filter(None, (part.strip() for part in body.split(";"))):
            bytes_of, complaint = _field(declaration)
            size += bytes_of
            if complaint:
                yield found.start(), f"{name}: {complaint}: {' '.join(declaration.split())}"
        if size % ALIGNMENT:
            yield found.start(), f"{name}: {size} bytes are not padded to a multiple of {ALIGNMENT}"
        if name not in asserted:
            yield found.start(), f"{name}: no static_assert on its size"
        elif asserted[name] != str(size):
            yield found.start(), f"{name}: the asserted size is {asserted[name]}, its fields take {size} bytes"
    if not found_any:
        yield 0, "no struct found"


def _field(declaration: str) -> tuple[int, str]:
    """Bytes of one declaration of fields, and what is wrong with it."""
    parsed = re.fullmatch(r"(\w+)\s+(.+)", declaration, re.S)
    if not parsed or parsed[1] not in FIELDS:
        return 0, "a shared field is uint32_t or float"
    size = 0
    for declarator in parsed[2].split(","):
        name = re.fullmatch(r"\s*(\w+)\s*(?:\[\s*(\d+)\s*\])?\s*", declarator)
        if not name:
            return size, "a shared field is a plain name or an array of plain length, with no default"
        if name[1] in MACROS | KEYWORDS:
            return size, f"{name[1]} is taken, by the language or by a system's header"
        size += FIELDS[parsed[1]] * int(name[2] or 1)
    return size, ""


def reserved_names(source: Source) -> Iterator[Complaint]:
    """No keyword as a name anywhere, no function of Metal's library as the name of something outside functions."""
    outside = source.outside_functions()
    for found in DECLARED.finditer(source.code):
        if found[1] in KEYWORDS and found[1] != "operator":
            yield found.start(1), f"{found[1]} is a word of the language"
    for found in DECLARED.finditer(re.sub(r"\([^()]*\)", _keep_length, outside)):
        if found[1] in FUNCTIONS:
            yield found.start(1), f"{found[1]} is a function of Metal's library"
    for found in DEFINED.finditer(source.code):
        if found[1] in KEYWORDS | FUNCTIONS | MACROS:
            yield found.start(1), f"{found[1]} is taken: no macro of that name"


def _keep_length(found: re.Match[str]) -> str:
    return "(" + re.sub(r"[^\n]", " ", found.group()[1:-1]) + ")"


def lint(path: Path, *, shared: bool) -> list[str]:
    """Every complaint about one file; `shared` where its structs are read by the host too."""
    source = Source.read(path)
    complaints = list(reserved_names(source))
    if shared:
        complaints += shared_structs(source)
    return [f"{path}:{source.line(at)}: {what}" for at, what in sorted(complaints)]


def main() -> int:
    paths = sorted([*KERNELS.glob("*.metal"), *KERNELS.glob("*.h")])
    complaints = [line for path in paths for line in lint(path, shared=path == PARAMS)]
    print("\n".join([*complaints, f"{len(paths)} files, {len(complaints)} complaints"]))
    return 1 if complaints or PARAMS not in paths else 0


if __name__ == "__main__":
    sys.exit(main())

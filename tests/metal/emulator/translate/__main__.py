"""`python -m tests.metal.emulator.translate OUT a.metal b.metal`: OUT/a.cpp, OUT/a.json, ... and OUT/index.cpp."""

import re
import sys
from pathlib import Path

from . import emit
from .signature import check_threadgroup_variables, parse
from .source import MetalError, Source


def translate(path: Path, folder: Path) -> None:
    source = Source(path)
    kernels = parse(source)
    check_headers(source, set())
    (folder / f"{path.stem}.cpp").write_text(emit.translated(source, kernels), encoding="utf-8")
    (folder / f"{path.stem}.json").write_text(emit.reflection(source, kernels), encoding="utf-8")


def check_headers(source: Source, seen: set[Path]) -> None:
    """Headers are compiled as they are: nothing in them may need translation."""
    for path in source.quoted_includes():
        if path in seen:
            continue
        seen.add(path)
        header = Source(path)
        if match := re.search(r"\bkernel\b|\[\[", header.code):
            raise header.error(match.start(), f"'{match.group()}' in a header: kernels belong in .metal files")
        check_threadgroup_variables(header, set())
        check_headers(header, seen)


def main(arguments: list[str]) -> int:
    folder, paths = Path(arguments[0]), [Path(argument) for argument in arguments[1:]]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for path in paths:
            translate(path, folder)
        (folder / "index.cpp").write_text(emit.index(paths), encoding="utf-8")
    except MetalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

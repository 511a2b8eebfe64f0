"""Every check of the front end on a shader; `python -m tests.metal.strict.check` checks metal/kernels."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.metal.strict.front_end import compile_errors
from tests.metal.strict.rules import RULES, recursion
from tests.metal.strict.signatures import signatures
from tests.metal.strict.source import with_helpers

KERNELS = Path(__file__).resolve().parents[3] / "metal" / "kernels"


@dataclass(frozen=True, order=True)
class Problem:
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def check(path: Path, folder: Path = KERNELS) -> list[Problem]:
    """What is wrong with a shader, or nothing. `folder` holds params.h and our helpers."""
    sources = with_helpers(path, folder)
    problems = {Problem(*error) for error in compile_errors(sources)}
    for source in sources:
        for rule in [*RULES, signatures]:
            problems |= {Problem(str(source.path), source.line(at), message) for at, message in rule(source)}
    problems |= {Problem(str(source.path), source.line(at), message) for source, (at, message) in recursion(sources)}
    return sorted(problems)


def main(arguments: list[str]) -> int:
    paths = [Path(argument) for argument in arguments] or sorted(KERNELS.glob("*.metal"))
    problems = [problem for path in paths for problem in check(path)]
    for problem in problems:
        print(problem)
    print(f"{len(paths)} shaders, {len(problems)} problems")
    return 1 if problems or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

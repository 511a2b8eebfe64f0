"""`python -m tests.metal.mutants [folder]` tries every mutant and the unmutated shaders, and prints who caught what."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.metal.mutants.catalogue import KERNELS, PROGRAMS, Mutant, all_mutants
from tests.metal.mutants.trial import BUILDS, CHECKS, build, caught

WORKERS = 2


def controls() -> list[Mutant]:
    """The shaders as they are, through the same machinery: nothing may be found in them."""
    return [Mutant("as it is", f"{stem}.metal", (KERNELS / f"{stem}.metal").read_text(), "") for stem in PROGRAMS]


def verdict(mutant: Mutant, folder: Path, number: int) -> tuple[str, str]:
    """The check that caught it and what it said, both empty when none did."""
    for check in sorted(CHECKS, key=lambda name: name != mutant.first):
        why = caught(mutant, folder / check, folder / "work" / str(number))
        if why:
            return check, why
    return "", ""


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]).resolve() if arguments else BUILDS
    for check in CHECKS:
        build(folder, check)
    mutants, unmutated = all_mutants(), controls()
    with ThreadPoolExecutor(WORKERS) as pool:
        tried = list(pool.map(verdict, [*mutants, *unmutated], [folder] * 999, range(len(mutants) + len(unmutated))))
    wrong = 0
    for mutant, (check, why) in zip([*mutants, *unmutated], tried, strict=True):
        fine = bool(check) == bool(mutant.first)
        wrong += not fine
        print(f"{'' if fine else 'WRONG '}{mutant.name}: {f'{check}: {why}' if check else 'nothing found'}")
    print(f"{len(mutants)} mutants and {len(unmutated)} controls, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

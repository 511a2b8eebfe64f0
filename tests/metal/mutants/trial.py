"""Where mutants are tried: the shaders' unit tests, built once for each check, with one shader exchanged."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.metal.mutants.catalogue import KERNELS, PROGRAMS, Mutant

ROOT = KERNELS.parents[1]
BUILDS = ROOT / "build-shaders"
CHECKS = ("plain", "address", "thread")
SEEDS = {"plain": ("0", "1", "2"), "address": ("1",), "thread": ("1",)}
LIMIT = 240.0  # seconds; a program that hangs is caught as well
SIGNS = re.compile(
    r"AddressSanitizer: [\w-]+|ThreadSanitizer: data race|[^\n]*(?:\bwhat\(\):|\bfailed: |\berror: )[^\n]*"
)


def environment(seed: str = "0") -> dict[str, str]:
    tools = Path(sys.executable).parent
    sanitizers = {"ASAN_OPTIONS": "detect_leaks=0", "TSAN_OPTIONS": "halt_on_error=1"}
    return {**os.environ, **sanitizers, "PATH": f"{tools}:{os.environ['PATH']}", "EMULATOR_SEED": seed}


def build(folder: Path, check: str) -> Path:
    """The unit tests with the real shaders, instrumented for one check; returns their build folder."""
    into = folder / check
    sanitizer = "none" if check == "plain" else check
    options = [f"-DSANITIZER={sanitizer}", f"-DPython_EXECUTABLE={sys.executable}", "-DCMAKE_BUILD_TYPE=None"]
    configure = ["cmake", "-S", str(ROOT / "tests" / "metal"), "-B", str(into), "-G", "Ninja", *options]
    for command in (configure, ["cmake", "--build", str(into), "--parallel", "2"]):
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the unit tests of the shaders do not build:\n{done.stdout[-8000:]}{done.stderr}")
    return into


def shaders_of(mutant: Mutant) -> list[str]:
    """The stems to build: the mutant itself, or the first shader that includes the mutated helper."""
    if mutant.file.endswith(".metal"):
        return [Path(mutant.file).stem]
    users = [stem for stem in PROGRAMS if f'"{mutant.file}"' in (KERNELS / f"{stem}.metal").read_text()]
    if not users:
        raise ValueError(f"{mutant.file}: no shader of the table includes it")
    return users[:2]


def caught(mutant: Mutant, built: Path, work: Path) -> str:
    """Why the check of this build folder refuses the mutant; empty when it lets it pass."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(KERNELS, work / "kernels")
    (work / "kernels" / mutant.file).write_text(mutant.text)
    for stem in shaders_of(mutant):
        program = work / PROGRAMS[stem]
        why = _compiled(stem, built, work) or _linked(stem, built, work, program)
        for seed in SEEDS[built.name]:
            why = why or _run([str(program)], built, environment(seed))
        if why:
            return why
    return ""


def _compiled(stem: str, built: Path, work: Path) -> str:
    sources = [str(work / "kernels" / f"{stem}.metal")]
    why = _run([sys.executable, "-m", "tests.metal.emulator.translate", str(work), *sources], ROOT, environment())
    if why:
        return why
    command = _commands(built, f"{stem}.cpp.o")
    outputs = {"-o": str(work / f"{stem}.o"), "-c": str(work / f"{stem}.cpp"), "-MF": str(work / f"{stem}.d")}
    command = [outputs.get(before, word) for before, word in zip(["", *command], command, strict=False)]
    command = [word.replace(str(KERNELS), str(work / "kernels")) for word in command]
    return _run([*command, "-w"], built, environment())  # the checks are tried here, not the compiler's warnings


def _linked(stem: str, built: Path, work: Path, program: Path) -> str:
    command = _commands(built, PROGRAMS[stem])
    command[command.index("-o") + 1] = str(program)
    return _run([*command[:1], str(work / f"{stem}.o"), *command[1:]], built, environment())


def _commands(built: Path, target: str) -> list[str]:
    """The command that makes a target of the build, without what ninja wraps around it."""
    names = subprocess.run(
        ["ninja", "-C", str(built), "-t", "targets", "all"],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    ).stdout.splitlines()
    full = next(name.split(": ")[0] for name in names if name.split(": ")[0].split("/")[-1] == target)
    listed = subprocess.run(
        ["ninja", "-C", str(built), "-t", "commands", "-s", full],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    ).stdout
    return shlex.split(listed.strip().removeprefix(": && ").removesuffix(" && :"))


def _run(command: list[str], folder: Path, with_environment: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, env=with_environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {LIMIT:g} s"
    if done.returncode == 0:
        return ""
    sign = SIGNS.search(done.stdout + done.stderr)
    return sign.group().strip()[:160] if sign else f"exit status {done.returncode}"

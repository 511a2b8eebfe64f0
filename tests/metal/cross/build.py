"""Compiles the library and the extension for macOS on Apple silicon: `python -m tests.metal.cross.build [folder]`.

Apple's compiler, SDK and frameworks are not here; what is: the real metal-cpp headers, a clang and a linker that know
macOS, and the list of what we use of each framework. A symbol of ours that is missing stops the linker.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

from tests.metal.cross.mach_o import Image, read
from tests.metal.cross.stubs import PYTHON, frameworks, python_symbols, write_stubs
from tests.metal.strict.front_end import clang

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
DEFAULT = ROOT / "build" / "ci" / "cross"
# On a Mac an extension leaves Python's symbols to the program that loads it, and with them any that is missing of ours:
# here it links to a stub of Python's instead, and as a library, because zig's linker makes no bundles.
LINK = ["c++", "--target=aarch64-macos.14.0", "-O0", "-dynamiclib"]
SYSTEM = "/usr/lib/libSystem.B.dylib"


class MissingHeaders(RuntimeError):
    """metal-cpp is not here and cannot be fetched without a network."""


def metal_cpp() -> Path:
    """The folder of metal-cpp: METAL_CPP_DIR, else what `.ci/run metal` unpacked into .bootstrap."""
    folder = Path(os.environ.get("METAL_CPP_DIR", ROOT / ".bootstrap" / "metal-cpp"))
    if not (folder / "Metal" / "Metal.hpp").exists():
        raise MissingHeaders(
            f"no metal-cpp in {folder}: `bash .ci/run metal` fetches the wheel mlx-metal; needs a network"
        )
    return folder


def python_headers(folder: Path) -> Path:
    """Those of this Python; Debian's pyconfig.h chooses among Linux machines: a copy has the chosen one."""
    headers = Path(sysconfig.get_paths()["include"])
    chosen = headers.parent / str(sysconfig.get_config_var("MULTIARCH")) / headers.name / "pyconfig.h"
    if not chosen.exists():
        return headers
    shutil.copytree(headers, folder / "python", dirs_exist_ok=True)
    shutil.copy(chosen, folder / "python" / "pyconfig.h")
    return folder / "python"


def options(folder: Path) -> list[str]:
    import pybind11

    eigen = metadata.distribution("cmeel-eigen").locate_file("cmeel.prefix")
    defined = {
        "CMAKE_TOOLCHAIN_FILE": HERE / "toolchain.cmake",
        "CMAKE_BUILD_TYPE": "None",
        "CMAKE_PREFIX_PATH": f"{eigen};{pybind11.get_cmake_dir()}",
        "ZIG": clang()[0],
        "STUBS": folder / "stubs",
        "INCLUDE": HERE / "include",
        "METAL_CPP_DIR": metal_cpp(),
        "Python_EXECUTABLE": sys.executable,
        "Python_INCLUDE_DIR": python_headers(folder),
        "PORTFOLIO_BLAS": "accelerate",
        "PORTFOLIO_METAL": "ON",
        "PORTFOLIO_PYTHON": "ON",
        "PORTFOLIO_WERROR": "ON",
        "BUILD_TESTING": "OFF",
    }
    return [f"-D{name}={value}" for name, value in defined.items()]


def build(folder: Path) -> tuple[Path, Path]:
    """The shared library and the extension. Raises CalledProcessError, after the tools have said what is wrong."""
    write_stubs(folder / "stubs")
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    environment.setdefault("ZIG_GLOBAL_CACHE_DIR", str(folder.parent / "zig-cache"))
    objects = [f"python/src/CMakeFiles/_core.dir/{path.name}.o" for path in sorted((ROOT / "python/src").glob("*.cpp"))]
    configure = ["cmake", "-S", str(ROOT), "-B", str(folder), "-G", "Ninja", *options(folder)]
    compiled = ["cmake", "--build", str(folder), "--parallel", "2", "--target", "portfolio", *objects]
    for step in (configure, compiled):
        subprocess.run(step, check=True, env=environment)
    library = next(folder.glob("cpp/libportfolio.*.*.*.dylib"))
    extension = folder / "_core.so"
    inputs = [*(str(folder / each) for each in objects), str(library), str(folder / "stubs" / PYTHON)]
    subprocess.run([clang()[0], *LINK, *inputs, "-o", str(extension)], check=True, env=environment)
    return library, extension


def strangers(image: Image, ours: frozenset[str] = frozenset()) -> list[str]:
    """Imports of a file that are neither in the committed list, nor Python's, nor of our own library or the system."""
    known = {symbol for symbols in frameworks().values() for symbol in symbols} | set(python_symbols()) | ours
    return sorted(
        f"{symbol} from {library}"
        for symbol, library in image.imports.items()
        if (library != SYSTEM and symbol not in known) or library == "dynamic lookup"
    )


def main(arguments: list[str]) -> int:
    library, extension = build(Path(arguments[0]).resolve() if arguments else DEFAULT)
    portfolio, core = read(library), read(extension)
    wrong = [*strangers(portfolio), *strangers(core, portfolio.exports)]
    if "_PyInit__core" not in core.exports:
        wrong.append("_core exports no PyInit__core")
    for line in wrong:
        print(line)
    print(
        f"{library.name}: {len(portfolio.imports)} imports; {extension.name}: {len(core.imports)}; {len(wrong)} wrong"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

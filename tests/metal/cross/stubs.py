"""Frameworks of which only the symbols are known, so that the linker says which of ours are missing."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

HERE = Path(__file__).parent
INSTALLED = "/System/Library/Frameworks/{name}.framework/Versions/A/{name}"
EXPORTED = re.compile(r"\bPyAPI_(?:FUNC|DATA)\s*\([^)]*\)\s*\*?\s*(\w+)")
PYTHON = "libpython.tbd"


def frameworks() -> dict[str, list[str]]:
    """The committed symbols of each framework: lines of a symbol, under `[framework]`."""
    found: dict[str, list[str]] = {}
    for line in (HERE / "symbols.txt").read_text().splitlines():
        text = line.split("#")[0].strip()
        if text.startswith("["):
            found[text.strip("[]")] = symbols = []
        elif text:
            symbols.append(text)
    return found


def python_symbols() -> list[str]:
    """What the headers of this Python declare as exported: the interpreter that loads the extension provides them."""
    folder = Path(sysconfig.get_path("include"))
    names = {name for header in folder.rglob("*.h") for name in EXPORTED.findall(header.read_text(errors="replace"))}
    if "PyModule_Create2" not in names:
        raise RuntimeError(f"no Python headers in {folder}")
    return sorted("_" + name for name in names)


def definition(install_name: str, symbols: list[str]) -> str:
    """A text-based stub library, as the SDK of macOS has them."""
    return (
        "--- !tapi-tbd\ntbd-version: 4\ntargets: [ arm64-macos ]\n"
        f"install-name: '{install_name}'\ncurrent-version: 1\n"
        f"exports:\n  - targets: [ arm64-macos ]\n    symbols: [ {', '.join(symbols)} ]\n...\n"
    )


def write_stubs(folder: Path) -> None:
    for name, symbols in frameworks().items():
        framework = folder / f"{name}.framework"
        framework.mkdir(parents=True, exist_ok=True)
        (framework / f"{name}.tbd").write_text(definition(INSTALLED.format(name=name), symbols))
    (folder / PYTHON).write_text(definition("@rpath/Python", python_symbols()))

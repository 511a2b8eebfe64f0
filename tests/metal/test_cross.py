"""The library and the extension for macOS on Apple silicon, built here against the real metal-cpp headers."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from tests.metal.cross.build import main
from tests.metal.cross.mach_o import read
from tests.metal.cross.stubs import frameworks, python_symbols, write_stubs


@pytest.mark.deep
@pytest.mark.skipif(sys.platform != "linux", reason="the cross build stands in for macOS on Linux")
@pytest.mark.timeout(3600)
def test_everything_links_and_imports_only_what_is_known() -> None:
    assert main([]) == 0


def test_the_symbols_are_those_of_frameworks_and_of_python(tmp_path: Path) -> None:
    assert {"Metal", "Foundation", "Accelerate"} <= frameworks().keys()
    symbols = [symbol for names in frameworks().values() for symbol in names]
    assert len(symbols) == len(set(symbols))
    assert not [symbol for symbol in symbols if "portfolio" in symbol]  # ours are never stubs
    assert {"_PyModule_Create2", "_Py_IncRef", "_PyExc_ValueError"} <= set(python_symbols())
    write_stubs(tmp_path)
    assert "_MTLCreateSystemDefaultDevice" in (tmp_path / "Metal.framework" / "Metal.tbd").read_text()


def library(names: list[tuple[str, int, int]]) -> bytes:
    """A Mach-O dylib that loads /usr/lib/a and has symbols of a name, a type and a library ordinal."""
    install = b"/usr/lib/a\0\0\0\0\0\0"
    load = struct.pack("<6I", 0xC, 24 + len(install), 24, 0, 0, 0) + install
    text, entries = b"\0", b""
    for name, kind, ordinal in names:
        entries += struct.pack("<IBBHQ", len(text), kind, 0, ordinal << 8, 0)
        text += name.encode() + b"\0"
    start = 32 + len(load) + 24
    table = struct.pack("<6I", 0x2, 24, start, len(names), start + len(entries), len(text))
    head = struct.pack("<8I", 0xFEEDFACF, 0x0100000C, 0, 6, 2, len(load) + len(table), 0, 0)
    return head + load + table + entries + text


def test_a_mach_o_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "some.dylib"
    path.write_bytes(library([("_ours", 0x0F, 0), ("_theirs", 0x01, 1), ("_nobody", 0x01, 0xFE), ("_local", 0x0E, 0)]))
    image = read(path)
    assert image.kind == "dylib"
    assert image.exports == {"_ours"}
    assert image.imports == {"_theirs": "/usr/lib/a", "_nobody": "dynamic lookup"}


def test_a_library_of_linux_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.so"
    path.write_bytes(b"\x7fELF" + bytes(60))
    with pytest.raises(ValueError, match="no library of arm64 macOS"):
        read(path)

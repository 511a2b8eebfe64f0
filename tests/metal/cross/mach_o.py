"""What a linked Mach-O file imports, from which library, and exports (Apple: mach-o/loader.h, nlist.h)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

MAGIC_64, ARM64 = 0xFEEDFACF, 0x0100000C
KINDS = {6: "dylib", 8: "bundle"}
SYMBOL_TABLE, LOADS = 0x2, {0xC, 0x80000018, 0x8000001F}  # LC_SYMTAB; LC_LOAD_DYLIB, its weak and re-exporting forms
TYPE, EXTERNAL, DEBUG = 0x0E, 0x01, 0xE0
ORDINALS = {0: "itself", 0xFE: "dynamic lookup", 0xFD: "the main program"}


@dataclass(frozen=True)
class Image:
    kind: str
    imports: dict[str, str]  # symbol to the install name of its library
    exports: frozenset[str]


def read(path: Path) -> Image:
    """Raises ValueError for what is no 64-bit Mach-O library of arm64."""
    data = path.read_bytes()
    magic, processor, _, kind, count, _ = struct.unpack_from("<6I", data)
    if magic != MAGIC_64 or processor != ARM64 or kind not in KINDS:
        raise ValueError(f"{path}: no library of arm64 macOS")
    libraries: list[str] = []
    table = (0, 0, 0, 0)
    at = 32
    for _ in range(count):
        command, size = struct.unpack_from("<2I", data, at)
        if command in LOADS:
            start = at + struct.unpack_from("<I", data, at + 8)[0]
            libraries.append(_text(data, start))
        elif command == SYMBOL_TABLE:
            table = struct.unpack_from("<4I", data, at + 8)
        at += size
    return _symbols(data, KINDS[kind], libraries, table)


def _symbols(data: bytes, kind: str, libraries: list[str], table: tuple[int, ...]) -> Image:
    offset, count, names, _ = table
    imports: dict[str, str] = {}
    exports: set[str] = set()
    for k in range(count):
        name, flags, _, description, _ = struct.unpack_from("<IBBHQ", data, offset + 16 * k)
        if flags & DEBUG or not flags & EXTERNAL:
            continue
        symbol, ordinal = _text(data, names + name), description >> 8
        if flags & TYPE:
            exports.add(symbol)
        else:
            imports[symbol] = ORDINALS.get(ordinal) or libraries[ordinal - 1]
    return Image(kind, imports, frozenset(exports))


def _text(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode()

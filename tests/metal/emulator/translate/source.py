"""The text of a `.metal` file: comments and strings blanked out, positions turned into file and line."""

import re
from itertools import pairwise
from pathlib import Path

COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
OPENING, CLOSING = "([{", ")]}"


class MetalError(Exception):
    """The file is not in the documented style; the message begins with file:line."""


class Source:
    """A file's text, and `code`: the same characters with every comment and string blanked, line for line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.code = COMMENT_OR_STRING.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), self.text)

    def line(self, position: int) -> int:
        return self.code.count("\n", 0, position) + 1

    def error(self, position: int, message: str) -> MetalError:
        return MetalError(f"{self.path}:{self.line(position)}: {message}")

    def closing(self, opening: int) -> int:
        """Position of the bracket that closes the one at `opening`."""
        depth = 0
        for position in range(opening, len(self.code)):
            depth += (self.code[position] in OPENING) - (self.code[position] in CLOSING)
            if depth == 0:
                return position
        raise self.error(opening, f"'{self.code[opening]}' is never closed")

    def split(self, begin: int, end: int) -> list[tuple[int, int]]:
        """The ranges between the commas of code[begin:end] that stand outside any bracket, without outer blanks."""
        cuts, depth = [begin - 1], 0
        for position in range(begin, end):
            depth += (self.code[position] in OPENING) - (self.code[position] in CLOSING)
            if self.code[position] == "," and depth == 0:
                cuts.append(position)
        cuts.append(end)
        ranges = []
        for left, right in pairwise(cuts):
            part = self.code[left + 1 : right]
            start = left + 1 + len(part) - len(part.lstrip())
            ranges.append((start, start + len(part.strip())))
        return ranges

    def quoted_includes(self) -> list[Path]:
        """Paths of the `#include "..."` that stand beside this file."""
        names = re.findall(r'(?m)^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', self.text)
        return [self.path.parent / name for name in names if (self.path.parent / name).exists()]

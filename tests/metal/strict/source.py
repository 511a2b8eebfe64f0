"""Shader text as the rules see it: comments and strings blanked out, functions and their bodies found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]*)>|"([^"\n]*)")', re.M)
HOST_ONLY = [
    re.compile(r"^[ \t]*#[ \t]*ifndef[ \t]+__METAL_VERSION__[^\n]*\n(.*?)^[ \t]*#[ \t]*(?:else|endif)", re.M | re.S),
    re.compile(
        r"^[ \t]*#[ \t]*ifdef[ \t]+__METAL_VERSION__[^\n]*\n[^#]*#[ \t]*else[^\n]*\n(.*?)^[ \t]*#[ \t]*endif",
        re.M | re.S,
    ),
]
FUNCTION = re.compile(r"\b(\w+)\s*\(")
NO_FUNCTION = {"if", "for", "while", "switch", "return", "sizeof", "alignof", "decltype", "static_assert"}


def blank(text: str) -> str:
    """The text with comments and strings turned into spaces: every offset and line number stays."""
    return NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def for_the_gpu(code: str) -> str:
    """Blanks what only the host compiles: the other side of __METAL_VERSION__ in headers that both include."""
    for part in HOST_ONLY:
        for found in list(part.finditer(code)):
            first, last = found.span(1)
            code = code[:first] + re.sub(r"[^\n]", " ", code[first:last]) + code[last:]
    return code


def closing(code: str, opening: int) -> int:
    """The offset of the bracket that closes the one at `opening`, or the end of the text."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    opens, closes, depth = code[opening], pairs[code[opening]], 0
    for at in range(opening, len(code)):
        depth += (code[at] == opens) - (code[at] == closes)
        if depth == 0:
            return at
    return len(code)


@dataclass(frozen=True)
class Function:
    name: str
    at: int
    head: str  # what stands before the name, back to the previous declaration
    parameters: str
    body: tuple[int, int]  # offsets of { and }

    @property
    def is_kernel(self) -> bool:
        return re.search(r"\bkernel\b", self.head) is not None


@dataclass(frozen=True)
class Source:
    path: Path
    text: str
    code: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Source:
        text = path.read_text()
        return cls(path, text, for_the_gpu(blank(text)))

    def line(self, offset: int) -> int:
        return self.code.count("\n", 0, offset) + 1

    def includes(self) -> Iterator[tuple[int, str, bool]]:
        """Offset, name and whether in angle brackets."""
        for found in INCLUDE.finditer(self.text):
            if self.code[found.start() : found.end()].lstrip().startswith("#"):  # not in a comment
                yield found.start(), found[1] or found[2], found[1] is not None

    def functions(self) -> Iterator[Function]:
        """Every function with a body, outermost first; a body is not searched again."""
        at = 0
        while found := FUNCTION.search(self.code, at):
            at = found.end()
            if found[1] in NO_FUNCTION:
                continue
            end = closing(self.code, found.end() - 1)
            brace = re.compile(r"\s*(?:const\s*)?\{").match(self.code, end + 1)
            if not brace:
                continue
            start = max(self.code.rfind(mark, 0, found.start()) for mark in ";{}") + 1
            last = closing(self.code, brace.end() - 1)
            head, parameters = self.code[start : found.start()], self.code[found.end() : end]
            yield Function(found[1], found.start(), head, parameters, (brace.end() - 1, last))
            at = last

    def outside_functions(self) -> str:
        """The code with every function's body blanked out."""
        code = self.code
        for function in self.functions():
            first, last = function.body
            code = code[: first + 1] + re.sub(r"[^\n]", " ", code[first + 1 : last]) + code[last:]
        return code


def split_arguments(parameters: str) -> list[str]:
    """Splits at the commas that are in no bracket."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(parameters):
        depth += (character in "(<[{") - (character in ")>]}")
        if character == "," and depth == 0:
            parts.append(parameters[start:at].strip())
            start = at + 1
    last = parameters[start:].strip()
    return [*parts, last] if last else parts


def with_helpers(path: Path, folder: Path) -> list[Source]:
    """The file, first, and everything of ours that it includes, each once."""
    found: dict[Path, Source] = {}
    unread = [path]
    while unread:
        each = unread.pop()
        if each not in found and each.exists():
            found[each] = Source.read(each)
            unread += [folder / name for _, name, angled in found[each].includes() if not angled]
    return list(found.values())

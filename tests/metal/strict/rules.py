"""Rules on the text, for what a C++ front end lets pass and Metal, or our own rules for kernels, do not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tests.metal.strict.source import Function, Source

Finding = tuple[int, str]  # offset, message
SPACES = r"\b(?:device|constant|threadgroup|thread)\b"
BUILTIN = r"(?:float|half|u?int|u?short|u?char|u?long|bool)[234]?|u?int(?:8|16|32|64)_t|atomic_\w+|simdgroup_\w+"
ABSENT = (
    "new|delete|throw|try|catch|goto|virtual|dynamic_cast|typeid|thread_local|asm|__asm__|double|static|friend|union"
)
HEADERS = {"metal_stdlib", "metal_math", "metal_simdgroup", "metal_simdgroup_matrix", "metal_atomic", "metal_compute"}
MEETING = re.compile(r"\b(?:threadgroup_barrier|simdgroup_\w+|simd_\w+)\s*\(")  # where the threads of a group meet

PATTERNS: list[tuple[str, str]] = [
    (r"\bstd\s*::", "std:: does not exist in Metal"),
    (rf"\b(?:{ABSENT})\b", "keyword that shaders may not use"),
    (r"\b(?:size_t|ptrdiff_t|wchar_t)\b", "type whose width the host and the GPU need not share"),
    (r"(?<![\w.])(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?(?![\w.])", "literal of type double: it needs an f"),
    (r"(?<![\w\])])[ \t]*(?<!\[)\[(?!\[)[&=\w, ]*\]\s*(?:\([^()]*\)\s*)?\{", "lambda"),
    (r"\(\s*\*\s*\w+\s*\)\s*\(", "pointer to a function"),
    (r"\b(?:assert|printf|os_log)\s*\(", "neither assert nor output in a kernel"),
    (r"#\s*pragma\s+(?!once\b|unroll\b|clang\s+loop\b)\w+", "pragma that not every compiler of Metal knows"),
    (r"\bwhile\s*\([^;{]*\batomic_(?:load|compare)", "spin-wait: threadgroups need not run at the same time"),
    (r"\b(?:texture\w+|sampler)\b", "no textures"),
    (r"\bauto\s*[&*]", "auto hides the address space of a pointer or reference"),
    (r"\b__\w+|\b_[A-Z]\w*", "name reserved for the compiler"),
    (r"\b(?:float|half|u?int|u?short)3\s*[*&]", "three-component vectors take the room of four in a buffer"),
    (
        r"\bthreadgroup\s+[\w:<>]+\s+\w+(?:\s*\[[^\]]*\])*\s*=",
        "threadgroup memory cannot be initialised where declared",
    ),
]
ALLOWED_RESERVED = {"__METAL_VERSION__", "__METAL_MACOS__", "__APPLE__"}


def patterns(source: Source) -> Iterator[Finding]:
    code = source.code
    for expression, message in PATTERNS:
        for found in re.finditer(expression, code):
            word = found.group().strip()
            if word not in ALLOWED_RESERVED:
                yield found.start(), f"{message}: {' '.join(word.split())}"


def includes(source: Source) -> Iterator[Finding]:
    for offset, name, angled in source.includes():
        if (angled and name not in HEADERS) or (not angled and "/" in name):
            yield offset, f"only Metal's own headers and files beside the shader are included: {name}"


def address_spaces(source: Source) -> Iterator[Finding]:
    """Metal has no default address space for what a pointer or a reference refers to."""
    own = re.findall(r"\b(?:struct|class|typename|using)\s+(\w+)", source.code)
    kinds = "|".join([BUILTIN, *sorted(set(own))])
    for found in re.finditer(rf"\b(?:{kinds})\b(?:<[^<>;]*>)?\s*(?:const\s*)?[*&]+(?!=)", source.code):
        start = max(source.code.rfind(mark, 0, found.start()) for mark in "(,;{}<") + 1
        before = source.code[start : found.end()]
        if not re.search(SPACES, before):
            yield found.start(), f"pointer or reference without an address space: {' '.join(found.group().split())}"


def program_scope(source: Source) -> Iterator[Finding]:
    """A variable outside functions must live in the constant address space."""
    code = re.sub(r"\b(?:struct|class|enum)\b[^;{]*\{[^{}]*\}\s*;", _blanked, source.outside_functions())
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", _blanked, code, flags=re.M)
    declaration = re.compile(
        r"(?:^|(?<=[;}{]))\s*((?:const\s+|constexpr\s+|inline\s+|threadgroup\s+|device\s+)*(?!typedef|using|template|return|namespace|struct)"
        r"[\w:]+(?:<[^;{}]*>)?\s+\w+\s*(?:\[[^\]]*\]\s*)*(?:=|;|\{))"
    )
    for found in declaration.finditer(code):
        if not re.search(r"\bconstant\b", found[1]):
            yield found.start(1), f"variable outside a function that is not constant: {' '.join(found[1].split())}"


def threadgroup_memory(source: Source) -> Iterator[Finding]:
    for function in source.functions():
        first, last = function.body
        shared = re.search(r"\bthreadgroup\s+[\w:<>]+\s+\w+\s*(?:\[[^\]]*\]\s*)*[;=]", source.code[first:last])
        if shared and not function.is_kernel:
            yield first + shared.start(), f"threadgroup memory is declared in kernels only, not in {function.name}"


def early_return(source: Source) -> Iterator[Finding]:
    """All threads live to the end: one that returns is missing where the others meet."""
    for function in source.functions():
        first, last = function.body
        body = source.code[first:last]
        for found in re.finditer(r"\breturn\b", body):
            after = body[body.find(";", found.start()) :]
            if MEETING.search(after):
                yield first + found.start(), f"return before a barrier or simd operation in {function.name}"


def recursion(sources: list[Source]) -> Iterator[tuple[Source, Finding]]:
    """A cycle among the functions of the shader and the helpers it includes."""
    bodies: dict[str, tuple[Source, Function]] = {}
    for source in sources:
        for function in source.functions():
            bodies.setdefault(function.name, (source, function))
    calls: dict[str, set[str]] = {}
    for name, (source, function) in bodies.items():
        body = source.code[slice(*function.body)]
        calls[name] = set(re.findall(r"\b(\w+)\s*(?:<[^<>;]*>)?\s*\(", body)) & bodies.keys()
    for name, (source, function) in bodies.items():
        reached: set[str] = set()
        called = set(calls[name])
        while called:
            reached |= called
            called = set().union(*(calls[each] for each in called)) - reached
        if name in reached:
            yield source, (function.at, f"recursion: {name}")


def _blanked(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found.group())


RULES: list[Callable[[Source], Iterator[Finding]]] = [
    patterns,
    includes,
    address_spaces,
    program_scope,
    threadgroup_memory,
    early_return,
]

"""Shaders with one planted fault each: barriers and early returns by rule, the rest by hand. Each must be caught."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.metal.strict.source import Source

KERNELS = Path(__file__).resolve().parents[3] / "metal" / "kernels"
BARRIER = re.compile(r"(?:metal::)?threadgroup_barrier\s*\([^;]*;")
THREAD = re.compile(r"\buint\s+(\w+)\s*\[\[\s*thread_index_in_threadgroup\s*\]\]")

# The program of unit tests that runs a shader; a helper is tried through one of the shaders that include it.
PROGRAMS = {
    "chunked_statistics": "test_chunked_statistics",
    "covariance": "test_covariance",
    "eigh": "test_eigh",
    "monte_carlo": "test_monte_carlo",
    "qp": "test_qp",
    "risk_parity": "test_risk_parity",
}


@dataclass(frozen=True)
class Mutant:
    what: str
    file: str
    text: str  # the whole mutated file
    first: str  # the check that should bite: plain, address or thread; the others are tried after it

    @property
    def name(self) -> str:
        return f"{self.file}: {self.what}"


BY_HAND = [
    ("covariance.metal", "rows read past the table", "address", "row < e.rows && asset < e.assets", "asset < e.assets"),
    ("covariance.metal", "upper triangle written", "plain", "row < e.assets && column + k <= row", "row < e.assets"),
    ("covariance.metal", "array too small", "address", "right[STAGE * TILE];", "right[STAGE * TILE - 32u];"),
    ("covariance.metal", "sum not initialised", "plain", "for (uint k = 0u; k < OWN; ++k) sum[k] = 0.0f;", ""),
    ("covariance.metal", "matrix not transposed", "plain", "ulong2(0, 0), true", "ulong2(0, 0), false"),
    ("eigh.metal", "wrong sign", "plain", "a[p * n + p] -= r.shift[i];", "a[p * n + p] += r.shift[i];"),
    ("eigh.metal", "no guard for odd orders", "address", "const bool rows = q < n,", "const bool rows = true,"),
    ("eigh.metal", "array too small", "address", "numbers[4u * PAIRS];", "numbers[3u * PAIRS];"),
    ("qp.metal", "every thread reports", "thread", "if (t == 0u && needed)", "if (needed)"),
    ("qp.metal", "lanes not added up", "plain", "value = simd_sum(value);", ""),
    ("qp.metal", "arrays overlap", "plain", "scratch = yg + m;", "scratch = yg;"),
    (
        "qp.metal",
        "sum not initialised",
        "plain",
        "float value = 0.0f;\n      for (uint j",
        "float value;\n      for (uint j",
    ),
    ("risk_parity.metal", "arrays overlap", "plain", "slots = g + n;", "slots = g;"),
    ("risk_parity.metal", "wrong thread", "plain", "if (j == i + 1u)", "if (j == i)"),
    ("risk_parity.metal", "one slot for two", "plain", "change = slots[i & 1u];", "change = slots[0];"),
    (
        "threadgroup_reduce.h",
        "more slots read than filled",
        "plain",
        "lane < nsg ? scratch[lane] : 0.0f",
        "scratch[lane]",
    ),
    ("threadgroup_reduce.h", "every lane writes", "thread", "if (lane == 0u) scratch[sg]", "scratch[sg]"),
    (
        "threadgroup_reduce.h",
        "simd operation in a branch",
        "plain",
        "const float own = metal::simd_sum(value);",
        "float own = 0.0f;\n  if (lane < 16u) own = metal::simd_sum(value);",
    ),
    ("monte_carlo.metal", "paths past the last", "address", "if (path < p.paths) {", "if (p.paths > 0u) {"),
    ("monte_carlo.metal", "assets past the last", "plain", " && asset < p.assets", ""),
    (
        "chunked_statistics.metal",
        "values past the last",
        "address",
        "min(group * GROUP + GROUP, p.count)",
        "group * GROUP + GROUP",
    ),
    ("chunked_statistics.metal", "gathered past the room", "address", "if (place < p.capacity) ", ""),
    (
        "chunked_statistics.metal",
        "counts not initialised",
        "plain",
        "atomic_store_explicit(&own[b], 0u, memory_order_relaxed);",
        "{}",
    ),
]


def by_hand() -> Iterator[Mutant]:
    """The listed edits, at the first place where their text stands. Raises ValueError where it stands no more."""
    for file, what, first, old, new in BY_HAND:
        text = (KERNELS / file).read_text()
        if old not in text:
            raise ValueError(f"{file}: the mutant '{what}' does not apply any more: no {old!r}")
        yield Mutant(what, file, text.replace(old, new, 1), first)


def by_rule() -> Iterator[Mutant]:
    """Each barrier removed; and in each kernel one barrier that only some threads reach, and one early return."""
    for path in sorted([*KERNELS.glob("*.metal"), *KERNELS.glob("*.h")]):
        source = Source.read(path)
        for found in BARRIER.finditer(source.code):
            gone = source.text[: found.start()] + source.text[found.end() :]
            yield Mutant(f"barrier of line {source.line(found.start())} removed", path.name, gone, "thread")
        for function in source.functions():
            thread = THREAD.search(function.parameters)
            barrier = BARRIER.search(source.code, *function.body)
            if not (function.is_kernel and thread and barrier):
                continue
            at = barrier.start()
            some = f"if ({thread[1]} < 40u) {source.text[at:]}"
            yield Mutant(f"barrier of {function.name} in a branch", path.name, source.text[:at] + some, "plain")
            early = f"if ({thread[1]} >= 40u) return;\n  {source.text[at:]}"
            yield Mutant(f"early return in {function.name}", path.name, source.text[:at] + early, "plain")


def all_mutants() -> list[Mutant]:
    return [*by_hand(), *by_rule()]

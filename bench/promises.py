"""A promise, what it asks for and what was measured, and the tables of them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.kernels import machine

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Row:
    """One measured promise; `kind` says whether the number is the most or the least allowed."""

    number: str  # of the row in the reliability bar
    what: str
    required: float
    measured: float
    kind: str = "most"
    unit: str = ""
    note: str = ""

    @property
    def met(self) -> bool:
        """A measurement that is missing (nan) meets nothing."""
        return self.measured <= self.required if self.kind == "most" else self.measured >= self.required

    def cells(self) -> tuple[str, ...]:
        """As text: number, what, required, measured, met, note."""
        sign = "<=" if self.kind == "most" else ">="
        unit = f" {self.unit}" if self.unit else ""
        measured = f"{self.measured:.4g}" if self.measured < 10_000 else f"{self.measured:.0f}"
        met = "yes" if self.met else "NO"
        return (self.number, self.what, f"{sign} {self.required:g}{unit}", f"{measured}{unit}", met, self.note)


def table(rows: Sequence[Row]) -> str:
    """The rows under their headings, as plain text."""
    lines = [("row", "what", "required", "measured", "met", ""), *(row.cells() for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, [*widths, 0], strict=True)).rstrip() for line in lines
    )


def commit() -> str:
    """The commit that is measured, with a plus where the tree has changes of its own."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
        ).stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "no commit") + ("+" if git("status", "--porcelain", "-uno") else "")


def machine_name() -> str:
    """What figures were measured on."""
    about = machine()
    return f"{about['cpu']}, {about['cores']} cores, {about['system']}, Python {about['python']}"


def machine_line() -> str:
    """The same with the commit and the load: what a reader needs to judge the figures."""
    return f"{machine_name()}, commit {commit()}, load {machine()['load']:.1f}"

"""docs/benchmarks.md from the records of the machines that were measured."""

from __future__ import annotations

from typing import Any

TARGET = "Apple M4 Max"
COLUMNS = (("cpu", "CPU"), ("metal", "GPU"), ("mlx", "MLX"))

INTRODUCTION = f"""# Benchmarks

Written by `./run bench devices`: do not edit. Milliseconds, the median of repeated calls from Python, with checks and
copies; less is better. `contract` is what the contract claims on an {TARGET}. A cell is empty where nobody has
measured yet: no figure here is estimated, and the CPU's emulation of Metal that the tests use is never timed. Every
figure of the contract, the served ones among them, is in [contract-figures.md](contract-figures.md); other packages
are on the same CPU in [benchmarks-peers.md](benchmarks-peers.md).

On a Mac the same command measures CPU, GPU and MLX side by side and adds that machine to the page; `./run bench native
--device=cpu,metal` runs the C++ programs on both. GPU is `device="metal"`: single precision inside, answers within the
tolerances that `tests/parity` holds it to. "CPU: ..." in its column says why that problem is handed on. MLX works in
single precision, without certificates, and has no quadratic programs.
"""


def page(records: dict[str, Any]) -> str:
    """One table for each machine, and an empty one for the target until it is measured."""
    parts = [INTRODUCTION]
    for machine, record in records.items():
        gpu = record["gpu"] or "none: the GPU's column is not measured here"
        mlx = record["mlx"] or "not measured here"
        parts += [
            f"## {machine}\n",
            f"Commit {record['commit']}, load {record['load']}. GPU: {gpu}. MLX: {mlx}.\n",
            table(record["rows"]),
        ]
    if not any(TARGET in machine for machine in records):
        rows = next(iter(records.values()))["rows"] if records else []
        bare = [{name: row[name] for name in ("what", "size", "contract")} for row in rows]
        parts += [f"## {TARGET}\n", "Not measured yet.\n", table(bare)]
    return "\n".join(parts)


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    heading = ["work", "size", "contract", *(title for _, title in COLUMNS)]
    lines = [heading, ["---"] * len(heading)]
    lines += [
        [row["what"], row["size"], shown(row["contract"]), *(shown(row.get(k)) for k, _ in COLUMNS)] for row in rows
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def shown(value: float | str | None) -> str:
    """Three digits; nothing for nothing."""
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"

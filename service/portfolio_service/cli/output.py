"""Tables for people, JSON for scripts, progress on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


def console() -> Console:
    out = Console(highlight=False)
    # a pipe has no width of its own: no cell is cut for it
    return out if out.is_terminal else Console(highlight=False, width=200)


def note(message: str) -> None:
    """A line for people that scripts need not read: stderr."""
    print(message, file=sys.stderr)


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str | None = None, left: int = 1
) -> None:
    """One table: the first `left` columns to the left, the others to the right."""
    shown = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for i, name in enumerate(columns):
        shown.add_column(name, justify="left" if i < left else "right", no_wrap=i == 0, overflow="fold")
    for row in rows:
        shown.add_row(*row)
    # rich would fold a title to the width of the table
    screen = console()
    screen.print(title, style="bold")
    screen.print(shown)
    if caption:
        screen.print(caption, style="dim")
    screen.print()


def print_json(value: Any) -> None:
    """JSON with sorted-as-given keys; NaN and infinity, which JSON lacks, become null."""
    print(json.dumps(plain(value), indent=2))


def plain(value: Any) -> Any:
    """`value` in JSON's types."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist") and not hasattr(value, "to_dict"):  # numpy
        return plain(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def percent(value: float, decimals: int = 2) -> str:
    return "-" if not math.isfinite(value) else f"{value:.{decimals}%}"


def ratio(value: float) -> str:
    return "-" if not math.isfinite(value) else f"{value:.3f}"


def amount(value: float) -> str:
    return "-" if not math.isfinite(value) else f"{value:,.2f}"


@contextmanager
def progress(label: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, shown on a terminal only; gives report(done, total)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    err = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def working(label: str, quiet: bool = False) -> Iterator[None]:
    """A spinner on stderr while one long call runs, shown on a terminal only."""
    err = Console(stderr=True)
    if quiet or not err.is_terminal:
        yield
        return
    with err.status(label):
        yield

"""All rows of the comparison, in the order they are run: what a user meets most comes first."""

from __future__ import annotations

from bench.peers import (
    batch_rows,
    choice_rows,
    cvar_rows,
    estimate_rows,
    frontier_rows,
    metrics_rows,
    qp_rows,
    simulate_rows,
    structure_rows,
    warm_rows,
    whole_rows,
)
from bench.peers.case import Row

ROWS: tuple[Row, ...] = (
    *qp_rows.ROWS,
    *frontier_rows.ROWS,
    *batch_rows.ROWS,
    *metrics_rows.ROWS,
    *simulate_rows.ROWS,
    *estimate_rows.ROWS,
    *warm_rows.ROWS,
    *structure_rows.ROWS,
    *choice_rows.ROWS,
    *cvar_rows.ROWS,
    *whole_rows.ROWS,
)


def find(key: str) -> Row:
    """The row of that key."""
    return next(row for row in ROWS if row.key == key)


def choose(families: list[str], sizes: list[int], quick: bool) -> list[Row]:
    """Those asked for; all of them where nothing is."""
    return [
        row
        for row in ROWS
        if (not families or row.family in families) and (not sizes or row.n in sizes) and (row.quick or not quick)
    ]

"""Every performance figure of the contract beside ours; `./run bench contract` writes docs/contract-figures.md.

A figure is the median of repeated calls on this machine. Where the contract names no size, the size is stated. The
columns of the GPU and the Neural Engine are empty until somebody has measured on one.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

from bench import figures_core, figures_domain, figures_served
from bench.figure import Figure, markdown, plain
from bench.promises import ROOT, machine_line

PAGE = ROOT / "docs" / "contract-figures.md"
RATIO = "a ratio to an older program that is not at hand"
NOT_MEASURED = (
    Figure("Performance Benchmarks", "improvement over 50.3 ms", 5.6, "x", "", None, "least", RATIO),
    Figure("Performance Benchmarks", "memory reduction", 58, "%", "", None, "least", RATIO),
    Figure("Optimization Algorithms", "GPU against CPU, 50 assets", 30, "x", "", None, "least", "no GPU measured"),
    Figure(
        "Optimization Algorithms", "Neural Engine risk modelling", 8, "ms", "", None, why="there is no such model here"
    ),
)


async def gather(portfolios: int) -> list[Figure]:
    """Every figure, with a line of progress for each."""
    found: list[Figure] = []

    def took(figure: Figure) -> None:
        found.append(figure)
        print(
            f"{time.strftime('%H:%M:%S', time.gmtime())} {figure.what}, {figure.size}: {figure.cells()[4]}", flush=True
        )

    for figure in figures_core.figures():
        took(figure)
    async for figure in figures_domain.figures():
        took(figure)
    async for figure in figures_served.figures(portfolios):
        took(figure)
    order = list(dict.fromkeys(figure.section for figure in found))
    return sorted([*found, *NOT_MEASURED], key=lambda figure: order.index(figure.section))


def page(figures: list[Figure], machine: str) -> str:
    """The documentation page."""
    met = sum(figure.met is True for figure in figures)
    measured = sum(figure.met is not None for figure in figures)
    return f"""# The contract's figures and ours

Written by `./run bench contract`: do not edit. Measured on: {machine}.

{met} of {measured} measured figures are met. Each is the median of repeated calls on that machine while nothing else
was meant to run; the load average tells. The contract's numbers are of another machine (an M4 Max): a number that is
met here says nothing about it. The columns GPU and Neural Engine stay empty until they are measured on one.

{markdown(figures)}
"""


def main() -> int:
    """Command line; the page is written unless --print."""
    parser = argparse.ArgumentParser(prog="./run bench contract", description=__doc__)
    parser.add_argument("--portfolios", type=int, default=1000, help="how many the service holds meanwhile")
    parser.add_argument("--print", action="store_true", dest="only_print", help="leave docs/contract-figures.md alone")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to write")
    options = parser.parse_args()
    machine = machine_line()
    print(machine, flush=True)
    figures = asyncio.run(gather(options.portfolios))
    print("\n" + plain(figures))
    if not options.only_print:
        options.page.write_text(page(figures, machine))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

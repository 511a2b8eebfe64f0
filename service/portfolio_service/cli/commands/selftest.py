"""`portfolio-engine selftest`: every kernel on every device of this machine, checked."""

from __future__ import annotations

from typing import Annotated

import typer

from portfolio_service.cli import options as o
from portfolio_service.cli.run import FAILED


def selftest(
    quick: Annotated[bool, typer.Option("--quick", help="Small problems only: about a second on a CPU.")] = False,
    as_json: o.JsonOption = False,
) -> None:
    """Compute with every kernel on every device and check the answers; exit code 1 when one is wrong.

    What it prints is a report to paste into an issue.
    """
    from portfolio_engine import selftest as run
    from portfolio_service.cli import output

    with output.progress("self-test", quiet=as_json) as bar:
        found = run(quick=quick, progress=bar)
    if as_json:
        output.print_json(found.to_dict())
    else:
        print(found.text())
    if not found.passed:
        raise typer.Exit(FAILED)

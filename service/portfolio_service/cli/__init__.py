"""The `portfolio-engine` command. Everything slow is imported inside the commands, so that --help is quick."""

from __future__ import annotations

import sys

EXTRA = "the command line needs its extra: pip install 'portfolio-engine[cli]'"


def main() -> None:
    """Entry point: runs the command line and exits with its code (see docs/cli.md)."""
    try:
        from portfolio_service.cli.run import run
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "click", "rich"}:
            raise
        sys.exit(f"error: {EXTRA}")
    sys.exit(run(sys.argv[1:]))

"""`portfolio-engine demo`: the documented workflow from end to end."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from portfolio_engine.backtest import Backtest

TESTED = ("max_sharpe", "min_variance", "risk_parity", "equal_weight")


def demo(
    folder: Annotated[Path, typer.Option("--output", help="Folder for tables and pictures.", file_okay=False)] = Path(
        "demo-output"
    ),
    readme_image: Annotated[
        Path | None, typer.Option("--readme-image", help="Also copy the overview picture here.", dir_okay=False)
    ] = None,
) -> None:
    """Everything once, on the simulated market: a real service, all methods, trades, reports, tests, pictures."""
    from portfolio_service.cli import output
    from portfolio_service.cli.data import DEMO_SYMBOLS
    from portfolio_service.cli.showcase import pictures, tables, workflow
    from portfolio_service.cli.showcase.service import running_service

    folder.mkdir(parents=True, exist_ok=True)
    story = workflow.Story(list(DEMO_SYMBOLS))
    with output.progress("service and optimisations") as report, running_service() as client:
        workflow.create(client, story)
        for done, method in enumerate(workflow.METHODS, 1):
            workflow.optimize(client, story, method)
            report(done, len(workflow.METHODS))
        workflow.rebalance(client, story)
        workflow.report(client, story)
        workflow.analyse(client, story)
    tables.show_methods(story)
    tables.show_trades(story)
    tables.show_portfolio(story)
    tables.show_simulation(story)
    tests = _backtests(story.symbols, float(story.optimized["max_sharpe"]["risk_free_rate"]))
    tables.show_backtests(tests)
    written = [*tables.write_files(folder, story, tests), *pictures.draw(folder, story, tests)]
    typer.echo(f"Written to {folder}: {', '.join(path.name for path in written)}")
    if readme_image is not None:
        readme_image.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(written[-1], readme_image)
        typer.echo(f"Copied {written[-1].name} to {readme_image}")


def _backtests(symbols: list[str], rate: float) -> dict[str, Backtest]:
    """The same walk-forward test of several methods, with the broad market beside it."""
    from portfolio_engine import Constraints, backtest
    from portfolio_service.cli import output
    from portfolio_service.cli.data import simulated
    from portfolio_service.cli.showcase.workflow import CAP

    prices = simulated([*symbols, "SPY"])
    tests = {}
    with output.progress("walk-forward test") as report:
        for done, method in enumerate(TESTED, 1):
            rules = None if method in {"risk_parity", "equal_weight"} else Constraints(max_weight=CAP)
            tests[method] = backtest(
                prices, method, "monthly", 10, constraints=rules, benchmark="SPY", risk_free_rate=rate
            )
            report(done, len(TESTED))
    return tests

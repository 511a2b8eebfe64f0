"""The commands, one file each."""

from __future__ import annotations

from typing import Annotated

import typer

from portfolio_service.cli.commands.backtest import backtest
from portfolio_service.cli.commands.config import config
from portfolio_service.cli.commands.db import db
from portfolio_service.cli.commands.demo import demo
from portfolio_service.cli.commands.frontier import frontier
from portfolio_service.cli.commands.market_data import market_data
from portfolio_service.cli.commands.optimize import optimize
from portfolio_service.cli.commands.performance import performance
from portfolio_service.cli.commands.selftest import selftest
from portfolio_service.cli.commands.serve import serve
from portfolio_service.cli.commands.simulate import simulate

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (serve, demo, optimize, frontier, simulate, performance, backtest, config, selftest):
    app.command()(command)
app.add_typer(db, name="db")
app.add_typer(market_data, name="market-data")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"portfolio-engine {version('portfolio-engine')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """From prices to weights to a rebalanced portfolio.

    Exit codes: 0 done, 1 infeasible or failed, 2 wrong usage or input, 130 interrupted.
    """

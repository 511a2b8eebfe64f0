"""`portfolio-engine simulate`: Monte Carlo of a portfolio's value."""

from __future__ import annotations

from typing import Annotated

import typer

from portfolio_service.cli import options as o


def simulate(
    prices: o.PricesArgument = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            "-w",
            help="AAPL=0.5,MSFT=0.5 or a JSON file; default: equal weights. What they leave is cash.",
            show_default=False,
        ),
    ] = None,
    horizon_days: Annotated[int, typer.Option("--horizon-days", min=1, help="Trading days ahead.")] = 252,
    scenarios: Annotated[int, typer.Option("--scenarios", min=100, help="Number of paths.")] = 100_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same draws.")] = 0,
    distribution: Annotated[str, typer.Option("--distribution", help="normal, lognormal or student_t.")] = "normal",
    initial_value: Annotated[float, typer.Option("--initial-value", help="Money at the start.")] = 100_000.0,
    symbols: o.SymbolsOption = None,
    lookback_days: o.LookbackDaysOption = None,
    start: o.StartOption = None,
    end: o.EndOption = None,
    device: o.DeviceOption = "auto",
    as_json: o.JsonOption = False,
    plot: o.PlotOption = None,
) -> None:
    """Quantiles, VaR and CVaR of the value at a horizon, with standard errors."""

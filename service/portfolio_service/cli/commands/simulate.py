"""`portfolio-engine simulate`: Monte Carlo of a portfolio's value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from portfolio_service.cli import options as o

if TYPE_CHECKING:
    from portfolio_engine.simulate import Simulation

PERIODS = 252  # trading days a year: estimates are annual, steps are days


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
    from portfolio_engine import estimate_moments
    from portfolio_engine.simulate import simulate as run
    from portfolio_service.cli import output
    from portfolio_service.cli.data import common_returns, load, weight_vector, window_of
    from portfolio_service.config import load_settings

    held = None if weights is None else o.weights_of(weights)
    loaded = load(prices, symbols or (None if held is None else ",".join(held)), start, end)
    returns = common_returns(loaded, lookback_days or load_settings().estimation_days)
    moments = estimate_moments(returns, device=device)
    names = list(moments.labels)
    with output.working(f"{scenarios:,} scenarios of {horizon_days} days", quiet=as_json):
        answer = run(
            moments.mu / PERIODS,
            moments.Sigma / PERIODS,
            weight_vector(held or dict.fromkeys(names, 1.0 / len(names)), names),
            horizon=horizon_days,
            scenarios=scenarios,
            seed=seed,
            distribution=cast("Any", distribution),
            initial_value=initial_value,
            keep_values=plot is not None,
            device=device,
        )
    _report(answer, initial_value, f"{loaded.source}, {window_of(returns)}", as_json)
    if plot is not None:
        from portfolio_engine.plots import plot_simulation

        plot_simulation(answer, initial_value, plot)


def _report(answer: Simulation, initial_value: float, data: str, as_json: bool) -> None:
    from portfolio_service.cli import output

    if as_json:
        output.print_json(
            {
                "initial_value": initial_value,
                "expected_value": initial_value + answer.mean,
                "volatility": answer.volatility,
                "quantiles": answer.quantiles,
                "var_95": answer.value_at_risk,
                "cvar_95": answer.conditional_value_at_risk,
                "standard_errors": {
                    "expected_value": answer.mean_se,
                    "var_95": answer.value_at_risk_se,
                    "cvar_95": answer.conditional_value_at_risk_se,
                    "quantiles": answer.quantiles_se,
                },
                "scenarios": answer.scenarios,
                "horizon_days": answer.horizon,
                "distribution": answer.distribution,
                "seed": answer.seed,
                "device": answer.device,
                "data": data,
            }
        )
        return
    rows = [
        [f"{level:.0%} quantile of the value", output.amount(value), output.amount(answer.quantiles_se[level])]
        for level, value in answer.quantiles.items()
    ]
    rows += [
        ["Expected value", output.amount(initial_value + answer.mean), output.amount(answer.mean_se)],
        ["VaR 95 %", output.amount(answer.value_at_risk), output.amount(answer.value_at_risk_se)],
        [
            "CVaR 95 %",
            output.amount(answer.conditional_value_at_risk),
            output.amount(answer.conditional_value_at_risk_se),
        ],
    ]
    title = f"{answer.horizon} trading days ahead from {output.amount(initial_value)}"
    caption = f"{data}; {answer.scenarios:,} {answer.distribution} scenarios, seed {answer.seed}, on {answer.device}"
    output.table(title, ["", "Money", "Standard error"], rows, caption)

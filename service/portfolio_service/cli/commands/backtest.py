"""`portfolio-engine backtest`: a method tested on past prices, walking forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from portfolio_service.cli import options as o
from portfolio_service.cli.run import FAILED, CommandError

if TYPE_CHECKING:
    from portfolio_engine.backtest import Backtest


def backtest(
    prices: o.PricesArgument = None,
    method: Annotated[str, typer.Option("--method", "-m", help="As in optimize.")] = "mean_variance",
    schedule: Annotated[
        str, typer.Option("--schedule", help="daily, weekly, monthly, quarterly or a number of days.")
    ] = "monthly",
    costs: Annotated[float, typer.Option("--costs", help="Basis points of each trade.")] = 10.0,
    lookback: Annotated[int, typer.Option("--lookback", help="Daily returns each decision sees.")] = 252,
    lag: Annotated[int, typer.Option("--lag", help="Days between the last price seen and the trade.")] = 1,
    benchmark: Annotated[
        str | None, typer.Option("--benchmark", "-b", help="A symbol of the prices, not invested in.")
    ] = None,
    initial_value: Annotated[float, typer.Option("--initial-value", help="Money at the start.")] = 100_000.0,
    target_return: Annotated[
        float | None, typer.Option("--target-return", help="At least this a year.", rich_help_panel=o.LIMITS)
    ] = None,
    max_volatility: Annotated[
        float | None, typer.Option("--max-volatility", help="At most this a year.", rich_help_panel=o.LIMITS)
    ] = None,
    accept_relaxed: Annotated[
        bool, typer.Option("--accept-relaxed", help="Trade targets met only as nearly as possible.")
    ] = False,
    min_weight: o.MinWeightOption = None,
    max_weight: o.MaxWeightOption = None,
    group: o.GroupOption = None,
    group_max: o.GroupMaxOption = None,
    group_min: o.GroupMinOption = None,
    risk_free_rate: o.RiskFreeOption = None,
    symbols: o.SymbolsOption = None,
    start: o.StartOption = None,
    end: o.EndOption = None,
    as_json: o.JsonOption = False,
    plot: o.PlotOption = None,
) -> None:
    """Walk-forward: weights from the past only, drifting holdings, costs on every trade."""
    from portfolio_engine.backtest import backtest as run
    from portfolio_service.cli import output
    from portfolio_service.cli.data import load
    from portfolio_service.config import load_settings

    rate = load_settings().risk_free_rate if risk_free_rate is None else risk_free_rate
    constraints = o.constraints_of(min_weight, max_weight, group, group_min, group_max)
    reference = None if benchmark is None else benchmark.strip().upper()
    loaded = load(prices, symbols, start, end, also=() if reference is None else (reference,))
    targets = {"target_return": target_return, "max_volatility": max_volatility}
    with output.progress(f"{method}, {schedule}", quiet=as_json) as report:
        answer = run(
            loaded.frame,
            method,
            int(schedule) if schedule.isdigit() else schedule,
            costs,
            lookback=lookback,
            lag=lag,
            constraints=constraints,
            benchmark=reference,
            initial_value=initial_value,
            risk_free_rate=rate,
            accept_relaxed=accept_relaxed,
            progress=report,
            **{name: value for name, value in targets.items() if value is not None},
        )
    _report(answer, loaded.source, as_json)
    if plot is not None:
        answer.plot(plot)
    if not any(item.traded for item in answer.rebalances):
        raise CommandError(f"no decision could be traded: {answer.statuses}; loosen the constraints", FAILED)
    if answer.status != "completed":
        raise CommandError(f"the portfolio lost all of its value by {answer.dates[-1].date()}", FAILED)


def _report(answer: Backtest, source: str, as_json: bool) -> None:
    from portfolio_service.cli import output
    from portfolio_service.cli.commands.performance import show

    first, last = answer.dates[0].date(), answer.dates[-1].date()
    if as_json:
        output.print_json(
            {
                "method": answer.method,
                "status": answer.status,
                "first_date": first,
                "last_date": last,
                "initial_value": answer.initial_value,
                "final_value": float(answer.values.iloc[-1]),
                "total_turnover": answer.total_turnover,
                "total_cost": answer.total_cost,
                "statuses": answer.statuses,
                "performance": answer.performance.to_dict(),
                "rebalances": [_decision(item) for item in answer.rebalances],
                "values": dict(zip((str(day.date()) for day in answer.dates), answer.values.tolist(), strict=True)),
                "data": source,
            }
        )
        return
    statuses = ", ".join(f"{count} {status}" for status, count in answer.statuses.items())
    output.table(
        f"Backtest of {answer.method}",
        ["", "Value"],
        [
            ["First and last day", f"{first} to {last}"],
            ["Initial value", output.amount(answer.initial_value)],
            ["Final value", output.amount(float(answer.values.iloc[-1]))],
            ["Decisions", statuses],
            ["Turnover, all trades", output.percent(answer.total_turnover, 0)],
            ["Costs paid", output.amount(answer.total_cost)],
        ],
        source,
    )
    show(answer.performance, "after costs")


def _decision(item: Any) -> dict[str, Any]:
    return {
        "date": item.date,
        "decided_on": item.decided_on,
        "status": item.status,
        "traded": item.traded,
        "turnover": item.turnover,
        "cost": item.cost,
        "target_weights": item.target_weights.to_dict(),
    }

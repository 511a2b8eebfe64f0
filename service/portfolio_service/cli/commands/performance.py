"""`portfolio-engine performance`: how a portfolio of given weights, or a series of values, has done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from portfolio_service.cli import options as o
from portfolio_service.cli.run import CommandError

if TYPE_CHECKING:
    import pandas as pd

RETURN = ("total_return", "annualized_return", "geometric_return", "best", "worst", "positive_share")
RISK = (
    "volatility", "downside_deviation", "max_drawdown", "average_drawdown", "ulcer_index", "value_at_risk",
    "conditional_value_at_risk",
)  # fmt: skip
RELATIVE = ("alpha", "tracking_error", "up_capture", "down_capture")
RATIOS = (
    "sharpe_ratio", "sortino_ratio", "calmar_ratio", "omega_ratio", "skewness", "kurtosis", "beta", "correlation",
    "information_ratio", "treynor_ratio",
)  # fmt: skip


def performance(
    prices: o.PricesArgument = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            "-w",
            help="AAPL=0.5,MSFT=0.5 or a JSON file, held by daily rebalancing; default: equal weights.",
            show_default=False,
        ),
    ] = None,
    benchmark: Annotated[str | None, typer.Option("--benchmark", "-b", help="A symbol of the prices.")] = None,
    risk_free_rate: o.RiskFreeOption = None,
    symbols: o.SymbolsOption = None,
    lookback_days: Annotated[
        int | None, typer.Option("--lookback-days", min=2, help="Only the last days.", rich_help_panel=o.DATA)
    ] = None,
    start: o.StartOption = None,
    end: o.EndOption = None,
    as_json: o.JsonOption = False,
    plot: o.PlotOption = None,
) -> None:
    """Return, risk, drawdowns and, with a benchmark, the relative measures."""
    from portfolio_engine.performance import performance as measure
    from portfolio_service.cli import output
    from portfolio_service.cli.data import common_returns, load, window_of
    from portfolio_service.config import load_settings

    held = None if weights is None else o.weights_of(weights)
    if held is not None and symbols is None:
        symbols = ",".join(held)
    reference = None if benchmark is None else benchmark.strip().upper()
    loaded = load(prices, symbols, start, end, also=() if reference is None else (reference,))
    returns = common_returns(loaded, lookback_days)
    portfolio, against = _series(returns, held, reference)
    rate = load_settings().risk_free_rate if risk_free_rate is None else risk_free_rate
    measured = measure(portfolio, against, risk_free_rate=rate)
    data = f"{loaded.source}, {window_of(returns)}"
    if as_json:
        output.print_json({**measured.to_dict(), "data": data})
    else:
        show(measured, data)
    if plot is not None:
        from portfolio_engine.plots import plot_drawdown

        plot_drawdown(portfolio.index, (1.0 + portfolio).cumprod(), plot)


def _series(
    returns: pd.DataFrame, held: dict[str, float] | None, benchmark: str | None
) -> tuple[pd.Series, pd.Series | None]:
    """Daily returns of the portfolio and of the benchmark; cash is what the weights leave."""
    from portfolio_service.cli.data import weight_vector

    if benchmark is not None and benchmark not in returns.columns:
        raise CommandError(f"--benchmark: expected a symbol of the prices, got {benchmark}")
    against = None if benchmark is None else returns[benchmark]
    assets = returns if benchmark is None or benchmark in (held or {}) else returns.drop(columns=benchmark)
    if assets.shape[1] == 0:
        assets = returns
    names = [str(name) for name in assets.columns]
    vector = weight_vector(held or dict.fromkeys(names, 1.0 / len(names)), names)
    return (assets * vector).sum(axis=1), against


def show(measured: Any, data: str) -> None:
    """What is read as per cent, the ratios, and the worst drawdowns."""
    from portfolio_service.cli import output

    def rows(names: tuple[str, ...], text: Any) -> list[list[str]]:
        pairs = [(name.replace("_", " "), text(getattr(measured, name))) for name in names]
        return [[label, value] for label, value in pairs if value != "-"]

    output.table("Performance", ["Measure", "Value"], rows((*RETURN, *RISK, *RELATIVE), output.percent), data)
    output.table("Ratios", ["Measure", "Value"], rows(RATIOS, output.ratio))
    worst = [
        [output.percent(item.depth), _day(item.peak, "start"), _day(item.valley, ""), _day(item.recovery, "not yet")]
        for item in measured.drawdowns[:5]
    ]
    if worst:
        output.table("Worst drawdowns", ["Depth", "From", "Lowest", "Recovered"], worst)


def _day(label: Any, missing: str) -> str:
    return missing if label is None else str(label)[:10]

"""`portfolio-engine frontier`: the efficient frontier of a universe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from portfolio_service.cli import options as o

if TYPE_CHECKING:
    from portfolio_engine.allocation import Allocation
    from portfolio_engine.frontier import Frontier


def frontier(
    prices: o.PricesArgument = None,
    points: Annotated[int, typer.Option("--points", min=2, max=500, help="Portfolios on the frontier.")] = 50,
    min_weight: o.MinWeightOption = None,
    max_weight: o.MaxWeightOption = None,
    group: o.GroupOption = None,
    group_max: o.GroupMaxOption = None,
    group_min: o.GroupMinOption = None,
    risk_free_rate: o.RiskFreeOption = None,
    symbols: o.SymbolsOption = None,
    lookback_days: o.LookbackDaysOption = None,
    start: o.StartOption = None,
    end: o.EndOption = None,
    device: o.DeviceOption = "auto",
    as_json: o.JsonOption = False,
    plot: o.PlotOption = None,
) -> None:
    """The efficient frontier, from minimum variance to highest return."""
    from portfolio_engine import efficient_frontier, estimate_moments
    from portfolio_service.cli.data import common_returns, load, window_of
    from portfolio_service.config import load_settings

    settings = load_settings()
    constraints = o.constraints_of(min_weight, max_weight, group, group_min, group_max)
    loaded = load(prices, symbols, start, end)
    returns = common_returns(loaded, lookback_days or settings.estimation_days)
    rate = settings.risk_free_rate if risk_free_rate is None else risk_free_rate
    moments = estimate_moments(returns, device=device)
    answer = efficient_frontier(moments, points, constraints, risk_free_rate=rate, device=device)
    _report(answer, f"{loaded.source}, {window_of(returns)}", as_json)
    if plot is not None:
        answer.plot(plot)


def _report(answer: Frontier, data: str, as_json: bool) -> None:
    from portfolio_service.cli import output

    if as_json:
        output.print_json(as_dict(answer, data))
        return
    rows = [_row("minimum variance", answer.min_variance), _row("maximum Sharpe", answer.max_sharpe)]
    output.table("Two portfolios", ["", "Return", "Risk", "Sharpe", "Largest weights"], rows, data)
    step = max(1, (len(answer) - 1) // 12)
    shown = sorted({*range(0, len(answer), step), len(answer) - 1})
    points = [
        [
            str(i + 1),
            output.percent(float(answer.expected_return[i])),
            output.percent(float(answer.expected_risk[i])),
            output.ratio(float(answer.sharpe_ratio[i])),
            largest(dict(zip(answer.names, answer.weights.iloc[i].tolist(), strict=True))),
        ]
        for i in shown
    ]
    caption = f"{len(shown)} of {len(answer)} points, {answer.milliseconds:.1f} ms on {answer.device}"
    output.table("Efficient frontier", ["Point", "Return", "Risk", "Sharpe", "Largest weights"], points, caption)


def as_dict(answer: Frontier, data: str) -> dict[str, Any]:
    """The frontier with the keys of the REST API."""
    table = answer.weights.to_dict(orient="records")
    numbers = zip(answer.expected_return, answer.expected_risk, answer.sharpe_ratio, table, strict=True)
    keys = ("expected_return", "expected_risk", "sharpe_ratio", "weights")
    return {
        "points": [dict(zip(keys, point, strict=True)) for point in numbers],
        "max_sharpe": _portfolio(answer.max_sharpe),
        "min_variance": _portfolio(answer.min_variance),
        "count": len(answer),
        "device": answer.device,
        "data": data,
    }


def largest(weights: dict[str, float], most: int = 4) -> str:
    """The largest weights in words: AAPL 40 %, MSFT 30 %."""
    order = sorted(weights.items(), key=lambda item: -abs(item[1]))[:most]
    return ", ".join(f"{name} {weight:.0%}" for name, weight in order if abs(weight) >= 0.005)


def _row(label: str, item: Allocation) -> list[str]:
    from portfolio_service.cli import output

    numbers = [
        output.percent(item.expected_return),
        output.percent(item.expected_risk),
        output.ratio(item.sharpe_ratio),
    ]
    return [label, *numbers, largest(item.to_dict())]


def _portfolio(item: Allocation) -> dict[str, Any]:
    return {
        "expected_return": item.expected_return,
        "expected_risk": item.expected_risk,
        "sharpe_ratio": item.sharpe_ratio,
        "weights": item.to_dict(),
        "status": item.status,
    }

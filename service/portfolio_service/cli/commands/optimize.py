"""`portfolio-engine optimize`: weights from prices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portfolio_service.cli import options as o
from portfolio_service.cli.run import FAILED, CommandError

if TYPE_CHECKING:
    from portfolio_engine.allocation import Allocation


def optimize(
    prices: o.PricesArgument = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            "-m",
            help="mean_variance, min_variance, max_sharpe, risk_parity, black_litterman, equal_weight or "
            "inverse_volatility.",
        ),
    ] = "mean_variance",
    target_return: Annotated[
        float | None, typer.Option("--target-return", help="At least this a year: 0.12.", rich_help_panel=o.LIMITS)
    ] = None,
    max_volatility: Annotated[
        float | None, typer.Option("--max-volatility", help="At most this a year: 0.18.", rich_help_panel=o.LIMITS)
    ] = None,
    min_weight: o.MinWeightOption = None,
    max_weight: o.MaxWeightOption = None,
    group: o.GroupOption = None,
    group_max: o.GroupMaxOption = None,
    group_min: o.GroupMinOption = None,
    current: Annotated[
        str | None,
        typer.Option("--current", help="Weights held now: AAPL=0.5,MSFT=0.5 or a JSON file.", rich_help_panel=o.LIMITS),
    ] = None,
    turnover: Annotated[
        float | None,
        typer.Option("--turnover", help="Most of sum |weight - current|, 2 = everything.", rich_help_panel=o.LIMITS),
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option(
            "--view", help="black_litterman: AAPL=0.12, AAPL-MSFT=0.03, with confidence AAPL=0.12@0.8. Repeatable."
        ),
    ] = None,
    risk_aversion: Annotated[
        float | None, typer.Option("--risk-aversion", help="Of the utility (default 2.5).", show_default=False)
    ] = None,
    risk_free_rate: o.RiskFreeOption = None,
    symbols: o.SymbolsOption = None,
    lookback_days: o.LookbackDaysOption = None,
    start: o.StartOption = None,
    end: o.EndOption = None,
    device: o.DeviceOption = "auto",
    as_json: o.JsonOption = False,
    plot: o.PlotOption = None,
) -> None:
    """Optimal weights, with expected return, risk and what binds."""
    from portfolio_engine import estimate_moments
    from portfolio_engine import optimize as run
    from portfolio_service.cli.data import common_returns, load, window_of
    from portfolio_service.config import load_settings

    settings = load_settings()
    constraints = o.constraints_of(min_weight, max_weight, group, group_min, group_max, turnover, current)
    loaded = load(prices, symbols, start, end)
    returns = common_returns(loaded, lookback_days or settings.estimation_days)
    given: dict[str, Any] = {"target_return": target_return, "max_volatility": max_volatility}
    if risk_aversion is not None:
        given["risk_aversion"] = risk_aversion
    if view:
        given["views"] = [_view(text) for text in view]
    answer = run(
        estimate_moments(returns, device=device),
        method,
        constraints,
        risk_free_rate=settings.risk_free_rate if risk_free_rate is None else risk_free_rate,
        device=device,
        **given,
    )
    _report(answer, f"{loaded.source}, {window_of(returns)}", as_json)
    if plot is not None:
        from portfolio_engine.plots import plot_weights

        plot_weights({answer.method: answer.to_dict()}, plot)
    if answer.violations and not answer.ignored:
        raise CommandError(_out_of_reach(answer, constraints, given), FAILED)


def _view(text: str) -> dict[str, Any]:
    """AAPL=0.12, AAPL-MSFT=0.03, AAPL=0.12@0.8."""
    match = re.fullmatch(r"\s*([^=@]+?)\s*=\s*([^@]+?)\s*(?:@\s*(.+?)\s*)?", text)
    if match is None:
        raise CommandError(f"--view: expected AAPL=0.12 or AAPL-MSFT=0.03@0.8, got {text!r}")
    # a symbol may hold a dash itself (BRK-B): a dash with blanks around it is certain to be a minus
    names = re.split(r"\s+-\s+", match[1]) if " - " in match[1] else match[1].split("-")
    if len(names) > 2:
        raise CommandError(
            f"--view: expected at most two assets, with blanks around the minus: BRK-B - AAPL=0.02; {text!r}"
        )
    weights = {name.strip().upper(): sign for name, sign in zip(names, (1.0, -1.0), strict=False)}
    view: dict[str, Any] = {"weights": weights, "return": o.number(match[2], "--view")}
    if match[3]:
        view["confidence"] = o.number(match[3], "--view")
    return view


def _report(answer: Allocation, data: str, as_json: bool) -> None:
    from portfolio_service.cli import output

    contributions = dict(zip(answer.names, (float(x) for x in answer.risk_contributions), strict=True))
    if as_json:
        output.print_json(
            {
                "status": answer.status,
                "method": answer.method,
                "weights": answer.to_dict(),
                "expected_return": answer.expected_return,
                "expected_risk": answer.expected_risk,
                "sharpe_ratio": answer.sharpe_ratio,
                "risk_free_rate": answer.risk_free_rate,
                "constraints_satisfied": answer.constraints_satisfied,
                "violations": [vars(item) for item in answer.violations],
                "ignored": list(answer.ignored),
                "shadow_prices": dict(answer.shadow_prices),
                "risk_contributions": contributions,
                "optimization_time_ms": answer.milliseconds,
                "device": answer.device,
                "device_reason": answer.device_reason,
                "data": data,
            }
        )
        return
    shown = sorted(answer.to_dict().items(), key=lambda item: -abs(item[1]))
    held = [(name, weight) for name, weight in shown if weight != 0.0]
    risk = answer.expected_risk or float("nan")
    rows = [[name, output.percent(w), output.percent(contributions[name] / risk)] for name, w in held]
    zero = f"; {len(shown) - len(held)} not held" if len(shown) > len(held) else ""
    output.table(f"{answer.method}: {answer.status}", ["Symbol", "Weight", "Share of risk"], rows, f"{data}{zero}")
    binding = [[name, f"{price:.4g}"] for name, price in answer.shadow_prices.items() if _tells(name, price)]
    output.table(
        "Portfolio",
        ["", "A year"],
        [
            ["Expected return", output.percent(answer.expected_return)],
            ["Expected risk", output.percent(answer.expected_risk)],
            ["Sharpe ratio", output.ratio(answer.sharpe_ratio)],
        ],
        f"{answer.milliseconds:.1f} ms on {answer.device}",
    )
    if binding:
        output.table("What binds", ["Constraint", "Shadow price"], binding[:12])
    if answer.ignored:
        output.note(f"note: {answer.method} applies only the budget; ignored: {', '.join(answer.ignored)}")


def _tells(name: str, price: float) -> bool:
    """The totals over all assets and the assets not held say little beside the rest."""
    return (
        abs(price) > 1e-9 and name != "budget" and name not in {"min_weight", "max_weight"} and "min_weight" not in name
    )


def _out_of_reach(answer: Allocation, constraints: Any, given: dict[str, Any]) -> str:
    """One line: what was asked, what was reached, and the range that can be had."""
    from portfolio_engine import optimize as run
    from portfolio_engine.errors import InfeasibleError

    try:
        rate = answer.risk_free_rate
        run(answer.moments, "mean_variance", constraints, risk_free_rate=rate, strict=True, **_targets(given))
    except InfeasibleError as error:
        if error.feasible is not None:
            return f"{'; '.join(map(str, answer.violations))}; attainable: {error.feasible}"
    return "; ".join(map(str, answer.violations))


def _targets(given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in ("target_return", "max_volatility")}

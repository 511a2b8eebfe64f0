"""Options that several commands share, and what they are turned into."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portfolio_service.cli.run import CommandError

if TYPE_CHECKING:
    from portfolio_engine.constraints import Constraints

DATA, LIMITS, OUTPUT = "Data", "Constraints", "Output"

PricesArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[PRICES]",
        help="CSV or Parquet file of daily prices (first column dates, one column per symbol), or a folder with "
        "adj_close.parquet or adj_close.csv. Without it: the simulated market.",
        show_default=False,
    ),
]
SymbolsOption = Annotated[
    str | None,
    typer.Option("--symbols", "-s", help="Only these, separated by commas: AAPL,MSFT.", rich_help_panel=DATA),
]
StartOption = Annotated[str | None, typer.Option("--start", help="First date, 2020-01-31.", rich_help_panel=DATA)]
EndOption = Annotated[str | None, typer.Option("--end", help="Last date.", rich_help_panel=DATA)]
LookbackDaysOption = Annotated[
    int | None,
    typer.Option(
        "--lookback-days",
        min=2,
        help="Trading days the estimates use, from the last one back (default ESTIMATION_DAYS, 756).",
        rich_help_panel=DATA,
        show_default=False,
    ),
]
RiskFreeOption = Annotated[
    float | None,
    typer.Option("--risk-free-rate", help="Annual (default RISK_FREE_RATE, 0.02).", show_default=False),
]
MinWeightOption = Annotated[
    str | None,
    typer.Option("--min-weight", help="Of every asset, 0.05, or by asset: AAPL=0.1,MSFT=0.05.", rich_help_panel=LIMITS),
]
MaxWeightOption = Annotated[
    str | None,
    typer.Option("--max-weight", help="Of every asset, 0.30, or by asset; *=0.2 the rest.", rich_help_panel=LIMITS),
]
GroupOption = Annotated[
    list[str] | None,
    typer.Option("--group", help="A named group: tech=AAPL,MSFT. Repeatable.", rich_help_panel=LIMITS),
]
GroupMaxOption = Annotated[
    list[str] | None,
    typer.Option("--group-max", help="Most of a group: tech=0.4. Repeatable.", rich_help_panel=LIMITS),
]
GroupMinOption = Annotated[
    list[str] | None,
    typer.Option("--group-min", help="Least of a group: tech=0.1. Repeatable.", rich_help_panel=LIMITS),
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu or metal.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.", rich_help_panel=OUTPUT)]


def _plot_path(path: Path | None) -> Path | None:
    """Said before the work, not after it."""
    if path is not None and path.suffix.lower() not in {".png", ".svg", ".pdf"}:
        raise CommandError(f"--plot: expected a file that ends in .png, .svg or .pdf, got {path}")
    if path is not None and not path.parent.is_dir():
        raise CommandError(f"--plot: expected a file in a folder that exists, got {path}")
    return path


PlotOption = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        help="Save a picture: .png, .svg or .pdf.",
        dir_okay=False,
        callback=_plot_path,
        rich_help_panel=OUTPUT,
    ),
]


def names_of(text: str | None) -> list[str] | None:
    """Symbols from AAPL,MSFT: trimmed, upper case, each once, in order; None when not given."""
    if text is None:
        return None
    names = list(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
    if not names:
        raise CommandError("--symbols: expected symbols separated by commas such as AAPL,MSFT, got nothing")
    return names


def number(text: str, option: str) -> float:
    """A finite number, as users write it."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CommandError(f"{option}: expected a number such as 0.30, got {text!r}")
    return value


def pairs(text: str, option: str) -> dict[str, float]:
    """{AAPL: 0.1, MSFT: 0.2} from AAPL=0.1,MSFT=0.2."""
    result = {}
    for part in text.split(","):
        name, sign, value = part.partition("=")
        if not sign or not name.strip():
            raise CommandError(f"{option}: expected NAME=NUMBER separated by commas, got {part!r}")
        result[name.strip().upper()] = number(value, option)
    return result


def weights_of(text: str, option: str = "--weights") -> dict[str, float]:
    """Weights from AAPL=0.5,MSFT=0.5, or from a JSON file: {symbol: weight} or the output of `optimize --json`."""
    if "=" in text:
        return pairs(text, option)
    try:
        content: Any = json.loads(Path(text).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(
            f"{option}: expected AAPL=0.5,MSFT=0.5 or a JSON file of weights, got {text!r} ({error})"
        ) from None
    content = content.get("weights", content) if isinstance(content, dict) else None
    if not isinstance(content, dict) or not all(type(value) in (int, float) for value in content.values()):
        raise CommandError(f"{option}: {text}: expected a JSON object of symbol to weight")
    return {str(name).upper(): float(value) for name, value in content.items()}


def constraints_of(
    min_weight: str | None = None,
    max_weight: str | None = None,
    groups: list[str] | None = None,
    group_min: list[str] | None = None,
    group_max: list[str] | None = None,
    turnover: float | None = None,
    current: str | None = None,
) -> Constraints:
    """The library's constraints from the command line's."""
    from portfolio_engine.constraints import Constraints

    members = {}
    for text in groups or []:
        name, sign, listed = text.partition("=")
        if not sign or not (symbols := names_of(listed)):
            raise CommandError(f"--group: expected NAME=AAPL,MSFT, got {text!r}")
        members[name.strip()] = symbols
    return Constraints(
        min_weight=0.0 if min_weight is None else _bound(min_weight, "--min-weight"),
        max_weight=1.0 if max_weight is None else _bound(max_weight, "--max-weight"),
        groups=members,
        group_min=_group_bounds(group_min, "--group-min"),
        group_max=_group_bounds(group_max, "--group-max"),
        turnover=turnover,
        current_weights=None if current is None else weights_of(current, "--current"),
    )


def _bound(text: str, option: str) -> float | dict[str, float]:
    return pairs(text, option) if "=" in text else number(text, option)


def _group_bounds(texts: list[str] | None, option: str) -> dict[str, float]:
    bounds = {}
    for text in texts or []:
        name, sign, value = text.partition("=")
        if not sign:
            raise CommandError(f"{option}: expected NAME=NUMBER, got {text!r}")
        bounds[name.strip()] = number(value, option)
    return bounds

"""Where a command's prices come from: the user's file, or the simulated market."""

from __future__ import annotations

import asyncio
import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from portfolio_service.adapters.market_data.price_file import read_prices
from portfolio_service.cli.options import names_of
from portfolio_service.cli.run import CommandError

DEMO_SYMBOLS = ("AAPL", "MSFT", "GOOGL", "AMZN", "NVDA", "JPM", "JNJ", "XOM", "PG", "NEE")
LEAST_RETURNS = 30  # as in the service: fewer common returns are no basis for an estimate


@dataclass(frozen=True)
class Prices:
    """Daily prices, NaN where a symbol has none, and where they are from, for the titles of tables."""

    frame: pd.DataFrame
    source: str


def load(
    path: Path | None, symbols: str | None, start: str | None = None, end: str | None = None, also: tuple[str, ...] = ()
) -> Prices:
    """Prices of the wished symbols (and those in `also`) between two dates; CommandError names what is unknown."""
    wished = names_of(symbols)
    if path is None:
        frame, source = simulated([*(wished or DEMO_SYMBOLS), *also]), "simulated market"
    else:
        frame, source = read_prices(path), path.name
        if wished is not None:
            wished = list(dict.fromkeys([*wished, *also]))
            _check_known(wished, [str(name) for name in frame.columns], f"{path} has")
            frame = frame[wished]
    frame = frame.loc[_date(start, "--start") : _date(end, "--end")]
    if len(frame) < 2:
        raise CommandError(f"--start, --end: expected at least two days of prices between them, got {len(frame)}")
    return Prices(frame, source)


def simulated(symbols: list[str]) -> pd.DataFrame:
    """All daily closes of the simulated market up to now."""
    from portfolio_service.adapters.market_data.periods import MAX_DAYS
    from portfolio_service.adapters.market_data.simulated import SimulatedMarket
    from portfolio_service.domain.clock import SystemClock

    market = SimulatedMarket(SystemClock())
    _check_known(symbols, list(market.known_symbols()), "the simulated market knows")
    return asyncio.run(market.get_histories(symbols, MAX_DAYS))


def _check_known(symbols: list[str], known: list[str], where: str) -> None:
    unknown = [symbol for symbol in symbols if symbol not in known]
    if not unknown:
        return
    near = [match for symbol in unknown for match in difflib.get_close_matches(symbol, known, n=1)]
    hint = f" (did you mean {', '.join(dict.fromkeys(near))}?)" if near else ""
    own = (
        "" if "simulated" not in where else "; for other symbols give your own prices: a CSV or Parquet file as PRICES"
    )
    listing = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
    raise CommandError(f"unknown symbol {', '.join(unknown)}{hint}: {where} {len(known)} symbols ({listing}){own}")


def _date(text: str | None, option: str) -> pd.Timestamp | None:
    if text is None:
        return None
    try:
        return pd.Timestamp(text)
    except ValueError:
        raise CommandError(f"{option}: expected a date such as 2024-01-31, got {text!r}") from None


def common_returns(prices: Prices, days: int | None) -> pd.DataFrame:
    """Simple returns between the common dates among the last `days` + 1; enough of them for an estimate."""
    window = prices.frame if days is None else prices.frame.iloc[-(days + 1) :]
    complete = window.dropna()
    returns = complete.pct_change().iloc[1:]
    if len(returns) < LEAST_RETURNS:
        counts = window.notna().sum().sort_values()
        shortest = ", ".join(f"{name} has {count} prices" for name, count in counts.head(3).items())
        raise CommandError(
            f"{prices.source}: expected at least {LEAST_RETURNS} common daily returns, got {len(returns)} "
            f"({shortest}); leave symbols out with --symbols or give more days"
        )
    return returns


def window_of(returns: pd.DataFrame) -> str:
    """The days of an estimate in words."""
    first, last = (pd.Timestamp(day).date() for day in (returns.index[0], returns.index[-1]))
    return f"{len(returns)} daily returns, {first} to {last}"


def weight_vector(weights: dict[str, float], names: list[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(n,) weights in the order of the names; CommandError for symbols without prices."""
    _check_known(list(weights), names, "the prices have")
    return np.array([weights.get(name, 0.0) for name in names])

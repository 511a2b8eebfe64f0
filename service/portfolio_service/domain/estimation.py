"""Returns to estimate from: the last trading days on which every symbol has a price."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

import portfolio_engine as pe
from portfolio_service.domain.errors import Conflict, FieldError
from portfolio_service.domain.ports import MarketDataClient

MIN_RETURNS = 30


@dataclass(frozen=True)
class Sample:
    """Simple daily returns on common dates, and the source they come from."""

    returns: pd.DataFrame
    source: str
    digest: bytes  # of every number and date

    @classmethod
    def of(cls, returns: pd.DataFrame, source: str) -> Self:
        digest = hashlib.blake2b(returns.index.to_numpy().astype("datetime64[D]").tobytes(), digest_size=16)
        digest.update(returns.to_numpy(dtype=np.float64).tobytes())
        return cls(returns, source, digest.digest())

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(str(symbol) for symbol in self.returns.columns)

    def fingerprint(self, parameters: Mapping[str, Any]) -> str:
        """A hash of every number and date here and of `parameters`: equal means the same question."""
        asked = json.dumps([self.source, self.symbols, parameters], sort_keys=True, default=str)
        return hashlib.blake2b(asked.encode() + self.digest, digest_size=16).hexdigest()


async def load_sample(
    market: MarketDataClient, symbols: Sequence[str], days: int, minimum: int = MIN_RETURNS
) -> Sample:
    """Returns of the last `days` trading days; Conflict("insufficient_history"), names listed, under `minimum`."""
    prices = await market.get_histories(symbols, days + 1)
    return await asyncio.to_thread(sample_of, prices, symbols, market.source, minimum)


def sample_of(prices: pd.DataFrame, symbols: Sequence[str], source: str, minimum: int = MIN_RETURNS) -> Sample:
    """Returns on the days on which all of `symbols` have a price; Conflict as above."""
    if absent := [symbol for symbol in symbols if symbol not in prices]:
        raise _insufficient(absent, 0, minimum, source)
    common = prices[list(symbols)].dropna()
    if len(common) - 1 < minimum:
        raise _insufficient(_short(prices[list(symbols)], minimum), max(len(common) - 1, 0), minimum, source)
    return Sample.of(pe.prices_to_returns(common), source)


def _short(prices: pd.DataFrame, minimum: int) -> list[str]:
    """The symbols to blame: those too short themselves, else those that miss a day that others have."""
    counts = prices.notna().sum()
    short = counts[counts <= minimum] if (counts <= minimum).any() else counts[counts < len(prices)]
    return [str(symbol) for symbol in (short if len(short) else counts).index]


def _insufficient(symbols: Sequence[str], found: int, minimum: int, source: str) -> Conflict:
    return Conflict(
        "insufficient_history",
        f"{source} has {found} common daily returns, at least {minimum} are needed; too short: {', '.join(symbols)}",
        [FieldError("symbols", f"{symbol}: too little history") for symbol in symbols],
    )

"""The simulated market's model: market, factor and idiosyncratic shocks with fat tails, all from fixed keys."""

from __future__ import annotations

import csv
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import blake2b
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pandas as pd

from portfolio_service.adapters.market_data.trading_days import EPOCH, TradingDays

Floats = npt.NDArray[np.float64]

RISK_FREE, MARKET_PREMIUM, MARKET_VOLATILITY = 0.025, 0.055, 0.165  # a year; they set each symbol's drift
PERIODS = 252
DEGREES_OF_FREEDOM = 6  # Student t: a kurtosis of 6 for each shock
BRIDGE_MODES = 256  # of the path between two closes: features of about five minutes overnight
DECIMALS = 4  # of a price
_DAILY, _BRIDGE = 0, 1  # which stream of a name's random numbers


@dataclass(frozen=True)
class Asset:
    """A row of simulated_universe.csv; shares are parts of the variance, the rest is idiosyncratic."""

    symbol: str
    name: str
    sector: str | None
    factor: str
    market_share: float
    factor_share: float
    volatility: float
    start_price: float


def load_universe() -> tuple[Asset, ...]:
    """The fixed table of symbols."""
    text = (files(__package__) / "simulated_universe.csv").read_text(encoding="utf-8")
    return tuple(
        Asset(
            symbol=row["symbol"],
            name=row["name"],
            sector=row["sector"] or None,
            factor=row["factor"],
            market_share=float(row["market_share"]),
            factor_share=float(row["factor_share"]),
            volatility=float(row["volatility"]),
            start_price=float(row["start_price"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


class FactorModel:
    """Prices as a pure function of (symbol, time): no state but caches, the same in every process."""

    def __init__(self, universe: tuple[Asset, ...], days: TradingDays) -> None:
        self._days = days
        factors = sorted({asset.factor for asset in universe})
        self._factor_of = np.array([factors.index(asset.factor) for asset in universe])
        self._streams = ["market", *(f"factor {name}" for name in factors), *(asset.symbol for asset in universe)]
        self._n_factors = len(factors)
        market = np.array([asset.market_share for asset in universe])
        factor = np.array([asset.factor_share for asset in universe])
        self._loadings = np.sqrt(np.stack([market, factor, 1 - market - factor]))
        volatility = np.array([asset.volatility for asset in universe])
        beta = volatility * np.sqrt(market) / MARKET_VOLATILITY
        self._sigma = volatility / math.sqrt(PERIODS)
        self._drift = np.log1p(RISK_FREE + MARKET_PREMIUM * beta) / PERIODS - self._sigma**2 / 2
        self._start = np.log([asset.start_price for asset in universe])
        self._log_closes: Floats = np.empty((0, len(universe)))
        self._bridges: OrderedDict[int, Floats] = OrderedDict()

    def log_closes(self) -> Floats:
        """Log prices at every close the trading days cover, sessions by symbols."""
        if len(self._log_closes) != len(self._days.dates):
            # keyed by calendar day, so that a holiday added later leaves every other day's shock as it was
            offsets = (self._days.dates - np.datetime64(EPOCH)).astype(int)
            count = int(offsets[-1]) + 1
            shocks = self._mix(np.stack([_student(name, _DAILY, count)[offsets] for name in self._streams], axis=1))
            shocks[0] = 0.0
            steps = self._drift + self._sigma * shocks
            steps[0] = self._start
            self._log_closes = np.cumsum(steps, axis=0)
        return self._log_closes

    def log_prices(self, timestamp: float, last_closed: int) -> Floats:
        """Log prices of all symbols at a time in seconds: a Brownian bridge from one close to the next."""
        closes = self.log_closes()
        begin, end = self._days.closes[last_closed : last_closed + 2]
        u = (timestamp - float(begin)) / float(end - begin)
        level = closes[last_closed] + u * (closes[last_closed + 1] - closes[last_closed])
        modes = np.arange(1, BRIDGE_MODES + 1)
        # Karhunen-Loeve expansion of the bridge: zero at both closes, variance u (1 - u) between them
        weights = math.sqrt(2) * np.sin(math.pi * u * modes) / (math.pi * modes)
        return np.asarray(level + self._sigma * (weights @ self._bridge(last_closed)))

    def _bridge(self, session: int) -> Floats:
        if session not in self._bridges:
            day = int(self._days.dates[session].astype(int))
            draws = [_normal(name, _BRIDGE + day, BRIDGE_MODES) for name in self._streams]
            self._bridges[session] = self._mix(np.stack(draws, axis=1))
            while len(self._bridges) > 4:
                self._bridges.popitem(last=False)
        return self._bridges[session]

    def _mix(self, draws: Floats) -> Floats:
        """Shocks of the symbols, unit variance, from those of the market, the factors and the symbols."""
        market, factor, own = self._loadings
        factors, names = draws[:, 1 : 1 + self._n_factors], draws[:, 1 + self._n_factors :]
        mixed: Floats = market * draws[:, :1] + factor * factors[:, self._factor_of] + own * names
        return mixed


class History:
    """Every close known so far; grown when the clock reaches the end of it (half a second), in one thread at a time."""

    def __init__(self) -> None:
        universe = load_universe()
        self.days = TradingDays()
        self.assets = {asset.symbol: asset for asset in universe}
        self.columns = {asset.symbol: column for column, asset in enumerate(universe)}
        self.closes: Floats = np.empty((0, len(universe)))
        self.dates = pd.DatetimeIndex([])
        self._model = FactorModel(universe, self.days)
        self._growing = threading.Lock()

    def covers(self, now: datetime) -> bool:
        return self.days.covers(now) and len(self.closes) == len(self.days.dates)

    def cover(self, now: datetime) -> None:
        """Makes sure of the closes around `now`."""
        with self._growing:
            if not self.covers(now):
                self.days.cover(now)
                self.closes = _rounded(self._model.log_closes())
                self.dates = pd.DatetimeIndex(self.days.dates.astype("datetime64[ns]"), name="date")

    def prices(self, now: datetime) -> Floats | None:
        """Prices of all symbols at `now`, which must be covered; None before the first close."""
        last_closed = self.days.last_closed(now)
        return None if last_closed < 0 else _rounded(self._model.log_prices(now.timestamp(), last_closed))


@cache
def shared_history() -> History:
    """The one of this process: it depends on nothing, so every market can read it."""
    return History()


def _rounded(log_prices: Floats) -> Floats:
    return np.asarray(np.round(np.exp(log_prices), DECIMALS), dtype=np.float64)


def _uniforms(name: str, stream: int, rows: int, columns: int) -> Floats:
    """Uniform draws in (0, 1); a longer request begins with the same rows."""
    key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
    raw = np.random.Philox(key=np.array([key, stream], dtype=np.uint64)).random_raw(rows * columns)
    return np.asarray(((raw >> np.uint64(11)) + 0.5) * 2.0**-53).reshape(rows, columns)


def _normal(name: str, stream: int, count: int) -> Floats:
    u = _uniforms(name, stream, count, 2)
    return np.asarray(np.sqrt(-2 * np.log(u[:, 0])) * np.cos(2 * math.pi * u[:, 1]))


def _student(name: str, stream: int, count: int) -> Floats:
    """Student t draws of unit variance: a normal over the root of a chi-square of even degrees of freedom."""
    nu = DEGREES_OF_FREEDOM
    u = _uniforms(name, stream, count, 2 + nu // 2)
    normal = np.sqrt(-2 * np.log(u[:, 0])) * np.cos(2 * math.pi * u[:, 1])
    chi_square = -2 * np.log(u[:, 2:]).sum(axis=1)
    return np.asarray(normal * np.sqrt((nu - 2) / chi_square))

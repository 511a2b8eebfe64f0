"""The documented risk limits: an alert when one is crossed, and none again before the value has come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from portfolio_service.domain import events
from portfolio_service.domain.models import Event
from portfolio_service.domain.valuation import Floats, LiveValues

POSITION, SECTOR, VOLATILITY = "max_position_weight", "max_sector_weight", "max_volatility"
DRAWDOWN, LEVERAGE = "max_drawdown", "max_leverage"
LEVELS = {POSITION: 0.20, SECTOR: 0.30, VOLATILITY: 0.25, DRAWDOWN: 0.15, LEVERAGE: 1.5}
REARM = 0.98  # an alert can come again once the value was below this share of its level


@dataclass(frozen=True)
class Breach:
    """A value above a limit; `subject` is the symbol or the sector where the limit is about one."""

    portfolio_id: str
    limit: str
    subject: str
    value: float

    @property
    def key(self) -> tuple[str, str, str]:
        return self.portfolio_id, self.limit, self.subject


class RiskLimits:
    """Checks every portfolio in one vectorised pass; edge-triggered, with hysteresis."""

    def __init__(self, sector: Callable[[str], str | None], levels: Mapping[str, float] = LEVELS) -> None:
        self._sector = sector
        self._levels = levels
        self._raised: set[tuple[str, str, str]] = set()

    def check(
        self, values: LiveValues, volatility: Mapping[str, float], highs: Mapping[str, float], now: datetime
    ) -> list[Event]:
        """Alerts for the limits newly crossed. `volatility` is annual, `highs` the highest value that today's compares
        with, both by portfolio; a portfolio that is not in them is not checked for them."""
        above = {breach.key: breach for breach in self._above(values, volatility, highs, 1.0)}
        near = {breach.key for breach in self._above(values, volatility, highs, REARM)} if self._raised else set()
        fresh = [breach for key, breach in above.items() if key not in self._raised]
        self._raised = (self._raised & near) | above.keys()
        return [self._alert(breach, now) for breach in fresh]

    def _above(
        self, values: LiveValues, volatility: Mapping[str, float], highs: Mapping[str, float], share: float
    ) -> Iterator[Breach]:
        ids, level = values.portfolio_ids, {name: share * value for name, value in self._levels.items()}
        for k in np.flatnonzero(values.weights > level[POSITION]):
            symbol = values.symbols[values.columns[k]]
            yield Breach(ids[values.owners[k]], POSITION, symbol, float(values.weights[k]))
        sectors, by_sector = self._by_sector(values)
        for row, column in np.argwhere(by_sector > level[SECTOR]):
            yield Breach(ids[row], SECTOR, sectors[column], float(by_sector[row, column]))
        leverage = np.bincount(values.owners, weights=np.abs(values.weights), minlength=len(ids))
        for row in np.flatnonzero(leverage > level[LEVERAGE]):
            yield Breach(ids[row], LEVERAGE, "", float(leverage[row]))
        for row, portfolio_id in enumerate(ids):
            if (risk := volatility.get(portfolio_id, 0.0)) > level[VOLATILITY]:
                yield Breach(portfolio_id, VOLATILITY, "", risk)
            high = highs.get(portfolio_id, 0.0)
            if high > 0 and (fallen := 1 - float(values.totals[row]) / high) > level[DRAWDOWN]:
                yield Breach(portfolio_id, DRAWDOWN, "", fallen)

    def _by_sector(self, values: LiveValues) -> tuple[list[str], Floats]:
        """Names of the sectors held, and (portfolios, sectors) their weights; unknown sectors count in none."""
        of_symbol = [self._sector(symbol) for symbol in values.symbols]
        sectors = sorted({name for name in of_symbol if name is not None})
        code = np.array(
            [sectors.index(name) if name is not None else len(sectors) for name in of_symbol], dtype=np.intp
        )
        cells = values.owners * (len(sectors) + 1) + code[values.columns]
        size = len(values.portfolio_ids) * (len(sectors) + 1)
        weights = np.asarray(np.bincount(cells, weights=values.weights, minlength=size), dtype=np.float64)
        return sectors, weights.reshape(len(values.portfolio_ids), len(sectors) + 1)[:, :-1]

    def _alert(self, breach: Breach, now: datetime) -> Event:
        level = self._levels[breach.limit]
        subject = f"{breach.subject}: " if breach.subject else ""
        message = f"{subject}{breach.limit} is {breach.value:.4g}, the limit is {level:g}"
        return events.risk_alert(breach.portfolio_id, breach.limit, level, breach.value, message, now)

"""The risk limits of a portfolio: two levels each, and what is beyond them, over all portfolios at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from portfolio_service.domain.models import Portfolio
from portfolio_service.domain.valuation import Floats, LiveValues

POSITION, SECTOR, VOLATILITY = "max_position_weight", "max_sector_weight", "max_volatility"
DRAWDOWN, LEVERAGE, VAR_95 = "max_drawdown", "max_leverage", "max_var_95"
UNKNOWN = "unknown"  # the sector of what the source knows none for; no limit counts it as a sector
WARN_AT = 0.9  # a warning comes at this share of the breach unless said otherwise
REARM = 0.98  # an alert ends once the value is below this share of its level

State = Literal["ok", "warning", "breach", "disabled", "unknown"]


@dataclass(frozen=True)
class Level:
    """A limit's two levels; a value above one is beyond it. Disabled: shown, never alerted."""

    warning: float
    breach: float
    enabled: bool = True

    @classmethod
    def at(cls, breach: float, warning: float | None = None, enabled: bool = True) -> Level:
        return cls(round(WARN_AT * breach, 12) if warning is None else warning, breach, enabled)

    def state(self, value: float, before: State = "ok") -> State:
        """Where `value` stands; what was beyond a level stays so until it is below REARM of it."""
        if not self.enabled:
            return "disabled"
        if value > self.breach or (before == "breach" and value >= REARM * self.breach):
            return "breach"
        if value > self.warning or (before == "warning" and value >= REARM * self.warning):
            return "warning"
        return "ok"


DEFAULTS: Mapping[str, Level] = {
    POSITION: Level.at(0.20),
    SECTOR: Level.at(0.30),
    VOLATILITY: Level.at(0.25),
    DRAWDOWN: Level.at(0.15),
    LEVERAGE: Level.at(1.5),
    VAR_95: Level.at(0.05, enabled=False),  # a share of the value lost in a day; the documentation names no level
}


@dataclass(frozen=True)
class Measures:
    """What the limits need beside weights, as fractions; None where it is not known."""

    volatility: float | None = None
    var_95: float | None = None  # lost in a day, positive
    high: float | None = None  # money: the highest value that today's compares with


@dataclass(frozen=True)
class Reading:
    """A limit's value; `subject` is the symbol or sector where the limit is about one. None: not known."""

    limit: str
    subject: str
    value: float | None


@dataclass(frozen=True)
class Standing:
    """A reading beside its levels."""

    limit: str
    subject: str
    value: float | None
    warning: float
    breach: float
    enabled: bool
    state: State


def levels_of(portfolio: Portfolio) -> dict[str, Level]:
    """The portfolio's own levels over the documented ones."""
    return {**DEFAULTS, **{name: Level(**level) for name, level in (portfolio.limits or {}).items()}}


def stored(levels: Mapping[str, Level]) -> dict[str, Any] | None:
    """Levels as a portfolio keeps them; None when all are the documented ones."""
    own = {name: asdict(level) for name, level in levels.items() if level != DEFAULTS[name]}
    return own or None


def readings(
    weights: Mapping[str, float], sector: Callable[[str], str | None], total: float, measures: Measures
) -> list[Reading]:
    """Every limit's value for one portfolio: each position and sector, then the whole."""
    by_sector: dict[str, float] = {}
    for symbol, weight in weights.items():
        if (name := sector(symbol)) is not None:
            by_sector[name] = by_sector.get(name, 0.0) + weight
    high = measures.high
    return [
        *(Reading(POSITION, symbol, weight) for symbol, weight in weights.items()),
        *(Reading(SECTOR, name, weight) for name, weight in sorted(by_sector.items())),
        Reading(VOLATILITY, "", measures.volatility),
        Reading(DRAWDOWN, "", None if high is None else max(1 - total / high, 0.0) if high > 0 else 0.0),
        Reading(LEVERAGE, "", sum(map(abs, weights.values()))),
        Reading(VAR_95, "", measures.var_95),
    ]


def judge(levels: Mapping[str, Level], found: Iterable[Reading]) -> list[Standing]:
    """Readings beside their levels; of positions and sectors those beyond a level, and always the largest."""
    standings = [_standing(levels[one.limit], one) for one in found]
    shown: list[Standing] = []
    for name in levels:
        own = sorted((s for s in standings if s.limit == name), key=lambda s: -(s.value or 0.0))
        shown += [s for k, s in enumerate(own) if k == 0 or s.state in ("warning", "breach")]
    return shown


def _standing(level: Level, one: Reading) -> Standing:
    state: State = level.state(one.value) if one.value is not None else "unknown" if level.enabled else "disabled"
    return Standing(one.limit, one.subject, one.value, level.warning, level.breach, level.enabled, state)


Key = tuple[str, str, str]  # portfolio_id, limit, subject


class LimitScan:
    """All portfolios in one vectorised pass, for the alerts."""

    def __init__(self, sector: Callable[[str], str | None]) -> None:
        self._sector = sector

    def near(
        self, values: LiveValues, portfolios: Sequence[Portfolio], measures: Mapping[str, Measures]
    ) -> tuple[dict[Key, float], dict[str, Mapping[str, Level]]]:
        """Values from REARM of a warning on, and the levels of each portfolio in `values`."""
        by_id = {one.portfolio_id: one for one in portfolios}
        ids = values.portfolio_ids
        levels = {i: levels_of(by_id[i]) if by_id[i].limits else DEFAULTS for i in ids if i in by_id}
        own = [(row, levels.get(i)) for row, i in enumerate(ids) if levels.get(i) is not DEFAULTS]
        floor = {name: _floor(name, len(ids), own) for name in DEFAULTS}
        return dict(self._values(values, measures, floor)), levels

    def _values(
        self, values: LiveValues, measures: Mapping[str, Measures], floor: Mapping[str, Floats]
    ) -> Iterator[tuple[Key, float]]:
        ids = values.portfolio_ids
        for k in np.flatnonzero(values.weights >= floor[POSITION][values.owners]):
            yield (ids[values.owners[k]], POSITION, values.symbols[values.columns[k]]), float(values.weights[k])
        sectors, by_sector = self._by_sector(values)
        for row, column in np.argwhere(by_sector >= floor[SECTOR][:, None]):
            yield (ids[row], SECTOR, sectors[column]), float(by_sector[row, column])
        leverage = np.bincount(values.owners, weights=np.abs(values.weights), minlength=len(ids))
        for row in np.flatnonzero(leverage >= floor[LEVERAGE]):
            yield (ids[row], LEVERAGE, ""), float(leverage[row])
        for row, portfolio_id in enumerate(ids):
            own = measures.get(portfolio_id)
            if own is None:
                continue
            if own.volatility is not None and own.volatility >= floor[VOLATILITY][row]:
                yield (portfolio_id, VOLATILITY, ""), own.volatility
            if own.var_95 is not None and own.var_95 >= floor[VAR_95][row]:
                yield (portfolio_id, VAR_95, ""), own.var_95
            if own.high and (fallen := 1 - float(values.totals[row]) / own.high) >= floor[DRAWDOWN][row]:
                yield (portfolio_id, DRAWDOWN, ""), fallen

    def _by_sector(self, values: LiveValues) -> tuple[list[str], Floats]:
        """Names of the sectors held, and (portfolios, sectors) their weights; unknown sectors count in none."""
        of_symbol = [self._sector(symbol) for symbol in values.symbols]
        sectors = sorted({name for name in of_symbol if name is not None})
        place = {name: k for k, name in enumerate(sectors)}
        code = np.array([len(sectors) if name is None else place[name] for name in of_symbol], dtype=np.intp)
        cells = values.owners * (len(sectors) + 1) + code[values.columns]
        size = len(values.portfolio_ids) * (len(sectors) + 1)
        weights = np.asarray(np.bincount(cells, weights=values.weights, minlength=size), dtype=np.float64)
        return sectors, weights.reshape(len(values.portfolio_ids), len(sectors) + 1)[:, :-1]


def _floor(name: str, count: int, own: Iterable[tuple[int, Mapping[str, Level] | None]]) -> Floats:
    """(count,) the value from which on a limit is looked at; `own` are rows of other levels, None for none at all."""
    found = np.full(count, _look_from(DEFAULTS[name]))
    for row, levels in own:
        found[row] = np.inf if levels is None else _look_from(levels[name])
    return found


def _look_from(level: Level) -> float:
    return REARM * min(level.warning, level.breach) if level.enabled else np.inf

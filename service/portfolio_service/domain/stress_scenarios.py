"""What a stress test can be asked: windows of history, shocks of a factor, of correlations, or returns of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from portfolio_service.domain.errors import FieldError, Unacceptable

# From the S&P 500's last high close before each fall to the lowest close of it.
WINDOWS: Mapping[str, tuple[date, date]] = {
    "crisis_2008": (date(2007, 10, 9), date(2009, 3, 9)),
    "downgrade_2011": (date(2011, 7, 22), date(2011, 8, 8)),
    "devaluation_2015": (date(2015, 8, 17), date(2015, 8, 25)),
    "selloff_2018": (date(2018, 9, 20), date(2018, 12, 24)),
    "covid_2020": (date(2020, 2, 19), date(2020, 3, 23)),
    "inflation_2022": (date(2022, 1, 3), date(2022, 10, 12)),
}
KINDS = ("scenario", "start and end", "factor and shock", "correlation or volatility_multiplier", "returns")
Kind = Literal["window", "factor", "correlation", "returns"]
MARKET = "market"


@dataclass(frozen=True)
class Scenario:
    """One of a request's; exactly one of the KINDS is given."""

    name: str | None = None
    scenario: str | None = None  # one of WINDOWS
    start: date | None = None
    end: date | None = None
    factor: str | None = None  # "market", a sector or a symbol
    shock: float | None = None
    correlation: float | None = None
    volatility_multiplier: float | None = None
    returns: Mapping[str, float] | None = None
    default: Literal["beta", "zero"] = "beta"  # of what `returns` does not name

    @property
    def kind(self) -> Kind:
        if self.scenario is not None or self.start is not None:
            return "window"
        if self.factor is not None:
            return "factor"
        return "returns" if self.returns is not None else "correlation"

    @property
    def window(self) -> tuple[date, date]:
        if self.scenario is not None:
            return WINDOWS[self.scenario]
        assert self.start is not None  # checked
        assert self.end is not None
        return self.start, self.end

    @property
    def title(self) -> str:
        """The name given, else one made of what it says."""
        if self.name is not None:
            return self.name
        if self.kind == "window":
            return self.scenario or f"{self.start}..{self.end}"
        if self.kind == "factor":
            return f"{self.factor} {self.shock:+.0%}"
        if self.kind == "returns":
            return "own returns"
        level = "" if self.correlation is None else f"correlation {self.correlation:g}"
        times = "" if self.volatility_multiplier is None else f"volatility x{self.volatility_multiplier:g}"
        return ", ".join(part for part in (level, times) if part)


@dataclass(frozen=True)
class StressRequest:
    """POST stress-test; without scenarios the standard ones that the source's history covers."""

    scenarios: tuple[Scenario, ...] = ()
    confidence: float = 0.95
    horizon_days: int = 1
    lookback_days: int = 252


STANDARD = (
    *(Scenario(scenario=name) for name in WINDOWS),
    Scenario(factor=MARKET, shock=-0.1),
    Scenario(factor=MARKET, shock=-0.2),
    Scenario(correlation=0.9, volatility_multiplier=1.5),
)


def check(scenarios: tuple[Scenario, ...], today: date) -> None:
    """Unacceptable("invalid_scenario") for one that says nothing, two things, half of one or a window of tomorrow."""
    for k, one in enumerate(scenarios):
        given = [
            one.scenario is not None,
            one.start is not None or one.end is not None,
            one.factor is not None or one.shock is not None,
            one.correlation is not None or one.volatility_multiplier is not None,
            one.returns is not None,
        ]
        named = [kind for kind, there in zip(KINDS, given, strict=True) if there]
        if len(named) != 1:
            raise _wrong(k, "", f"expected exactly one of {'; '.join(KINDS)}, got {'; '.join(named) or 'none'}")
        if one.scenario is not None and one.scenario not in WINDOWS:
            raise _wrong(k, ".scenario", f"expected one of {', '.join(WINDOWS)}, got {one.scenario!r}")
        if (one.start is None) != (one.end is None):
            raise _wrong(k, "", "expected start and end, got one of them")
        if (one.factor is None) != (one.shock is None):
            raise _wrong(k, "", "expected factor and shock, got one of them")
        if one.returns is not None and not one.returns:
            raise _wrong(k, ".returns", "expected at least one symbol, got none")
        if one.start is not None and one.end is not None and not one.start < one.end <= today:
            raise _wrong(k, "", f"expected start < end <= {today}, got {one.start} and {one.end}")


def _wrong(index: int, field: str, message: str) -> Unacceptable:
    name = f"scenarios.{index}{field}"
    return Unacceptable("invalid_scenario", f"{name}: {message}", [FieldError(name, message)])

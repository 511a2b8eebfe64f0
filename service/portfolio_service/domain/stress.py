"""Stress tests: what a portfolio would be worth, by position, and which limits it would break. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from portfolio_service.domain.clock import iso
from portfolio_service.domain.errors import Conflict, FieldError, Unacceptable
from portfolio_service.domain.estimation import MIN_RETURNS, Sample, sample_of
from portfolio_service.domain.limits import UNKNOWN
from portfolio_service.domain.models import Portfolio, Valuation
from portfolio_service.domain.ports import Clock, MarketDataClient
from portfolio_service.domain.risk import provenance
from portfolio_service.domain.risk_watch import RiskWatch
from portfolio_service.domain.stress_answers import FACTOR, Stage, answer
from portfolio_service.domain.stress_scenarios import MARKET, STANDARD, Scenario, StressRequest, check
from portfolio_service.domain.workers import Workers

CONSTITUENTS = 50  # of a sector's factor, the first that the source lists


class StressTests:
    """Loads what a request needs in at most two histories and computes it in a worker."""

    def __init__(
        self,
        *,
        market: MarketDataClient,
        clock: Clock,
        workers: Workers,
        watch: RiskWatch,
        benchmark_symbol: str = "SPY",
    ) -> None:
        self._market = market
        self._clock = clock
        self._workers = workers
        self._watch = watch
        self._benchmark = benchmark_symbol

    async def run(self, portfolio: Portfolio, valuation: Valuation, request: StressRequest) -> dict[str, Any]:
        """The answer to POST stress-test."""
        check(request.scenarios, self._clock.now().date())
        held = list(valuation.positions)
        scenarios = request.scenarios or await self._standard()
        factors = {one.factor: self._columns(one.factor, held) for one in scenarios if one.factor is not None}
        drivers = [symbol for columns in factors.values() for symbol in columns]
        drivers += [symbol for one in scenarios for symbol in one.returns or ()]
        recent = await self._market.get_histories(
            [*dict.fromkeys([*held, self._benchmark, *drivers])], request.lookback_days + 1
        )
        _require(drivers, recent, self._market.source)
        history = await self._history(held, scenarios)
        sample = self._sample(held, recent)
        stage = Stage(
            portfolio=portfolio,
            values={symbol: float(position.market_value) for symbol, position in valuation.positions.items()},
            total=float(valuation.total_value),
            sectors={symbol: self._market.sector(symbol) or UNKNOWN for symbol in held},
            measures=await self._watch.current(portfolio),
            sample=sample,
            drivers=_drivers(recent, factors, drivers, self._benchmark, sample),
            history=history,
            benchmark=self._benchmark,
            request=request,
        )
        answers = await self._workers.run(lambda: [answer(stage, one) for one in scenarios])
        if request.scenarios:
            _refuse_uncovered(request.scenarios, answers, history, self._market.source)
        shown = [answer for answer in answers if answer is not None]
        return {
            "status": "stress_tested",
            "portfolio_id": portfolio.portfolio_id,
            "total_value": stage.total,
            "scenarios": shown,
            "count": len(shown),
            "not_covered": [one.title for one, answer in zip(scenarios, answers, strict=True) if answer is None],
            "estimates": None if sample is None else provenance(sample),
            "valued_at": iso(valuation.valued_at),
            "version": portfolio.version,
        }

    async def _standard(self) -> tuple[Scenario, ...]:
        """Without a benchmark there is no market to shock."""
        known = self._benchmark in await self._market.get_histories([self._benchmark], 2)
        return tuple(one for one in STANDARD if known or one.factor is None)

    def _columns(self, factor: str, held: Sequence[str]) -> list[str]:
        """The symbols whose mean return is the factor. Unacceptable("unknown_factor")."""
        if factor.lower() == MARKET:
            return [self._benchmark]
        universe = [*dict.fromkeys([*held, *(self._market.known_symbols() or ())])]
        sectors = {name for symbol in universe if (name := self._market.sector(symbol)) is not None}
        if (sector := next((name for name in sectors if name.lower() == factor.lower()), None)) is not None:
            return [symbol for symbol in universe if self._market.sector(symbol) == sector][:CONSTITUENTS]
        symbol, known = factor.upper(), self._market.known_symbols()
        if known is None or symbol in known:
            return [symbol]
        detail = f"factor: expected market, a known symbol or one of {', '.join(sorted(sectors))}, got {factor!r}"
        raise Unacceptable("unknown_factor", detail, [FieldError("factor", detail)])

    async def _history(self, held: Sequence[str], scenarios: Iterable[Scenario]) -> pd.DataFrame:
        """Prices from before the first window on."""
        starts = [one.window[0] for one in scenarios if one.kind == "window"]
        if not starts:
            return pd.DataFrame()
        days = (self._clock.now().date() - min(starts)).days + 10  # enough also where every day is one of trading
        return await self._market.get_histories([*dict.fromkeys([*held, self._benchmark])], days)

    def _sample(self, held: Sequence[str], recent: pd.DataFrame) -> Sample | None:
        """Of the symbols with enough history; Conflict("insufficient_history") when none of them has."""
        if not held:
            return None
        long = [symbol for symbol in held if symbol in recent and recent[symbol].count() > MIN_RETURNS]
        return sample_of(recent, long or held, self._market.source)


def _require(symbols: Sequence[str], recent: pd.DataFrame, source: str) -> None:
    if unknown := sorted({symbol for symbol in symbols if symbol not in recent}):
        detail = f"{source} has no history of {', '.join(unknown)}"
        raise Unacceptable("unknown_symbol", detail, [FieldError("scenarios", f"{s}: no history") for s in unknown])


def _refuse_uncovered(
    scenarios: Sequence[Scenario], answers: Sequence[object | None], history: pd.DataFrame, source: str
) -> None:
    missing = [one.title for one, answer in zip(scenarios, answers, strict=True) if answer is None]
    if missing:
        since = "nothing" if history.empty else f"prices from {history.index[0].date()} to {history.index[-1].date()}"
        raise Conflict("insufficient_history", f"{', '.join(missing)}: {source} has {since} of what is held")


def _drivers(
    recent: pd.DataFrame,
    factors: Mapping[str, Sequence[str]],
    drivers: Sequence[str],
    benchmark: str,
    sample: Sample | None,
) -> pd.DataFrame:
    """Returns on the sample's days of the benchmark and of everything shocked; a factor's is the mean of its symbols'.

    Conflict("insufficient_history") for one that has no prices then, or always the same.
    """
    if sample is None:
        return pd.DataFrame()
    names = [name for name in dict.fromkeys([benchmark, *drivers]) if name in recent]
    days = recent[list(sample.symbols)].dropna().index
    returns = recent[names].ffill().reindex(days).pct_change().iloc[1:]
    found = {name: returns[name] for name in names}
    found |= {FACTOR + factor: returns[list(columns)].mean(axis=1) for factor, columns in factors.items()}
    table = pd.DataFrame(found, index=returns.index)
    usable = table.notna().all() & (table.std() > 0)
    factor_columns = {symbol for columns in factors.values() for symbol in columns}
    needed = [*(name for name in drivers if name not in factor_columns), *(FACTOR + factor for factor in factors)]
    if silent := sorted({str(name).removeprefix(FACTOR) for name in needed if not usable[name]}):
        detail = f"expected prices that move on the {len(days)} days of what is held, got none"
        raise Conflict("insufficient_history", f"{', '.join(silent)}: {detail}")
    return table.loc[:, usable]

"""Stress tests: what a portfolio would be worth, by position, and which limits it would break. Nothing is changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

import portfolio_engine as pe
from portfolio_service.domain.clock import iso
from portfolio_service.domain.errors import Conflict, FieldError, Unacceptable
from portfolio_service.domain.estimation import MIN_RETURNS, Sample, sample_of
from portfolio_service.domain.limits import UNKNOWN, Measures, judge, levels_of, readings
from portfolio_service.domain.models import Portfolio, Valuation
from portfolio_service.domain.ports import Clock, MarketDataClient
from portfolio_service.domain.risk import provenance
from portfolio_service.domain.risk_watch import PERIODS, RiskWatch
from portfolio_service.domain.stress_moves import Moves, of_returns, of_shocks, of_window
from portfolio_service.domain.stress_scenarios import MARKET, STANDARD, Scenario, StressRequest, check
from portfolio_service.domain.workers import Workers

WORST = 5  # positions named
CONSTITUENTS = 50  # of a sector's factor, the first that the source lists
FACTOR = "\x00factor"  # a column that is no symbol


@dataclass(frozen=True)
class _Stage:
    """All that the scenarios of one request are computed from."""

    portfolio: Portfolio
    values: Mapping[str, float]  # money by symbol
    total: float
    sectors: Mapping[str, str]
    measures: Measures
    sample: Sample | None  # of what is held and has enough history; None when nothing is held
    drivers: pd.DataFrame  # returns on the sample's days of everything shocked
    history: pd.DataFrame  # prices over the windows
    benchmark: str
    request: StressRequest


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
        stage = _Stage(
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
        answers = await self._workers.run(lambda: [_answer(stage, one) for one in scenarios])
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


def _answer(stage: _Stage, one: Scenario) -> dict[str, Any] | None:
    """None for a window that the source's history does not cover."""
    if one.kind == "correlation":
        return _correlated(stage, one)
    moves = _moves(stage, one)
    if moves is None:
        return None
    losses = {symbol: value * moves.of[symbol].value for symbol, value in stage.values.items() if symbol in moves.of}
    after = {symbol: value + losses.get(symbol, 0.0) for symbol, value in stage.values.items()}
    pnl, total = sum(losses.values()), stage.total + sum(losses.values())
    weights = {symbol: value / total for symbol, value in after.items()} if total > 0 else dict.fromkeys(after, 0.0)
    risk = _risk(stage, weights)
    by_sector: dict[str, float] = {}
    for symbol, loss in losses.items():
        by_sector[stage.sectors[symbol]] = by_sector.get(stage.sectors[symbol], 0.0) + loss
    positions = {
        symbol: {"pnl": losses[symbol], "return": move.value, "basis": move.basis, "beta": move.beta}
        for symbol, move in moves.of.items()
    }
    worst = sorted((loss, symbol) for symbol, loss in losses.items() if loss < 0)[:WORST]
    return {
        **_head(one, pnl, stage.total, total),
        "by_position": positions,
        "by_sector": dict(sorted(by_sector.items(), key=lambda item: item[1])),
        "worst_positions": [{"symbol": symbol, **positions[symbol]} for _, symbol in worst],
        "proxied": sorted(s for s, move in moves.of.items() if move.basis == "beta" and one.kind == "window"),
        "uncovered": list(moves.uncovered),
        "uncovered_weight": sum(stage.values[s] for s in moves.uncovered) / stage.total if stage.total else 0.0,
        "floored": sorted(symbol for symbol, move in moves.of.items() if move.floored),
        "basis": dict(moves.notes),
        "risk_after": risk,
        "limits_beyond": _limits(stage, weights, total, risk),
    }


def _head(one: Scenario, pnl: float, before: float, after: float) -> dict[str, Any]:
    return {
        "name": one.title,
        "kind": one.kind,
        "pnl": pnl,
        "pnl_pct": pnl / before if before else 0.0,
        "total_value": after,
    }


def _moves(stage: _Stage, one: Scenario) -> Moves | None:
    held = list(stage.values)
    if one.kind == "window":
        return of_window(held, stage.history, one.window, _betas(stage), stage.benchmark)
    if stage.sample is None:
        return Moves({})
    if one.factor is not None:
        column = FACTOR + one.factor
        table = stage.sample.returns.assign(**{column: stage.drivers[column]})
        return of_shocks(held, table, {column: one.shock or 0.0}, factor=column)
    given = one.returns or {}
    if one.default == "zero":
        return of_returns(held, given)
    named = stage.drivers[[symbol for symbol in given if symbol not in stage.sample.returns]]
    return of_shocks(held, stage.sample.returns.join(named), given)


def _betas(stage: _Stage) -> dict[str, float]:
    """To the benchmark, of what has a recent history."""
    if stage.sample is None or stage.benchmark not in stage.drivers:
        return {}
    market = stage.drivers[stage.benchmark].to_numpy(dtype=np.float64)
    found = pe.factor_exposure(stage.sample.returns, market, np.zeros(len(stage.sample.symbols)))
    return {str(symbol): float(beta) for symbol, beta in found.betas.items()}


def _risk(stage: _Stage, weights: Mapping[str, float]) -> dict[str, float] | None:
    """Of the weights after the scenario, at the moments of today; None when nothing is held."""
    if stage.sample is None:
        return None
    w = np.array([weights[symbol] for symbol in stage.sample.symbols])
    returns, request = stage.sample.returns.to_numpy(dtype=np.float64), stage.request
    tail = pe.tail_risk(returns, w, confidence=request.confidence, horizon=min(request.horizon_days, len(returns) - 1))
    daily = pe.tail_risk(returns, w)
    volatility = float((returns @ w).std(ddof=1)) * math.sqrt(PERIODS)
    return _shown(volatility, tail) | {"var_95": daily.value_at_risk}


def _correlated(stage: _Stage, one: Scenario) -> dict[str, Any]:
    """No price moves, but everything moves together: risk before and after, both by the normal distribution."""
    weights = {symbol: value / stage.total for symbol, value in stage.values.items()} if stage.total > 0 else {}
    calm = stressed = None
    if stage.sample is not None and weights:
        w = np.array([weights[symbol] for symbol in stage.sample.symbols])
        returns = stage.sample.returns.to_numpy(dtype=np.float64)
        covariance = np.atleast_2d(np.cov(returns, rowvar=False))
        shaken = pe.stress_covariance(
            covariance, correlation=one.correlation, volatility_multiplier=one.volatility_multiplier or 1.0
        )
        calm, stressed = (_gaussian(returns.mean(axis=0), sigma, w, stage.request) for sigma in (covariance, shaken))
    return {
        **_head(one, 0.0, stage.total, stage.total),
        "by_position": {},
        "by_sector": {},
        "worst_positions": [],
        "proxied": [],
        "uncovered": [s for s in stage.values if stage.sample is None or s not in stage.sample.symbols],
        "uncovered_weight": sum(weights.values()) - sum(weights.get(s, 0.0) for s in _sampled(stage)),
        "floored": [],
        "basis": {"correlation": one.correlation, "volatility_multiplier": one.volatility_multiplier or 1.0},
        "risk_before": calm,
        "risk_after": stressed,
        "limits_beyond": _limits(stage, weights, stage.total, stressed),
    }


def _sampled(stage: _Stage) -> Sequence[str]:
    return () if stage.sample is None else stage.sample.symbols


def _gaussian(mean: Any, covariance: Any, w: Any, request: StressRequest) -> dict[str, float]:
    tail = pe.gaussian_tail_risk(mean, covariance, w, confidence=request.confidence, horizon=request.horizon_days)
    daily = pe.gaussian_tail_risk(mean, covariance, w)
    volatility = pe.risk_decomposition(covariance, w).volatility * math.sqrt(PERIODS)
    return _shown(volatility, tail) | {"var_95": daily.value_at_risk}


def _shown(volatility: float, tail: pe.TailRisk) -> dict[str, float]:
    return {
        "volatility": volatility,
        "value_at_risk": tail.value_at_risk,
        "conditional_value_at_risk": tail.conditional_value_at_risk,
    }


def _limits(
    stage: _Stage, weights: Mapping[str, float], total: float, risk: Mapping[str, float] | None
) -> list[dict[str, Any]]:
    """Limits beyond a level after the scenario, and whether they are so already."""
    levels = levels_of(stage.portfolio)
    sector = {symbol: name for symbol, name in stage.sectors.items() if name != UNKNOWN}.get
    measures = Measures(
        volatility=None if risk is None else risk["volatility"],
        var_95=None if risk is None else max(-risk["var_95"], 0.0),
        high=stage.measures.high,
    )
    now = {symbol: value / stage.total for symbol, value in stage.values.items()} if stage.total > 0 else {}
    before = {(s.limit, s.subject): s.state for s in judge(levels, readings(now, sector, stage.total, stage.measures))}
    return [
        {**asdict(one), "state_before": before.get((one.limit, one.subject), "ok")}
        for one in judge(levels, readings(weights, sector, total, measures))
        if one.state in ("warning", "breach")
    ]

"""The risk of one portfolio as it is held now: concentration, volatility, correlation, VaR and CVaR by position."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

import portfolio_engine as pe
from portfolio_engine.risk import RiskDecomposition, TailMethod, TailRisk
from portfolio_service.domain.books import Books
from portfolio_service.domain.clock import iso
from portfolio_service.domain.estimation import MIN_RETURNS, Sample, sample_of
from portfolio_service.domain.limits import UNKNOWN, judge, levels_of, readings
from portfolio_service.domain.models import Portfolio, Valuation
from portfolio_service.domain.ports import Clock, MarketDataClient
from portfolio_service.domain.risk_watch import PERIODS, RiskWatch
from portfolio_service.domain.valuation import Floats
from portfolio_service.domain.workers import Workers

QUESTIONS = 8  # answers kept a portfolio, until its books or the last close change


@dataclass(frozen=True)
class RiskRequest:
    """GET risk."""

    confidence: float = 0.95
    horizon_days: int = 1
    method: TailMethod = "historical"
    lookback_days: int = PERIODS


@dataclass(frozen=True)
class _Risk:
    """What is computed from returns, as fractions of the value."""

    symbols: tuple[str, ...]
    split: RiskDecomposition  # annual
    tail: TailRisk
    correlation: Floats
    beta: float | None
    betas: Floats | None
    estimates: Mapping[str, Any]


class RiskReports:
    """Answers are kept by book version, last close and question; weights and money in them are of this moment."""

    def __init__(
        self,
        *,
        books: Books,
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
        self._known: dict[str, tuple[tuple[int, datetime], dict[RiskRequest, _Risk]]] = {}
        books.subscribe(self._changed)

    async def report(self, portfolio: Portfolio, valuation: Valuation, request: RiskRequest) -> dict[str, Any]:
        """The answer to GET risk. Conflict("insufficient_history") under 30 common returns."""
        weights = {symbol: position.weight for symbol, position in valuation.positions.items()}
        total = float(valuation.total_value)
        found = await self._risk(portfolio, weights, request) if weights else nothing(request)
        measures = await self._watch.current(portfolio)
        standings = judge(levels_of(portfolio), readings(weights, self._market.sector, total, measures))
        return {
            "portfolio_id": portfolio.portfolio_id,
            "total_value": total,
            "cash_balance": float(valuation.cash_balance),
            "cash_weight": 1.0 - sum(weights.values()) if total else 0.0,
            "concentration": concentration(weights, self._market.sector, found.split),
            **_numbers(found, total, self._benchmark),
            "limits": [asdict(standing) for standing in standings],
            "stale_prices": sorted(s for s, position in valuation.positions.items() if position.stale),
            "estimates": dict(found.estimates),
            **asdict(request),
            "valued_at": iso(valuation.valued_at),
            "version": portfolio.version,
        }

    async def _risk(self, portfolio: Portfolio, weights: Mapping[str, float], request: RiskRequest) -> _Risk:
        key = (portfolio.version, self._market.last_close(self._clock.now()))
        known = self._known.get(portfolio.portfolio_id)
        if known is None or known[0] != key:
            known = self._known[portfolio.portfolio_id] = (key, {})
        answers = known[1]
        if request not in answers:
            symbols = list(weights)
            frame = await self._market.get_histories([*symbols, self._benchmark], request.lookback_days + 1)
            sample = sample_of(frame, symbols, self._market.source, MIN_RETURNS + request.horizon_days - 1)
            days = sample.returns.index
            benchmark = frame[self._benchmark].dropna() if self._benchmark in frame else None
            market: Floats | None = None
            if benchmark is not None and days.isin(benchmark.index[1:]).all():
                beside = benchmark.reindex(frame[symbols].dropna().index).pct_change().iloc[1:]
                market = np.asarray(beside, dtype=np.float64)
            found = await self._workers.run(lambda: compute(sample, weights, market, request))
            while len(answers) >= QUESTIONS:
                answers.pop(next(iter(answers)))
            answers[request] = found
        return answers[request]

    def _changed(self, portfolio_id: str, portfolio: Portfolio | None) -> None:
        self._known.pop(portfolio_id, None)


def compute(sample: Sample, weights: Mapping[str, float], market: Floats | None, request: RiskRequest) -> _Risk:
    """From daily returns; `market` are the benchmark's on the same days."""
    w = np.array([weights[symbol] for symbol in sample.symbols])
    returns = sample.returns.to_numpy(dtype=np.float64)
    covariance = np.atleast_2d(np.cov(returns, rowvar=False))
    tail = pe.tail_risk(returns, w, confidence=request.confidence, horizon=request.horizon_days, method=request.method)
    exposure = None
    if market is not None and np.isfinite(market).all() and np.ptp(market) > 0:
        exposure = pe.factor_exposure(returns, market, w)
    return _Risk(
        symbols=sample.symbols,
        split=pe.risk_decomposition(covariance * PERIODS, w),
        tail=tail,
        correlation=np.asarray(pe.correlation(covariance)),
        beta=None if exposure is None else exposure.beta,
        betas=None if exposure is None else np.asarray(exposure.betas),
        estimates=provenance(sample),
    )


def provenance(sample: Sample) -> dict[str, Any]:
    """Which days, how many, from whom."""
    days = sample.returns.index
    return {
        "first_date": str(days[0].date()),
        "last_date": str(days[-1].date()),
        "n_obs": len(days),
        "source": sample.source,
        "symbols": list(sample.symbols),
    }


def nothing(request: RiskRequest) -> _Risk:
    """Cash alone has no risk."""
    empty = np.empty(0)
    split = RiskDecomposition(0.0, empty, empty, 1.0, 0.0, 0.0)
    tail = TailRisk(0.0, 0.0, empty, empty, 0.0, 0.0, True, request.method, request.confidence, request.horizon_days, 0)
    estimates: dict[str, Any] = {"first_date": None, "last_date": None, "n_obs": 0, "source": None, "symbols": []}
    return _Risk((), split, tail, np.empty((0, 0)), 0.0, empty, estimates)


def concentration(
    weights: Mapping[str, float], sector: Callable[[str], str | None], split: RiskDecomposition
) -> dict[str, Any]:
    """Weights by position and by sector, largest first; HHI and effective positions are of what is invested."""
    by_sector: dict[str, float] = {}
    for symbol, weight in weights.items():
        name = sector(symbol) or UNKNOWN
        by_sector[name] = by_sector.get(name, 0.0) + weight
    shares = pe.risk_decomposition(np.eye(len(weights)), np.array(list(weights.values()))) if weights else split
    return {
        "by_position": _largest_first(weights),
        "by_sector": _largest_first(by_sector),
        "hhi": shares.concentration,
        "effective_positions": shares.effective_positions,
    }


def _largest_first(weights: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(weights.items(), key=lambda item: -item[1]))


def _numbers(found: _Risk, total: float, benchmark: str) -> dict[str, Any]:
    split, tail, names = found.split, found.tail, found.symbols
    return {
        "volatility": split.volatility,
        "volatility_contributions": _named(names, split.contributions),
        "marginal_volatility": _named(names, split.marginal),
        "diversification_ratio": split.diversification_ratio,
        "correlation": _correlation(names, found.correlation),
        "value_at_risk": _money(
            names, total, tail.value_at_risk, tail.value_at_risk_contributions, tail.value_at_risk_se
        ),
        "conditional_value_at_risk": _money(
            names,
            total,
            tail.conditional_value_at_risk,
            tail.conditional_value_at_risk_contributions,
            tail.conditional_value_at_risk_se,
        ),
        "reliable": tail.monotone,
        "beta": found.beta,
        "betas": {} if found.betas is None else _named(names, found.betas),
        "benchmark": benchmark if found.beta is not None else None,
    }


def _money(names: Sequence[str], total: float, value: float, parts: Any, error: float) -> dict[str, Any]:
    """A loss is negative, in money and as a fraction; the contributions add up to the amount."""
    return {
        "amount": value * total,
        "fraction": value,
        "standard_error": error * total if math.isfinite(error) else None,
        "contributions": _named(names, np.asarray(parts) * total),
    }


def _named(names: Sequence[str], numbers: Any) -> dict[str, float]:
    return dict(zip(names, np.asarray(numbers).tolist(), strict=True))


def _correlation(names: Sequence[str], matrix: Floats) -> dict[str, Any]:
    """Rounded to six digits; None beside a symbol that never moved."""
    pairs = np.where(np.tri(len(names), dtype=bool), np.nan, matrix)
    known = np.isfinite(pairs)
    most = divmod(int(np.nanargmax(pairs)), len(names)) if known.any() else None
    rows = np.round(matrix, 6).tolist()
    return {
        "symbols": list(names),
        "values": [[value if math.isfinite(value) else None for value in row] for row in rows],
        "average": float(pairs[known].mean()) if known.any() else None,
        "max_pair": None
        if most is None
        else {"symbols": [names[most[0]], names[most[1]]], "value": float(pairs[most])},
    }

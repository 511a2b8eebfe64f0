"""What one scenario does to a portfolio: by position, by sector, its risk after it, and the limits beyond."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

import portfolio_engine as pe
from portfolio_service.domain.estimation import Sample
from portfolio_service.domain.limits import UNKNOWN, Measures, judge, levels_of, readings
from portfolio_service.domain.models import Portfolio
from portfolio_service.domain.risk_watch import PERIODS
from portfolio_service.domain.stress_moves import Moves, of_returns, of_shocks, of_window
from portfolio_service.domain.stress_scenarios import Scenario, StressRequest

WORST = 5  # positions named
FACTOR = "\x00factor"  # a column that is no symbol


@dataclass(frozen=True)
class Stage:
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


def answer(stage: Stage, one: Scenario) -> dict[str, Any] | None:
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


def _moves(stage: Stage, one: Scenario) -> Moves | None:
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


def _betas(stage: Stage) -> dict[str, float]:
    """To the benchmark, of what has a recent history."""
    if stage.sample is None or stage.benchmark not in stage.drivers:
        return {}
    market = stage.drivers[stage.benchmark].to_numpy(dtype=np.float64)
    found = pe.factor_exposure(stage.sample.returns, market, np.zeros(len(stage.sample.symbols)))
    return {str(symbol): float(beta) for symbol, beta in found.betas.items()}


def _risk(stage: Stage, weights: Mapping[str, float]) -> dict[str, float] | None:
    """Of the weights after the scenario, at the moments of today; None when nothing is held."""
    if stage.sample is None:
        return None
    w = np.array([weights[symbol] for symbol in stage.sample.symbols])
    returns, request = stage.sample.returns.to_numpy(dtype=np.float64), stage.request
    tail = pe.tail_risk(returns, w, confidence=request.confidence, horizon=min(request.horizon_days, len(returns) - 1))
    daily = pe.tail_risk(returns, w)
    volatility = float((returns @ w).std(ddof=1)) * math.sqrt(PERIODS)
    return _shown(volatility, tail) | {"var_95": daily.value_at_risk}


def _correlated(stage: Stage, one: Scenario) -> dict[str, Any]:
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


def _sampled(stage: Stage) -> Sequence[str]:
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
    stage: Stage, weights: Mapping[str, float], total: float, risk: Mapping[str, float] | None
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

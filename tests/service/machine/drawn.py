"""Requests as Hypothesis draws them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SYMBOLS = ["AAPL", "BRK", "PENNY", "NVDA"]
OWN = "FUND"  # a fund of one's own, which the market does not know

symbols = st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=4, unique=True)
money = st.integers(1, 10**8).map(lambda n: n / 100)
small = st.integers(1, 10**7).map(lambda n: n / 100)
quantities = st.integers(0, 10**11).map(lambda n: n / 10**8)
methods = st.sampled_from(["equal_weight", "min_variance", "inverse_volatility", "risk_parity", "mean_variance"])


@st.composite
def portfolios(draw: st.DrawFn) -> dict[str, Any]:
    """A body for POST /portfolios, or with symbols for POST /portfolios/with-symbols."""
    initial = draw(st.integers(1, 10**8))
    body: dict[str, Any] = {
        "portfolio_name": draw(st.sampled_from(["Growth", "Income"])),
        "initial_value": initial / 100,
    }
    body["rebalance_frequency"] = "manual"
    share = draw(st.none() | st.integers(0, 110))
    if share is not None:
        body["cash_balance"] = initial * share // 100 / 100
    named = draw(st.none() | symbols)
    return body if named is None else {**body, "symbols": named}


@st.composite
def statements(draw: st.DrawFn) -> dict[str, dict[str, float]]:
    lines: dict[str, dict[str, float]] = {}
    for symbol in draw(st.lists(st.sampled_from([*SYMBOLS, OWN]), min_size=1, max_size=4, unique=True)):
        lines[symbol] = {"quantity": draw(quantities)}
        if (cost := draw(st.none() | small)) is not None:
            lines[symbol]["avg_cost"] = cost
        if (value := draw(st.none() | small)) is not None:
            lines[symbol]["market_value"] = value
    return lines


@st.composite
def weights(draw: st.DrawFn) -> dict[str, float]:
    parts = {symbol: draw(st.integers(0, 100)) for symbol in draw(symbols)}
    whole = max(1, sum(parts.values()), draw(st.integers(1, 200)))
    return {symbol: part / whole for symbol, part in parts.items()}


@st.composite
def rebalances(draw: st.DrawFn) -> dict[str, Any]:
    body: dict[str, Any] = {
        "rebalance_threshold": draw(st.sampled_from([0.0, 0.01, 0.2])),
        "minimize_turnover": draw(st.booleans()),
        "full": draw(st.booleans()),
    }
    if (wanted := draw(st.none() | weights())) is not None:
        body["target_weights"] = wanted
    if draw(st.booleans()):
        body["accept_relaxed"] = True
    return body

"""Which weights a rebalance trades to."""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum, isfinite

from portfolio_service.domain.errors import Conflict, FieldError, Unacceptable
from portfolio_service.domain.models import Portfolio
from portfolio_service.domain.symbols import clean

TOLERANCE = 1e-9


def target_of(portfolio: Portfolio, sent: Mapping[str, float] | None, accept_relaxed: bool) -> dict[str, float]:
    """The weights sent, else the stored target; long-only and unlevered, or Unacceptable."""
    if sent is not None:
        return _checked(sent)
    target = portfolio.target
    if target is None:
        raise Conflict(
            "no_target",
            f"{portfolio.portfolio_id} has no stored target: POST optimize first, or send target_weights",
        )
    if target.relaxed and not accept_relaxed:
        raise Conflict(
            "target_relaxed",
            f"optimization {target.optimization_id} could not meet all its constraints; "
            "send accept_relaxed: true to trade to the weights that come nearest",
        )
    return dict(target.weights)


def _checked(sent: Mapping[str, float]) -> dict[str, float]:
    if not sent:
        raise Unacceptable("no_weights", "target_weights: expected at least one weight, got none")
    weights: dict[str, float] = {}
    for name, weight in sent.items():
        symbol = clean([name])[0]
        if symbol in weights:
            raise _wrong("duplicate_symbol", symbol, "given more than once")
        if not isfinite(weight):
            raise _wrong("out_of_range", symbol, f"expected a number, got {weight}")
        if weight < 0:
            raise _wrong("leverage_not_supported", symbol, f"expected zero or more (no short positions), got {weight}")
        if weight > 1 + TOLERANCE:
            hint = f"; did you mean {weight / 100:.2f}?" if weight <= 100 else ""
            raise _wrong("leverage_not_supported", symbol, f"expected a fraction of at most 1, got {weight}{hint}")
        weights[symbol] = weight
    total = fsum(weights.values())
    if total > 1 + TOLERANCE:
        raise _wrong("leverage_not_supported", None, f"expected weights that sum to at most 1, got {total:.10g}")
    return weights


def _wrong(code: str, symbol: str | None, message: str) -> Unacceptable:
    field = "target_weights" if symbol is None else f"target_weights.{symbol}"
    return Unacceptable(code, f"{field}: {message}", [FieldError(field, message)])

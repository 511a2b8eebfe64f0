"""How far a portfolio has drifted from its stored target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portfolio_service.domain.models import Portfolio, Price
from portfolio_service.domain.prices import Prices

DRIFT_THRESHOLD = 0.05  # the documented trigger: more than 5 % of the portfolio
LARGEST_BAND = 0.01


@dataclass(frozen=True)
class Drift:
    """The symbol of the stored target whose weight is farthest from it; weights are shares of the total value."""

    symbol: str
    weight: float
    target: float

    @property
    def value(self) -> float:
        return abs(self.weight - self.target)


def band_of(portfolio: Portfolio) -> float:
    """The threshold a symbol at which a scheduled rebalance trades: 1 %, and with more than five symbols so much less
    that what it leaves alone adds up to less than the drift that would call for the next one."""
    wanted = portfolio.target.weights if portfolio.target else {}
    symbols = portfolio.book.holdings.keys() | {symbol for symbol in wanted if wanted[symbol] > 0}
    return min(LARGEST_BAND, DRIFT_THRESHOLD / max(len(symbols), 1))


def quotes_of(portfolio: Portfolio, prices: Prices) -> dict[str, Price]:
    """Held prices of what is held or wanted by the stored target, the market's before the client's, as a rebalance
    takes them; what has none is left out."""
    wanted = portfolio.target.weights if portfolio.target else {}
    symbols = [*portfolio.book.holdings, *(s for s in wanted if wanted[s] > 0 and s not in portfolio.book.holdings)]
    found = {symbol: prices.get(symbol) or portfolio.client_prices.get(symbol) for symbol in symbols}
    return {symbol: price for symbol, price in found.items() if price is not None}


def unusable(portfolio: Portfolio, quotes: Mapping[str, Price], prices: Prices) -> list[str]:
    """The symbols held or wanted whose price is missing or stale."""
    wanted = portfolio.target.weights if portfolio.target else {}
    symbols = dict.fromkeys([*portfolio.book.holdings, *(symbol for symbol in wanted if wanted[symbol] > 0)])
    return [symbol for symbol in symbols if symbol not in quotes or prices.is_stale(quotes[symbol])]


def drift_of(portfolio: Portfolio, quotes: Mapping[str, Price]) -> Drift | None:
    """In float64 at `quotes`, which must have a price for everything held; None without a target or without value."""
    if portfolio.target is None:
        return None
    book = portfolio.book
    values = {s: float(held.quantity) * float(quotes[s].price) for s, held in book.holdings.items()}
    total = sum(values.values()) + float(book.cash + book.unallocated_capital)
    if total <= 0:
        return None
    drifts = (Drift(s, values.get(s, 0.0) / total, weight) for s, weight in portfolio.target.weights.items())
    return max(drifts, key=lambda drift: drift.value, default=None)

"""Prices for one change, on top of the held ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portfolio_service.domain.models import Price
from portfolio_service.domain.ports import PriceLookup


@dataclass(frozen=True)
class OverlaidPrices:
    """A change is computed and valued at `newer`, whatever ticks in or fails to commit meanwhile."""

    prices: PriceLookup
    newer: Mapping[str, Price]

    def get(self, symbol: str) -> Price | None:
        return self.newer.get(symbol) or self.prices.get(symbol)

    def is_stale(self, price: Price) -> bool:
        return self.prices.is_stale(price)

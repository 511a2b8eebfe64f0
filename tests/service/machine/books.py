"""Bookkeeping as one would do it by hand, in fractions: nothing in here comes from the service's own code."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

COST = Fraction(10, 10_000)
Quotes = dict[str, Fraction]


def cents(value: Fraction) -> Fraction:
    """To the cent, half even."""
    return round(value, 2)


def units(value: Fraction) -> Fraction:
    """To 1e-8, half even."""
    return round(value, 8)


def read(number: float) -> Fraction:
    """The number that a person reads in a JSON document."""
    return Fraction(Decimal(repr(number)))


@dataclass
class Account:
    """One portfolio."""

    portfolio_id: str
    name: str
    version: int
    cash: Fraction
    unallocated: Fraction
    held: dict[str, Fraction] = field(default_factory=dict)
    basis: dict[str, Fraction] = field(default_factory=dict)
    quoted: Quotes = field(default_factory=dict)  # prices that a client sent
    flows: list[Fraction] = field(default_factory=list)  # deposits +, withdrawals -, statements net
    paid_in: Fraction = Fraction(0)
    taken_out: Fraction = Fraction(0)
    trades: int = 0
    optimisations: int = 0
    status: str = "active"
    target: dict[str, float] | None = None
    relaxed: bool = False

    def price(self, symbol: str, market: Quotes) -> Fraction:
        return self.quoted.get(symbol, market.get(symbol, Fraction(0)))

    def value(self, symbol: str, market: Quotes) -> Fraction:
        return cents(self.held[symbol] * self.price(symbol, market))

    def total(self, market: Quotes) -> Fraction:
        return sum((self.value(symbol, market) for symbol in self.held), self.cash + self.unallocated)

    def deposit(self, amount: Fraction) -> None:
        self.cash += amount
        self.paid_in += amount
        self.flows.append(amount)

    def withdraw(self, amount: Fraction) -> None:
        assert amount <= self.cash, "more than there was went out"
        self.cash -= amount
        self.taken_out += amount
        self.flows.append(-amount)

    def state(self, wanted: dict[str, dict[str, float]], replace: bool, market: Quotes) -> None:
        """A statement of positions: what is held from now on; cash stays."""
        before = self.unallocated
        moved = Fraction(0)
        for symbol, line in wanted.items():
            if line["quantity"] and line.get("market_value") is not None:
                self.quoted[symbol] = units(read(line["market_value"]) / units(read(line["quantity"])))
        if any(line["quantity"] > 0 for line in wanted.values()):
            moved -= self.unallocated
            self.unallocated = Fraction(0)
        lines = dict(wanted)
        if replace:
            lines |= {symbol: {"quantity": 0.0} for symbol in self.held if symbol not in wanted}
        for symbol, line in lines.items():
            moved += self._restate(symbol, units(read(line["quantity"])), line.get("avg_cost"), market)
        self.quoted = {symbol: price for symbol, price in self.quoted.items() if symbol in self.held}
        assert before >= self.unallocated
        if moved:
            self.flows.append(moved)

    def _restate(self, symbol: str, wanted: Fraction, avg_cost: float | None, market: Quotes) -> Fraction:
        held, basis = self.held.get(symbol, Fraction(0)), self.basis.get(symbol, Fraction(0))
        price = self.price(symbol, market)
        if wanted == 0:
            new = Fraction(0)
        elif avg_cost is not None:
            new = cents(wanted * read(avg_cost))
        elif wanted >= held:
            new = basis + cents((wanted - held) * price)
        else:
            new = basis - cents(basis * (held - wanted) / held)
        self._set(symbol, wanted, new)
        if wanted > held and new >= basis:
            return cents((wanted - held) * price)
        if wanted < held and new <= basis:
            return -cents((held - wanted) * price)
        return cents(wanted * price) - cents(held * price)  # all of it out and in again

    def trade(self, trade: dict[str, Any], market: Quotes) -> None:
        """One fill: cash for units at the market's price, and its cost."""
        symbol, quantity, value = trade["symbol"], read(trade["quantity"]), read(trade["value"])
        # a price may have more digits than a JSON number: it is the one that these books know
        assert trade["price"] == float(self.price(symbol, market)), "filled at another price"
        assert value == cents(quantity * self.price(symbol, market)), "value is not quantity times price"
        assert read(trade["cost"]) == cents(value * COST), "another cost than ten basis points"
        held, basis = self.held.get(symbol, Fraction(0)), self.basis.get(symbol, Fraction(0))
        if trade["side"] == "sell":
            assert 0 < quantity <= held, "sold what was not there"
            self._set(symbol, held - quantity, basis - (basis if quantity == held else cents(basis * quantity / held)))
            self.cash += value
        else:
            assert trade["side"] == "buy"
            self._set(symbol, held + quantity, basis + value)
            self.cash -= value
        self.cash -= read(trade["cost"])
        assert self.cash >= 0, "cash went below zero"
        self.trades += 1

    def _set(self, symbol: str, held: Fraction, basis: Fraction) -> None:
        if held:
            self.held[symbol], self.basis[symbol] = held, basis
        else:
            self.held.pop(symbol, None)
            self.basis.pop(symbol, None)

"""A year with monthly rebalances by each of the five methods: the books balance to the cent on every day, and agree
with a recomputation in pandas from nothing but the ledger and the prices."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from portfolio_service.api.deps import Services
from portfolio_service.app import create_app, running
from portfolio_service.config import load_settings
from portfolio_service.domain.valuation import value
from tests.data import market_data, needs_market_data
from tests.service.fakes import ManualClock

D = Decimal
TECH = ["AAPL", "GOOGL", "MSFT", "NVDA", "TSLA"]
METHODS = ["mean_variance", "risk_parity", "min_variance", "max_sharpe", "black_litterman"]
AFTER_CLOSE = time(22, 0, tzinfo=UTC)
CASH = {"deposit": 1, "sell": 1, "capital_released": 1, "withdrawal": -1, "buy": -1, "fee": -1, "capital_committed": -1}
UNITS = {"buy": 1, "transfer_in": 1, "sell": -1, "transfer_out": -1}
Totals = dict[tuple[str, pd.Timestamp], Decimal]
Prices = dict[tuple[str, pd.Timestamp], Decimal]


class Year:
    """One service on a clock that we set, five portfolios, and what was seen on each day."""

    def __init__(self, http: httpx.AsyncClient, services: Services, clock: ManualClock) -> None:
        self.http, self.services, self.clock = http, services, clock
        self.owners: dict[str, str] = {}
        self.totals: Totals = {}
        self.quotes: Prices = {}
        self.trades = 0

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.http.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def wake(self, now: datetime) -> None:
        """Move the clock, and take the prices of that moment: the stream would bring them a little later."""
        self.clock.set(now)
        self.services.prices.put((await self.services.market.get_multiple_prices(TECH)).values())

    async def begin(self) -> None:
        for method in METHODS:
            body = {"portfolio_name": "Tech Focus Portfolio", "symbols": TECH, "initial_value": 250000}
            made = await self.post(
                "/portfolios/with-symbols", {**body, "cash_balance": 25000, "optimization_method": method}
            )
            assert sum(D(str(p["market_value"])) for p in made["positions"].values()) == 225000
            self.owners[method] = made["portfolio_id"]

    async def rebalance(self) -> None:
        """Optimise by the portfolio's own method, then trade to that; the answer's sums are those of its trades."""
        for own in self.owners.values():
            await self.post(f"/portfolios/{own}/optimize", {"symbols": TECH, "lookback_days": 252})
            before = await self.look(own)
            done = await self.post(f"/portfolios/{own}/rebalance", {})
            turnover = sum(D(str(trade["value"])) for trade in done["trades"])
            cost = sum(D(str(trade["cost"])) for trade in done["trades"])
            assert (D(str(done["total_turnover"])), D(str(done["execution_cost"]))) == (turnover, cost)
            assert done["trades_executed"] == len(done["trades"])
            after = await self.look(own)
            rounding = D("0.01") * len(done["trades"])
            assert abs(before - cost - after) <= rounding, "a rebalance costs what it says and nothing else"
            self.trades += len(done["trades"])

    async def look(self, own: str) -> Decimal:
        """Total value as the API gives it, which must be the sum of what it shows."""
        shown = (await self.http.get(f"/portfolios/{own}")).json()
        parts = [position["market_value"] for position in shown["positions"].values()]
        total = sum((D(str(part)) for part in parts), D(str(shown["cash_balance"])))
        assert D(str(shown["total_value"])) == total + D(str(shown["unallocated_capital"]))
        assert shown["cash_balance"] >= 0
        assert not any(position["stale"] for position in shown["positions"].values())
        return D(str(shown["total_value"]))

    async def record(self, day: pd.Timestamp) -> None:
        """The end of a day: totals and the prices that the service used."""
        for symbol, price in (await self.services.prices.current(TECH)).items():
            self.quotes[symbol, day] = price.price
        for own in self.owners.values():
            worth = value(self.services.books.get(own), self.services.prices, self.clock.now())
            parts = sum(position.market_value for position in worth.positions.values())
            assert worth.total_value == parts + worth.cash_balance + worth.unallocated_capital
            self.totals[own, day] = worth.total_value


async def live_a_year(year: Year, days: Iterator[pd.Timestamp]) -> None:
    """Creates on the first day, rebalances on the first day of each month, looks every day."""
    month = None
    for day in days:
        await year.wake(datetime.combine(day.date(), AFTER_CLOSE))
        if month is None:
            await year.begin()
        if day.month != month:
            await year.rebalance()
        month = day.month
        await year.record(day)


def recompute(database: Path, year: Year) -> None:
    """Units, cash and value of every day from the ledger table alone, in pandas, exact."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        ledger = pd.read_sql("SELECT * FROM ledger ORDER BY entry_id", connection, dtype_backend="numpy_nullable")
        trades = pd.read_sql("SELECT * FROM trades", connection)
        stored = pd.read_sql("SELECT * FROM positions", connection)
    ledger["day"] = pd.to_datetime(ledger["recorded_at"]).dt.tz_localize(None).dt.normalize()
    ledger["cash"] = ledger["amount"] * ledger["kind"].map(CASH).fillna(0).astype("Int64")
    ledger["units"] = ledger["quantity"] * ledger["kind"].map(UNITS).fillna(0).astype("Int64")
    days = sorted({day for _, day in year.totals})
    for own in year.owners.values():
        mine = ledger[ledger["portfolio_id"] == own]
        cash = mine.groupby("day")["cash"].sum().cumsum().reindex(days, method="ffill")
        units = mine[mine["units"] != 0].pivot_table("units", "day", "symbol", "sum", fill_value=0).cumsum()
        units = units.reindex(days, method="ffill")
        assert (units >= 0).all(axis=None)
        for day in days:
            held = {symbol: D(int(units.at[day, symbol])).scaleb(-8) for symbol in units}
            total = sum((held[s] * year.quotes[s, day]).quantize(D("0.01")) for s in held)
            assert total + D(int(cash[day])).scaleb(-2) == year.totals[own, day], f"{own} on {day:%Y-%m-%d}"
        now = stored[stored["portfolio_id"] == own].set_index("symbol")["quantity"]
        assert {s: int(n) for s, n in now.items()} == {s: int(n) for s, n in units.iloc[-1].items() if n}
    assert len(trades) == year.trades
    exact = trades["quantity"].map(lambda n: D(n).scaleb(-8)) * trades["price"].map(lambda n: D(n).scaleb(-8))
    assert [worth.quantize(D("0.01")).scaleb(2) for worth in exact] == trades["value"].tolist()
    booked = ledger[ledger["kind"] == "fee"].groupby("trade_id")["amount"].sum()
    assert booked.to_dict() == trades.set_index("trade_id")["cost"].to_dict()


@contextlib.asynccontextmanager
async def service(folder: Path, start: pd.Timestamp, **environment: Any) -> AsyncIterator[Year]:
    clock = ManualClock(datetime.combine(start.date(), AFTER_CLOSE))
    app = create_app(load_settings(data_dir=folder, log_level="warning", **environment), clock)
    async with (
        running(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8900", timeout=60) as http,
    ):
        yield Year(http, app.state.services, clock)


@needs_market_data
@pytest.mark.slow
@pytest.mark.market_data
@pytest.mark.timeout(300)
async def test_a_year_of_real_prices(tmp_path: Path) -> None:
    file = market_data("prices/adj_close.parquet")
    prices = pd.read_parquet(file)[TECH]
    days = list(prices.index[-253:])
    async with service(tmp_path, days[0], market_data_provider="files", market_data_dir=str(file.parent)) as year:
        await live_a_year(year, iter(days))
        for (symbol, day), price in year.quotes.items():
            assert price == D(repr(float(prices.at[day, symbol]))).quantize(D("1e-8")), "the service used the file"
    recompute(tmp_path / "portfolio.db", year)
    assert year.trades > 5 * 12


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_year_of_the_simulated_market(tmp_path: Path) -> None:
    days = pd.bdate_range("2024-07-01", "2025-06-30")
    async with service(tmp_path, days[0], market_data_provider="simulated") as year:
        await live_a_year(year, iter(days))
    recompute(tmp_path / "portfolio.db", year)
    assert year.trades > 5 * 12


async def test_a_quarter_of_the_simulated_market(tmp_path: Path) -> None:
    """The quick twin: a few days on both sides of each turn of the month."""
    days = [pd.Timestamp(f"2025-{day}") for day in ("02-27", "02-28", "03-03", "03-31", "04-01", "04-30", "05-01")]
    async with service(tmp_path, days[0], market_data_provider="simulated") as year:
        await live_a_year(year, iter(days))
    recompute(tmp_path / "portfolio.db", year)
    assert year.trades > 5

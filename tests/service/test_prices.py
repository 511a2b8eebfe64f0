"""Held prices: a later time wins, staleness shows, a failing provider costs nothing that is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.models import Price
from portfolio_service.domain.prices import Prices
from tests.service.market_support import FRIDAY_NOON, FailingMarket, SetClock


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def market(clock: SetClock) -> FailingMarket:
    return FailingMarket({"AAPL": "100", "MSFT": "200"}, clock)


@pytest.fixture
def prices(market: FailingMarket, clock: SetClock) -> Prices:
    return Prices(market, clock, stale_seconds=300)


def _price(at: datetime, price: str = "150.25", source: str = "client") -> Price:
    return Price("AAPL", Decimal(price), at, source)


async def test_fetches_what_it_does_not_hold_and_only_that(prices: Prices, market: FailingMarket) -> None:
    assert set(await prices.current(["AAPL", "NOSUCH"])) == {"AAPL"}
    await prices.current(["AAPL", "MSFT"])
    assert market.asked == ["AAPL", "NOSUCH", "MSFT"]


async def test_a_clients_price_stands_until_a_later_tick(prices: Prices, clock: SetClock) -> None:
    await prices.current(["AAPL"])
    prices.put([_price(clock.time + timedelta(seconds=2))])
    prices.put([_price(clock.time + timedelta(seconds=1), "99", "fake")])
    assert prices.get("AAPL").source == "client"
    prices.put([_price(clock.time + timedelta(seconds=3), "101", "fake")])
    assert str(prices.get("AAPL").price) == "101"


async def test_a_clients_price_of_the_same_instant_wins(prices: Prices, clock: SetClock) -> None:
    await prices.current(["AAPL"])
    prices.put([_price(clock.time)])
    assert prices.get("AAPL").source == "client"


@pytest.mark.parametrize(("age_s", "stale"), [(0, False), (300, False), (301, True)])
def test_stale_while_open_after_the_limit(prices: Prices, age_s: int, stale: bool) -> None:
    assert prices.is_stale(_price(FRIDAY_NOON - timedelta(seconds=age_s))) is stale


def test_while_closed_stale_only_when_older_than_the_last_close(prices: Prices, market: FailingMarket) -> None:
    market.open, market.close_time = False, datetime(2026, 3, 12, 20, tzinfo=UTC)
    assert not prices.is_stale(_price(market.close_time))
    assert prices.is_stale(_price(market.close_time - timedelta(seconds=1)))


def test_staleness_follows_the_clock_and_the_close(prices: Prices, market: FailingMarket, clock: SetClock) -> None:
    price = _price(FRIDAY_NOON)
    assert not prices.is_stale(price)
    clock.time += timedelta(seconds=299)
    assert not prices.is_stale(price)
    clock.time += timedelta(seconds=2)
    assert prices.is_stale(price)
    market.open, market.close_time = False, FRIDAY_NOON
    clock.time += timedelta(seconds=1)
    assert not prices.is_stale(price)


async def test_a_stale_price_is_fetched_again(prices: Prices, market: FailingMarket, clock: SetClock) -> None:
    await prices.current(["AAPL"])
    clock.time += timedelta(seconds=301)
    market.prices["AAPL"] = "90"
    assert str((await prices.current(["AAPL"]))["AAPL"].price) == "90"


async def test_a_failing_provider_leaves_the_last_good_price_and_it_shows_as_stale(
    prices: Prices, market: FailingMarket, clock: SetClock
) -> None:
    await prices.current(["AAPL"])
    clock.time += timedelta(seconds=301)
    market.failure = ConnectionError("refused")
    held = (await prices.current(["AAPL"]))["AAPL"]
    assert str(held.price) == "100"
    assert prices.is_stale(held)
    with pytest.raises(Unavailable, match="fake has no price for MSFT: refused") as caught:
        await prices.current(["AAPL", "MSFT"])
    assert caught.value.code == "market_data_unavailable"


async def test_last_update_is_the_providers_not_the_clients(prices: Prices, clock: SetClock) -> None:
    prices.put([_price(clock.time)])
    assert prices.last_update is None
    await prices.current(["MSFT"])
    assert prices.last_update == clock.time

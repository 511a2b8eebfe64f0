"""POST positions: transfers only, the first statement releases the capital, a client's price stands until a tick."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from portfolio_service.domain.errors import NotFound, PreconditionFailed, Unacceptable, Unavailable
from portfolio_service.domain.models import EntryKind, LedgerEntry, Portfolio, Price
from portfolio_service.domain.money import money, quantity
from portfolio_service.domain.portfolio import NewPortfolio, PositionUpdate
from portfolio_service.domain.valuation import LiveValuation
from tests.service.fakes import ACTOR, Desk, TableMarket, WatchedRepository, open_desk

pytestmark = pytest.mark.usefixtures("desks")

D = Decimal
SAMPLE = [
    PositionUpdate("AAPL", D("1500.0"), D("150.25"), D("225375.0")),
    PositionUpdate("GOOGL", D("80.0"), D("2785.50"), D("222840.0")),
]


async def opened(**prices: str) -> tuple[Desk, TableMarket, WatchedRepository, str]:
    desk, market, repository = await open_desk(prices or {"AAPL": "227.16", "GOOGL": "208.49", "MSFT": "500"})
    portfolio = await desk.portfolios.create(NewPortfolio("Growth", D(500000), D(50000)), ACTOR)
    return desk, market, repository, portfolio.portfolio_id


async def state(desk: Desk, own: str, *updates: PositionUpdate, replace_all: bool = False) -> Portfolio:
    return await desk.portfolios.update_positions(own, updates, replace_all, ACTOR)


def last_kinds(repository: WatchedRepository) -> list[EntryKind]:
    return [entry.kind for entry in repository.changes[-1].entries]


async def test_the_documented_sample_answers_498215() -> None:
    desk, _, repository, own = await opened()
    after = await state(desk, own, *SAMPLE)
    assert after.valuation is not None
    assert after.valuation.total_value == D("498215.0")
    assert (after.book.cash, after.book.unallocated_capital) == (50000, 0)
    assert desk.value(own).total_value == D("498215.0")
    position = desk.value(own).positions["AAPL"]
    assert (position.avg_cost, position.price_source, position.stale) == (D("150.25"), "client", False)
    assert last_kinds(repository) == [
        EntryKind.CAPITAL_RELEASED, EntryKind.WITHDRAWAL, EntryKind.TRANSFER_IN, EntryKind.TRANSFER_IN,
    ]  # fmt: skip
    (updated,) = repository.changes[-1].events
    assert updated.topic == "portfolio.position.updated"
    assert updated.payload["total_value"] == 498215.0
    assert updated.payload["positions"]["AAPL"]["market_value"] == 225375.0


async def test_the_next_later_tick_replaces_the_clients_price() -> None:
    desk, _, _, own = await opened()
    live = LiveValuation(desk.books, desk.prices)
    after = await state(desk, own, *SAMPLE)
    assert live.total_aum() == 498215.0
    early = Price("AAPL", D(1), desk.clock.now() - timedelta(seconds=1), "table")
    assert live.on_ticks([early]).total(own) == 498215.0
    later = Price("AAPL", D(200), desk.clock.advance(1), "table")
    assert live.on_ticks([later]).total(own) == 498215.0 + 1500 * (200 - 150.25)
    assert desk.value(own).positions["AAPL"].price_source == "table"
    assert desk.value(own).positions["GOOGL"].price_source == "client"
    assert after.client_prices["GOOGL"].price == D("2785.5")


async def test_a_clients_price_is_no_price_for_another_portfolio() -> None:
    desk, _, _, own = await opened()
    other = await desk.portfolios.create(NewPortfolio("Other", D(1000), D(0), symbols=("GOOGL",)), ACTOR)
    live = LiveValuation(desk.books, desk.prices)
    await state(desk, own, *SAMPLE)
    assert desk.value(other.portfolio_id).total_value == 1000
    assert live.values().total(other.portfolio_id) == pytest.approx(1000)


async def test_without_a_market_value_the_market_values() -> None:
    desk, _, _, own = await opened()
    after = await state(desk, own, PositionUpdate("AAPL", D(10)))
    held = after.book.holdings["AAPL"]
    assert (held.quantity, held.basis) == (10, D("2271.60"))
    assert desk.value(own).total_value == 50000 + D("2271.60")


async def test_changes_of_quantity_keep_the_cost_of_what_stays() -> None:
    desk, market, repository, own = await opened()
    await state(desk, own, PositionUpdate("AAPL", D(10), D(100)))
    desk.clock.advance(1000)
    market.table["AAPL"] = D(300)
    more = await state(desk, own, PositionUpdate("AAPL", D(12)))
    assert more.book.holdings["AAPL"].basis == 1000 + 2 * 300
    assert last_kinds(repository) == [EntryKind.TRANSFER_IN]
    less = await state(desk, own, PositionUpdate("AAPL", D(3)))
    assert less.book.holdings["AAPL"].basis == 400
    assert last_kinds(repository) == [EntryKind.TRANSFER_OUT]
    same = await state(desk, own, PositionUpdate("AAPL", D(3)))
    assert same.book == less.book
    assert repository.changes[-1].entries == ()
    gone = await state(desk, own, PositionUpdate("AAPL", D(0)))
    assert gone.book.holdings == {}
    assert gone.book.cash == 50000, "transfers never move cash"


@pytest.mark.parametrize(
    ("quantity", "avg_cost", "kinds", "basis"),
    [
        ("10", "120", [EntryKind.TRANSFER_OUT, EntryKind.TRANSFER_IN], "1200"),
        ("10", "100", [], "1000"),
        ("11", "100", [EntryKind.TRANSFER_IN], "1100"),
        ("9", "100", [EntryKind.TRANSFER_OUT], "900"),
        ("11", "50", [EntryKind.TRANSFER_OUT, EntryKind.TRANSFER_IN], "550"),
        ("5", "0", [EntryKind.TRANSFER_OUT], "0"),
    ],
)
async def test_a_stated_cost_is_taken(quantity: str, avg_cost: str, kinds: list[EntryKind], basis: str) -> None:
    desk, _, repository, own = await opened()
    await state(desk, own, PositionUpdate("AAPL", D(10), D(100)))
    after = await state(desk, own, PositionUpdate("AAPL", D(quantity), D(avg_cost)))
    assert (after.book.holdings["AAPL"].quantity, after.book.holdings["AAPL"].basis) == (D(quantity), D(basis))
    assert last_kinds(repository) == kinds


async def test_transfers_carry_the_market_price_for_the_flow_they_are() -> None:
    desk, _, repository, own = await opened()
    await state(desk, own, PositionUpdate("AAPL", D(10), D(100), D(2500)))
    (transfer,) = [e for e in repository.changes[-1].entries if e.kind is EntryKind.TRANSFER_IN]
    assert transfer == LedgerEntry(EntryKind.TRANSFER_IN, D(1000), desk.clock.now(), "AAPL", D(10), D(250))


async def test_replace_removes_what_is_not_named_and_upsert_does_not() -> None:
    desk, _, _, own = await opened()
    await state(desk, own, PositionUpdate("AAPL", D(1)), PositionUpdate("MSFT", D(2)))
    after = await state(desk, own, PositionUpdate("GOOGL", D(3)))
    assert set(after.book.holdings) == {"AAPL", "MSFT", "GOOGL"}
    after = await state(desk, own, PositionUpdate("GOOGL", D(4)), replace_all=True)
    assert set(after.book.holdings) == {"GOOGL"}
    after = await state(desk, own, replace_all=True)
    assert after.book.holdings == {}


async def test_removing_what_is_not_held_changes_nothing_and_releases_nothing() -> None:
    desk, _, _, own = await opened()
    after = await state(desk, own, PositionUpdate("AAPL", D(0)))
    assert (after.book.holdings, after.book.unallocated_capital) == ({}, 450000)


async def test_own_assets_need_no_market() -> None:
    desk, market, _, own = await opened()
    market.down = True
    after = await state(desk, own, PositionUpdate("MY FUND", D(100), None, D(12345)))
    assert desk.value(own).total_value == 62345
    assert after.book.holdings["MY FUND"].basis == 12345
    await state(desk, own, PositionUpdate("MY FUND", D(50)))  # its price is known from the client
    assert desk.value(own).positions["MY FUND"].market_value == D("6172.50")
    with pytest.raises(Unavailable):
        await state(desk, own, PositionUpdate("MSFT", D(1)))


async def test_unknown_symbols_without_a_price_are_refused() -> None:
    desk, _, repository, own = await opened()
    before = desk.books.get(own)
    with pytest.raises(Unacceptable, match="POST positions with a market_value") as failure:
        await state(desk, own, PositionUpdate("NOPE", D(1)), PositionUpdate("AAPL", D(1)))
    assert failure.value.code == "unknown_symbol"
    assert desk.books.get(own) is before
    assert len(repository.changes) == 1


@pytest.mark.parametrize(
    ("update", "words"),
    [
        (PositionUpdate("A", D(-1)), "quantity: expected a number in"),
        (PositionUpdate("A", D("9e10")), "quantity"),
        (PositionUpdate("A", D("NaN")), "quantity"),
        (PositionUpdate("A", D("1e-9")), "at least 1e-8"),
        (PositionUpdate("A", D(1), D("9e10")), "avg_cost"),
        (PositionUpdate("A", D(1), None, D("1e12")), "market_value"),
        (PositionUpdate("A", D(1), None, D("0.001")), "at least a cent"),
        (PositionUpdate("A", D("1e-8"), None, D("1e6")), "price in"),
        (PositionUpdate("A", D("1e9"), D("1e6"), D(1000)), "cost below"),
    ],
)
async def test_numbers_out_of_range_are_refused_by_name(update: PositionUpdate, words: str) -> None:
    desk, _, repository, own = await opened()
    with pytest.raises(Unacceptable, match=words) as failure:
        await state(desk, own, update)
    assert failure.value.code == "out_of_range"
    assert failure.value.errors[0].field == "positions.A"
    assert len(repository.changes) == 1


async def test_a_total_beyond_the_bound_is_refused() -> None:
    desk, _, _, own = await opened()
    big = [PositionUpdate(s, D(1), None, D("6e11") / 10) for s in "ABCDEFGHIJKLMNOPQ"]
    with pytest.raises(Unacceptable, match="total value below"):
        await state(desk, own, *big)


async def test_the_same_symbol_twice_is_refused() -> None:
    desk, _, _, own = await opened()
    with pytest.raises(Unacceptable, match="AAPL more often") as failure:
        await state(desk, own, PositionUpdate("aapl", D(1)), PositionUpdate("AAPL", D(2)))
    assert failure.value.code == "duplicate_symbol"


async def test_a_stale_version_and_an_unknown_id_change_nothing() -> None:
    desk, _, repository, own = await opened()
    with pytest.raises(PreconditionFailed):
        await desk.portfolios.update_positions(own, SAMPLE, False, ACTOR, if_match=7)
    with pytest.raises(NotFound):
        await desk.portfolios.update_positions("port_nope", SAMPLE, False, ACTOR)
    after = await desk.portfolios.update_positions(own, SAMPLE, False, ACTOR, if_match=1)
    assert after.version == 2
    assert len(repository.changes) == 2


async def test_minus_nothing_is_nothing() -> None:
    desk, _, repository, own = await opened()
    await state(desk, own, PositionUpdate("AAPL", D("5"), D("-0.0")))
    numbers = [n for entry in repository.changes[-1].entries for n in vars(entry).values() if isinstance(n, Decimal)]
    assert numbers
    assert not any(n.is_zero() and n.is_signed() for n in numbers)
    assert str(money(D("-0.001"))) == "0.00"
    assert str(quantity(D("-1e-12"))) == "0E-8"

"""The latest price of each symbol, with who said it and when; what is missing or stale stays visible as such."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from portfolio_service.domain.errors import Unavailable
from portfolio_service.domain.models import Price
from portfolio_service.domain.ports import Clock, MarketDataClient
from portfolio_service.domain.sources import SourceUnavailable


def latest(market: Price | None, client: Price | None) -> Price | None:
    """The price that values a position: the later one; a client's price stands until a later tick."""
    if market is None or client is None:
        return market or client
    return client if client.time >= market.time else market


LOOK_UP_EVERY = timedelta(seconds=1)


class Prices:
    """Held prices: a later time wins, whatever its source."""

    def __init__(self, market: MarketDataClient, clock: Clock, stale_seconds: float = 300) -> None:
        self._market = market
        self._clock = clock
        self._stale_after = timedelta(seconds=stale_seconds)
        self._looked_up = self._since = datetime.min.replace(tzinfo=UTC)
        self._held: dict[str, Price] = {}
        self.last_update: datetime | None = None  # when the provider last delivered, for /health

    def get(self, symbol: str) -> Price | None:
        """The held price, None when there is none."""
        return self._held.get(symbol)

    def put(self, prices: Iterable[Price]) -> None:
        """Takes prices in; one older than the held one is ignored."""
        for price in prices:
            held = self._held.get(price.symbol)
            if held is None or price.time >= held.time:
                self._held[price.symbol] = price
            if price.source == self._market.source:
                self.last_update = self._clock.now()

    async def current(self, symbols: Sequence[str]) -> dict[str, Price]:
        """Prices of `symbols`: held ones that are fresh, the others fetched; a symbol nobody knows is left out.

        When the provider fails, the last good prices are returned (they show as stale);
        Unavailable("market_data_unavailable") when a symbol has none.
        """
        wanted, fresh = list(dict.fromkeys(symbols)), self.fresh_since()
        missing = [s for s in wanted if (held := self._held.get(s)) is None or held.time < fresh]
        if missing:
            try:
                self.put((await self._market.get_multiple_prices(missing)).values())
            except (SourceUnavailable, OSError) as error:
                self.put(getattr(error, "prices", {}).values())
                if without := [symbol for symbol in missing if symbol not in self._held]:
                    raise Unavailable(
                        "market_data_unavailable",
                        f"{self._market.source} has no price for {', '.join(without)}: {getattr(error, 'why', error)}",
                    ) from error
        return {symbol: self._held[symbol] for symbol in wanted if symbol in self._held}

    def is_stale(self, price: Price) -> bool:
        """Older than the limit while the exchange is open, else older than its last close."""
        return price.time < self.fresh_since()

    def snapshot(self) -> Mapping[str, Price]:
        """All held prices."""
        return dict(self._held)

    def fresh_since(self) -> datetime:
        """The time before which a price is stale; looked up once a second."""
        now = self._clock.now()
        if not self._looked_up <= now < self._looked_up + LOOK_UP_EVERY:
            is_open = self._market.is_open(now)
            self._since = now - self._stale_after if is_open else self._market.last_close(now)
            self._looked_up = now
        return self._since

"""Symbols as clients write them, and what to say when one is unknown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from portfolio_service.domain.errors import FieldError, Unacceptable
from portfolio_service.domain.models import Price
from portfolio_service.domain.ports import MarketDataClient


def clean(symbols: Iterable[str]) -> tuple[str, ...]:
    """Trimmed, upper-cased, de-duplicated in order; Unacceptable("invalid_symbol") when one is empty."""
    found = tuple(dict.fromkeys(symbol.strip().upper() for symbol in symbols))
    if "" in found:
        raise Unacceptable("invalid_symbol", "a symbol is empty", [FieldError("symbols", "expected a name, got ''")])
    return found


def require_prices(
    symbols: Sequence[str], prices: Mapping[str, Price], market: MarketDataClient, field: str = "symbols"
) -> None:
    """Unacceptable("unknown_symbol" or "no_price"), naming every symbol that `prices` lacks."""
    missing = [symbol for symbol in symbols if symbol not in prices]
    if not missing:
        return
    known = market.known_symbols()
    unknown = missing if known is None else _not_in(missing, known)
    if unknown:
        detail = f"unknown to {market.source}: {', '.join(unknown)}. {_help(market.source, known)}"
        raise Unacceptable("unknown_symbol", detail, [FieldError(field, f"unknown symbol {s!r}") for s in unknown])
    detail = f"{market.source} has no price at the moment for {', '.join(missing)}"
    raise Unacceptable("no_price", detail, [FieldError(field, f"no price for {symbol!r}") for symbol in missing])


def _not_in(symbols: Iterable[str], known: Collection[str]) -> list[str]:
    names = set(known)
    return [symbol for symbol in symbols if symbol not in names]


def _help(source: str, known: Collection[str] | None) -> str:
    count = "" if known is None else f"{source} knows {len(known)} symbols; "
    return (
        f"{count}to use your own prices start with MARKET_DATA_PROVIDER=files and MARKET_DATA_DIR, or "
        "`portfolio-engine serve --prices FILE`, or POST positions with a market_value"
    )

"""One source of prices for the running service, chosen once at start; the choice and its reason show in /health."""

from __future__ import annotations

import logging
from pathlib import Path

from portfolio_service.adapters.market_data import yahoo
from portfolio_service.adapters.market_data.engine import EngineFeed
from portfolio_service.adapters.market_data.files import FilesMarketData
from portfolio_service.adapters.market_data.remote import RemoteMarketData
from portfolio_service.adapters.market_data.simulated import SimulatedMarket
from portfolio_service.domain.ports import Clock, MarketDataClient

log = logging.getLogger(__name__)

PROBE_S = 3.0


async def choose(provider: str, url: str | None, path: Path | None, clock: Clock) -> MarketDataClient:
    """The market that `provider` names; `auto`: the engine if there is a url, else Yahoo if it is installed and
    answers, else the simulated market with a warning."""
    name, reason = provider, f"MARKET_DATA_PROVIDER={provider}"
    if provider == "auto":
        name, reason = await _best(url)
    market = _market(name, url, path, clock)
    market.state.reason = reason
    if provider == "auto" and name == "simulated":
        market.state.warnings.append(
            f"market data is simulated, its prices are invented: {reason.removeprefix('auto: ')} "
            "(MARKET_DATA_PROVIDER=files for your own prices)"
        )
    log.info("market data", extra={"source": market.source, "reason": reason})
    for warning in market.state.warnings:
        log.warning(warning)
    return market


async def _best(url: str | None) -> tuple[str, str]:
    if url is not None:
        return "engine", "auto: MARKET_DATA_URL is set"
    if not yahoo.installed():
        return "simulated", "auto: MARKET_DATA_URL is not set and yfinance is not installed"
    if error := await yahoo.unreachable(PROBE_S):
        return "simulated", f"auto: MARKET_DATA_URL is not set and Yahoo is not reachable ({error})"
    return "yahoo", "auto: MARKET_DATA_URL is not set, yfinance is installed and Yahoo answers"


def _market(name: str, url: str | None, path: Path | None, clock: Clock) -> MarketDataClient:
    if name == "engine":
        if url is None:
            raise ValueError("MARKET_DATA_URL: expected the engine's address such as http://127.0.0.1:8800")
        return RemoteMarketData(EngineFeed(url, clock), clock)
    if name == "yahoo":
        return RemoteMarketData(yahoo.YahooFeed(clock), clock, tick_seconds=yahoo.TICK_SECONDS)
    if name == "files":
        if path is None:
            raise ValueError("MARKET_DATA_DIR: expected a file or folder of prices")
        return FilesMarketData(path, clock)
    return SimulatedMarket(clock)

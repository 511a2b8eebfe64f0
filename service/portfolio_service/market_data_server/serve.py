"""Runs the market data server: loopback unless told otherwise, one line when it cannot start."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import uvicorn

from portfolio_service.adapters.market_data.files import FilesMarketData
from portfolio_service.adapters.market_data.simulated import SimulatedMarket
from portfolio_service.config import ConfigError, is_loopback, load_settings
from portfolio_service.domain.clock import SystemClock
from portfolio_service.domain.ports import MarketDataClient
from portfolio_service.listener import Server, cannot_start, listen, why_not
from portfolio_service.market_data_server.app import create_app

STOP_WITHIN_S = 5
SERVICE_NAMES = ("marketdata", "market-data")  # what a compose file calls it, beside ALLOWED_HOSTS


def serve(host: str, port: int, source: str, prices: Path | None) -> int:
    """Serve until stopped; the exit code. ConfigError when the options do not go together."""
    # the environment is that of the service beside it: only the rules of binding are taken from there
    settings = load_settings(market_data_provider="simulated")
    if not is_loopback(host) and not settings.allow_unauthenticated:
        raise ConfigError(
            "--host: expected a loopback address such as 127.0.0.1, or ALLOW_UNAUTHENTICATED=1 to let anybody on the "
            f"network read the prices, got {host!r}"
        )
    market = _market(source, prices)
    try:
        listener = listen(host, port)
    except OSError as error:
        return cannot_start(why_not(host, port, error, "--port"))
    with listener:
        try:
            asyncio.run(_serve(market, listener, host, (*settings.allowed_hosts, *SERVICE_NAMES)))
        except KeyboardInterrupt:  # a second Ctrl-C while stopping
            return 130
    return 0


def _market(source: str, prices: Path | None) -> MarketDataClient:
    if source == "files":
        if prices is None:
            raise ConfigError("--prices: expected a CSV or Parquet file, or a folder with adj_close.*, got nothing")
        return FilesMarketData(prices, SystemClock())
    if prices is not None:
        raise ConfigError(f"--source: expected files beside --prices {prices}, got {source!r}")
    return SimulatedMarket(SystemClock())


async def _serve(market: MarketDataClient, listener: socket.socket, host: str, allowed_hosts: tuple[str, ...]) -> None:
    await asyncio.to_thread(market.is_open, SystemClock().now())  # reads the calendar before the first request
    app = create_app(market, allowed_hosts)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=STOP_WITHIN_S
    )
    shown = "localhost" if is_loopback(host) else f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listener.getsockname()[1]}"
    known = market.known_symbols() or ()
    print(f"Market data at {url}\n  source   {market.source}, {len(known)} symbols\nCtrl-C stops it.", flush=True)
    await Server(config).serve(sockets=[listener])

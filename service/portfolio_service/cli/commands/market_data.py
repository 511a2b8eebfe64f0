"""`portfolio-engine market-data serve`: prices over HTTP for a service beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

market_data = typer.Typer(no_args_is_help=True, help="Prices over HTTP, as a Market Data Engine offers them.")


@market_data.callback()
def _group() -> None:
    """Prices over HTTP, as a Market Data Engine offers them."""


@market_data.command("serve")
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port, 0 for a free one.")] = 8800,
    source: Annotated[
        Literal["simulated", "files"] | None,
        typer.Option("--source", help="simulated, or files (then --prices says which).", show_default=False),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option("--prices", help="Daily prices, CSV or Parquet, or a folder with adj_close.*.")
    ] = None,
) -> int:
    """Serve snapshots and daily bars in the shapes of the Market Data Engine.

    A service reads them with MARKET_DATA_PROVIDER=engine MARKET_DATA_URL=http://127.0.0.1:8800.
    """
    from portfolio_service.market_data_server.serve import serve as run

    return run(host, port, source or ("simulated" if prices is None else "files"), prices)

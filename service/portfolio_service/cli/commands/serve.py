"""`portfolio-engine serve`: the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on (HOST, 127.0.0.1).", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port, 0 for a free one (PORT, 8900).", show_default=False)
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Folder of the database (DATA_DIR).", show_default=False)
    ] = None,
    prices: Annotated[
        Path | None, typer.Option("--prices", help="Own prices, CSV or Parquet, instead of the simulated market.")
    ] = None,
) -> int:
    """Serve the REST API. Settings come from the environment (see config); these options override them."""
    from portfolio_service.config import load_settings

    if prices is not None:
        from portfolio_service.adapters.market_data.price_file import read_prices

        read_prices(prices)  # a file that cannot be used is said before anything starts
    settings = load_settings(
        host=host,
        port=port,
        data_dir=data_dir,
        market_data_dir=prices,
        market_data_provider=None if prices is None else "files",
    )
    from portfolio_service.server import serve as run

    return run(settings)

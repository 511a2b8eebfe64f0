"""Where tests find real market data: PORTFOLIO_TEST_DATA, else ../shared/data beside the project's root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def data_folder() -> Path | None:
    """The folder of real data, or None where there is none; a named folder that is absent is an error."""
    named = os.environ.get("PORTFOLIO_TEST_DATA")
    if named:
        folder = Path(named)
        if not folder.is_dir():
            raise FileNotFoundError(f"PORTFOLIO_TEST_DATA: expected a folder, got {named}")
        return folder
    folder = ROOT.parent / "shared" / "data"
    return folder if folder.is_dir() else None


needs_market_data = pytest.mark.skipif(
    data_folder() is None, reason="real market data absent: set PORTFOLIO_TEST_DATA; the simulated twin runs"
)


def market_data(name: str) -> Path:
    """A file that must exist where the folder exists."""
    folder = data_folder()
    assert folder is not None
    path = folder / name
    assert path.exists(), f"{path} is missing from the data folder"
    return path

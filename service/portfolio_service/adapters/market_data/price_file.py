"""Reads a file of daily prices: the `files` provider and the command line share this one reader."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER_FILES = ("adj_close.parquet", "adj_close.csv")
DATE_COLUMNS = frozenset({"date", "datetime", "timestamp", "time", "day"})
LAYOUT = "expected a first column of dates (2024-01-31) and one column of prices per symbol"


class PriceFileError(ValueError):
    """The price file cannot be used; the message names the file, what is wrong and what was expected."""


def read_prices(path: str | Path) -> pd.DataFrame:
    """Daily prices from a CSV or Parquet file, or from a folder that holds adj_close.parquet or adj_close.csv.

    Returns a DataFrame of float64 prices: a DatetimeIndex named "date" (ascending, unique, no time of day, no zone)
    and one column per symbol in upper case. Empty cells are NaN: a symbol may list late or pause.
    Raises PriceFileError for a missing or empty file, missing or repeated dates, repeated symbols, fewer than two
    dates, a column without any price, and cells that are not positive finite numbers.
    """
    file = _locate(Path(path))
    raw = _read_parquet(file) if file.suffix.lower() in {".parquet", ".pq"} else _read_csv(file)
    frame = _with_dates(raw, file)
    frame.columns = _symbols(frame, file)
    prices = pd.DataFrame({name: _numbers(frame[name], file) for name in frame.columns}, index=frame.index)
    _check_values(prices, file)
    return prices.sort_index()


def _locate(path: Path) -> Path:
    if path.is_dir():
        found = next((path / name for name in FOLDER_FILES if (path / name).is_file()), None)
        if found is None:
            raise PriceFileError(f"{path}: expected adj_close.parquet or adj_close.csv in this folder, found neither")
        return found
    if not path.exists():
        raise PriceFileError(f"{path}: no such file; expected a CSV or Parquet file of prices")
    if path.suffix.lower() not in {".csv", ".txt", ".parquet", ".pq"}:
        raise PriceFileError(f"{path}: expected a .csv or .parquet file, got {path.suffix or 'no extension'}")
    return path


def _read_csv(file: Path) -> pd.DataFrame:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            header = next(csv.reader(stream), None)
        if not header:
            raise PriceFileError(f"{file}: the file is empty; {LAYOUT}")
        # names by position: pandas would rename a repeated symbol silently
        frame = pd.read_csv(file, skiprows=1, header=None, encoding="utf-8-sig", dtype={0: str}, low_memory=False)
    except pd.errors.EmptyDataError:
        raise PriceFileError(f"{file}: the file has a header and no rows; {LAYOUT}") from None
    except (pd.errors.ParserError, UnicodeDecodeError, csv.Error, OSError) as error:
        raise PriceFileError(f"{file}: not a readable CSV file ({str(error).strip()}); {LAYOUT}") from None
    if frame.shape[1] != len(header):
        raise PriceFileError(f"{file}: the header has {len(header)} columns, the rows have {frame.shape[1]}; {LAYOUT}")
    frame.columns = pd.Index(header)
    return frame


def _read_parquet(file: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise PriceFileError(f"{file}: not a readable Parquet file ({str(error).splitlines()[0]})") from None
    named_index = frame.index.name is not None or isinstance(frame.index, pd.DatetimeIndex)
    return frame.reset_index() if named_index else frame


def _with_dates(frame: pd.DataFrame, file: Path) -> pd.DataFrame:
    """Moves the dates into the index: a column called like a date, else the first one."""
    if frame.shape[1] < 2:
        raise PriceFileError(f"{file}: found one column only (is the separator a comma?); {LAYOUT}")
    names = [str(name).strip().lower() for name in frame.columns]
    at = next((i for i, name in enumerate(names) if name in DATE_COLUMNS), 0)
    text = frame.iloc[:, at].astype(str).str.strip()
    # 1000.5 is no date, and neither is the bare row number that a DataFrame without dates is saved with
    dated = text.str.match(r"^\d{4}(-\d{2}-\d{2}([T ].*)?|\d{4})$")
    dates = pd.to_datetime(text.where(dated).str.replace("-", "").str.slice(0, 8), format="%Y%m%d", errors="coerce")
    if bad := int(dates.isna().sum()):
        example = text[dates.isna()].iloc[0]
        raise PriceFileError(
            f"{file}: column {frame.columns[at]!r} has {bad} of {len(text)} rows without a date (first: {example!r}); "
            f"{LAYOUT}"
        )
    index = pd.DatetimeIndex(dates, name="date").as_unit("ns")
    if index.has_duplicates:
        day = index[index.duplicated()][0].date()
        raise PriceFileError(f"{file}: the date {day} appears more than once; expected one row a day and {LAYOUT[9:]}")
    if len(index) < 2:
        raise PriceFileError(f"{file}: one row only; returns need at least two dates of prices")
    return frame.drop(columns=frame.columns[at]).set_axis(index, axis=0)


def _symbols(frame: pd.DataFrame, file: Path) -> pd.Index:
    names = pd.Index([str(name).strip().upper() for name in frame.columns])
    if (names == "").any():
        raise PriceFileError(f"{file}: a column has no name; {LAYOUT}")
    if names.has_duplicates:
        raise PriceFileError(f"{file}: the symbol {names[names.duplicated()][0]} has more than one column")
    return names


def _numbers(column: pd.Series, file: Path) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.astype(np.float64)
    numbers = pd.to_numeric(column, errors="coerce")
    bad = numbers.isna() & column.notna()
    if bad.any() or pd.api.types.is_bool_dtype(column):
        row = int(np.argmax(bad.to_numpy()))
        day = pd.DatetimeIndex(column.index)[row].date()
        raise PriceFileError(
            f"{file}: column {column.name}: expected numbers, got {str(column.iloc[row])!r} on {day}; "
            "one column per symbol, prices only"
        )
    return numbers.astype(np.float64)


def _check_values(prices: pd.DataFrame, file: Path) -> None:
    empty = [str(name) for name in prices.columns if prices[name].notna().sum() == 0]
    if empty:
        raise PriceFileError(f"{file}: no price at all in {', '.join(empty)}; delete the column or fill it")
    values = prices.to_numpy()
    wrong = ~np.isnan(values) & ~((values > 0) & np.isfinite(values))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise PriceFileError(
            f"{file}: {prices.columns[column]} on {prices.index[row].date()}: expected a positive price, "
            f"got {values[row, column]:g} ({int(wrong.sum())} such cells)"
        )

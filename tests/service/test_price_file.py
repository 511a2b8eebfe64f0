"""Price files: what is read, and the errors that name the cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from portfolio_service.adapters.market_data.price_file import PriceFileError, read_prices

GOOD = "date,AAPL, msft \n2024-01-02,1.5,2\n2024-01-03,,3\n2024-01-04,1.6,4\n"


def write(folder: Path, text: str, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_file(tmp_path: Path) -> None:
    prices = read_prices(write(tmp_path, GOOD))
    assert list(prices.columns) == ["AAPL", "MSFT"]
    assert prices.index.name == "date"
    assert [str(day.date()) for day in prices.index] == ["2024-01-02", "2024-01-03", "2024-01-04"]
    assert prices["AAPL"].isna().tolist() == [False, True, False]
    assert (prices.dtypes == np.float64).all()


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("2024-01-0", "2024010"),
        GOOD.replace(",1.5", "T16:00:00-05:00,1.5").replace("03,,", "03 00:00:00,,"),
        "date,AAPL,MSFT\n2024-01-04,1.6,4\n2024-01-02,1.5,2\n2024-01-03,,3\n",
        "AAPL,date,MSFT\n1.5,2024-01-02,2\n,2024-01-03,3\n1.6,2024-01-04,4\n",
        '"date","AAPL","MSFT"\n"2024-01-02",1.5,2\n"2024-01-03",,3\n"2024-01-04",1.6,4\n',
    ],
    ids=["byte order mark", "compact dates", "times of day", "unsorted", "date column not first", "quoted"],
)
def test_csv_files_of_other_shapes_read_the_same(tmp_path: Path, text: str) -> None:
    pd.testing.assert_frame_equal(read_prices(write(tmp_path, text)), read_prices(write(tmp_path, GOOD, "good.csv")))


def test_parquet_files_and_folders_read_the_same(tmp_path: Path) -> None:
    csv = read_prices(write(tmp_path, GOOD))
    csv.to_parquet(tmp_path / "a.parquet")
    csv.reset_index().to_parquet(tmp_path / "b.parquet")
    csv.tz_localize("America/New_York").to_parquet(tmp_path / "c.parquet")
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder, "not prices", "volume.csv")
    write(folder, GOOD, "adj_close.csv")
    for path in (tmp_path / "a.parquet", tmp_path / "b.parquet", tmp_path / "c.parquet", folder):
        pd.testing.assert_frame_equal(read_prices(path), csv)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("date,AAPL\n", "a header and no rows"),
        ("AAPL,MSFT\n101.5,2.0\n102.5,3.0\n", r"column 'AAPL' has 2 of 2 rows without a date \(first: '101.5'\)"),
        (",AAPL\n0,2.0\n1,3.0\n", r"column '' has 2 of 2 rows without a date"),
        ("date,AAPL\n03/01/2024,1\n04/01/2024,2\n", r"without a date \(first: '03/01/2024'\); expected .*2024-01-31"),
        ("date,AAPL\n2024-02-31,1\n2024-03-01,2\n", r"1 of 2 rows without a date \(first: '2024-02-31'\)"),
        ("date,AAPL\n2024-01-02,1\n", "one row only; returns need at least two dates"),
        ("date,AAPL\n2024-01-02,1\n2024-01-02,2\n", "the date 2024-01-02 appears more than once"),
        ("date,AAPL,MSFT\n2024-01-02,1,\n2024-01-03,2,\n", "no price at all in MSFT; delete the column"),
        ("date,AAPL\n2024-01-02,1\n2024-01-03,n.a.x\n", "column AAPL: expected numbers, got 'n.a.x' on 2024-01-03"),
        ("date,AAPL\n2024-01-02,1\n2024-01-03,-2\n", "AAPL on 2024-01-03: expected a positive price, got -2"),
        ("date,AAPL\n2024-01-02,1\n2024-01-03,inf\n", "expected a positive price, got inf"),
        ("date,AAPL,aapl\n2024-01-02,1,1\n2024-01-03,2,2\n", "AAPL has more than one column"),
        ("date,AAPL,\n2024-01-02,1,1\n2024-01-03,2,2\n", "a column has no name"),
        ("date;AAPL\n2024-01-02;1\n2024-01-03;2\n", r"one column only \(is the separator a comma\?\)"),
        ("date,AAPL\n2024-01-02,1\n2024-01-03,2,3\n", "not a readable CSV file"),
        ("date,AAPL\n2024-01-02,True\n2024-01-03,False\n", "column AAPL: expected numbers"),
    ],
)
def test_errors_name_the_file_and_the_cell(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PriceFileError, match=message) as caught:
        read_prices(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_missing_and_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match="no such file"):
        read_prices(tmp_path / "absent.csv")
    with pytest.raises(PriceFileError, match="expected adj_close"):
        read_prices(tmp_path)
    with pytest.raises(PriceFileError, match=r"expected a \.csv or \.parquet file, got \.xlsx"):
        read_prices(write(tmp_path, GOOD, "prices.xlsx"))
    with pytest.raises(PriceFileError, match="not a readable Parquet file"):
        read_prices(write(tmp_path, GOOD, "prices.parquet"))

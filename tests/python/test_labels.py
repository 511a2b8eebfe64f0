"""Labels of pandas objects: found, matched whatever their order, and carried into the answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from portfolio_engine import _labels


def test_arrays_have_no_labels() -> None:
    x = np.eye(2)
    assert _labels.asset_names(x) is None
    assert _labels.row_labels([1, 2]) is None
    assert _labels.label_vector(x[0], None) is not None
    assert isinstance(_labels.label_matrix(x, None), np.ndarray)
    assert isinstance(_labels.label_columns(x, None), np.ndarray)


def test_names_and_rows() -> None:
    frame = pd.DataFrame(np.zeros((2, 3)), columns=["A", "B", 3], index=[10, 20])
    assert _labels.asset_names(frame) == ("A", "B", "3")
    assert _labels.asset_names(frame["A"]) == ("10", "20")
    assert _labels.row_labels(frame) == [10, 20]
    assert list(_labels.label_matrix(np.eye(2), ("x", "y")).index) == ["x", "y"]
    assert list(_labels.label_columns(np.zeros((4, 2)), ("x", "y")).columns) == ["x", "y"]
    assert list(_labels.label_vector(np.zeros(2), ("x", "y")).index) == ["x", "y"]


def test_as_array_is_float64_and_contiguous() -> None:
    for value in (np.asfortranarray(np.ones((2, 3), np.float32)), [[1, 2]], pd.DataFrame([[True, False]])):
        array = _labels.as_array(value, "f", "x")
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
    same = np.ones((3, 3))
    assert _labels.as_array(same, "f", "x") is same
    for bad in (["a"], object(), [[1], [2, 3]], np.array([1j])):
        with pytest.raises(ValueError, match=r"^\[f\] x: expected numbers, got "):
            _labels.as_array(bad, "f", "x")


def test_aligned_array_follows_the_labels() -> None:
    names = ("a", "b", "c")
    series = pd.Series({"c": 3.0, "a": 1.0, "b": 2.0})
    np.testing.assert_array_equal(_labels.aligned_array(series, names, "f", "x"), [1, 2, 3])
    np.testing.assert_array_equal(_labels.aligned_array([7, 8, 9], names, "f", "x"), [7, 8, 9])
    np.testing.assert_array_equal(_labels.aligned_array(series, None, "f", "x"), [3, 1, 2])
    with pytest.raises(
        ValueError, match=r"\[f\] x: expected the labels \['a', 'b', 'c'\], got a difference in \['c'\]"
    ):
        _labels.aligned_array(series.drop("c"), names, "f", "x")
    with pytest.raises(ValueError, match=r"got a difference in \['a'\]"):
        _labels.aligned_array(pd.Series([1.0, 2.0, 3.0, 4.0], index=["a", "a", "b", "c"]), names, "f", "x")


def test_check_finite_names_the_place() -> None:
    frame = pd.DataFrame([[1.0, 2.0], [3.0, np.inf]], columns=["A", "B"], index=["mon", "tue"])
    with pytest.raises(ValueError, match=r"^\[f\] x: expected finite numbers, got inf at row tue, column B$"):
        _labels.check_finite(frame.to_numpy(), frame, "f", "x")
    with pytest.raises(ValueError, match=r"got nan at row 1$"):
        _labels.check_finite(np.array([0.0, np.nan]), pd.Series([0.0, np.nan]), "f", "x")
    _labels.check_finite(np.array([np.nan]), np.array([np.nan]), "f", "x")  # arrays are left to the kernel

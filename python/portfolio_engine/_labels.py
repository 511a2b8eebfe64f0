"""Arrays in, labels carried through: pandas objects are recognised without importing pandas."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def _labelled(value: object) -> Any:
    """`value` itself when it is a DataFrame or a Series, else None."""
    if type(value) is np.ndarray:
        return None
    pandas = sys.modules.get("pandas")
    return value if pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series)) else None


def asset_names(value: object) -> tuple[str, ...] | None:
    """Column names of a DataFrame or index of a Series as strings; None when there are no labels."""
    table = _labelled(value)
    if table is None:
        return None
    return tuple(map(str, (table.columns if table.ndim == 2 else table.index).tolist()))


def row_labels(value: object) -> list[Any] | None:
    """The index of a pandas object as it is (dates stay dates); None when there are no labels."""
    table = _labelled(value)
    return None if table is None else list(table.index)


def row_index(value: object) -> Any:
    """The index of a pandas object itself; None when there are no labels."""
    table = _labelled(value)
    return None if table is None else table.index


def _numbers(value: object) -> npt.NDArray[Any]:
    """The array behind a value; that of a pandas object is asked for directly, which is many times faster."""
    table = _labelled(value)
    return np.asarray(value if table is None else table.to_numpy())


def as_array(value: object, function: str, argument: str) -> Array:
    """float64 array of `value`; a ValueError names the function and argument when it is not numeric."""
    if type(value) is np.ndarray and value.dtype == np.float64 and value.ndim and value.flags.c_contiguous:
        return value
    try:
        array = _numbers(value)
        if np.iscomplexobj(array):
            raise TypeError("complex numbers are not ordered")
        return np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"[{function}] {argument}: expected numbers, got {type(value).__name__} ({error})") from None


def as_floats(value: object, function: str, argument: str) -> npt.NDArray[Any]:
    """float32 memory as it is, for kernels that widen what they read; anything else as `as_array`."""
    if type(value) is np.ndarray and value.dtype == np.float64:
        return as_array(value, function, argument)
    try:
        array = _numbers(value)
    except (TypeError, ValueError):  # as_array says what is wrong
        return as_array(value, function, argument)
    if array.dtype == np.float32:
        return array
    return as_array(array if array.dtype.kind == "f" else value, function, argument)


def aligned_array(value: object, names: tuple[str, ...] | None, function: str, argument: str) -> Array:
    """float64 vector of `value`; a Series is put in the order of `names`, whatever order it came in."""
    own = asset_names(value)
    if own is None or names is None or own == names:
        return as_array(value, function, argument)
    if len(set(own)) != len(own) or set(own) != set(names):
        odd = sorted(set(own) ^ set(names)) or sorted({name for name in own if own.count(name) > 1})
        raise ValueError(f"[{function}] {argument}: expected the labels {list(names)}, got a difference in {odd}")
    position = {name: k for k, name in enumerate(own)}
    return as_array(value, function, argument)[[position[name] for name in names]]


def stacked(value: Any, function: str, argument: str) -> list[Any]:
    """The tables of a batch: the items of a sequence, or the slices along the first of an array's three axes."""
    if isinstance(value, (list, tuple)):
        return list(value)
    array = as_array(value, function, argument)
    if array.ndim != 3:
        raise ValueError(
            f"[{function}] {argument}: expected a list of tables or an array with 3 axes, got shape {array.shape}"
        )
    return list(array)


def check_finite(array: npt.NDArray[Any], value: object, function: str, argument: str) -> None:
    """ValueError that names the row and column label of the first NaN or infinity of a pandas object."""
    table = _labelled(value)
    if table is None or np.isfinite(array).all():
        return
    index = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
    where = f"row {table.index[index[0]]!s}"
    if len(index) > 1:
        where += f", column {table.columns[index[1]]!s}"
    raise ValueError(f"[{function}] {argument}: expected finite numbers, got {array[index]} at {where}")


@lru_cache(maxsize=32)
def _known_index(names: tuple[str, ...]) -> Any:
    return sys.modules["pandas"].Index(list(names))


def _index(names: tuple[str, ...]) -> Any:
    """An Index of the names: making one takes longer than many an answer, and a view of it can be renamed alone."""
    return _known_index(tuple(names)).view()


def label_vector(values: Array, names: tuple[str, ...] | None) -> Any:
    """A pandas Series indexed by `names` when labels were given, else the array."""
    if names is None:
        return values
    return sys.modules["pandas"].Series(values, index=_index(names))


def label_matrix(values: Array, names: tuple[str, ...] | None, columns: Iterable[object] | None = None) -> Any:
    """A DataFrame with `names` on the rows, and on the columns unless given, when there are labels; else the array."""
    if names is None:
        return values
    across = _index(names) if columns is None else list(columns)
    return sys.modules["pandas"].DataFrame(values, index=_index(names), columns=across)


def label_columns(values: Array, names: tuple[str, ...] | None) -> Any:
    """A DataFrame with `names` on the columns when there are labels, else the array."""
    return values if names is None else sys.modules["pandas"].DataFrame(values, columns=_index(names))
